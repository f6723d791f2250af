/**
 * SCMI raw mode: messages that user space writes itself, through debugfs, since Linux 6.3
 * (Documentation/ABI/testing/debugfs-scmi-raw, drivers/firmware/arm_scmi/raw_mode.c).
 */
import { decodeHeader } from '../scmi/header.ts';
import { onlyAsks } from '../scmi/message-names.ts';
import { headerSize } from '../scmi/shared-memory.ts';
import { errno } from './errno.ts';
import { bytesOf, type RawReply, type ScmiChannel } from './scmi-channel.ts';

/**
 * Build of a kernel: `exclusive` is CONFIG_ARM_SCMI_RAW_MODE_SUPPORT, with which no SCMI driver binds;
 * `coexisting` is CONFIG_ARM_SCMI_RAW_MODE_SUPPORT_COEX beside it, with which they do.
 */
export type RawMode = 'none' | 'exclusive' | 'coexisting';

/** Where each SCMI instance has a directory, by its number from 0. */
export const scmiDebugDirectory = '/sys/kernel/debug/scmi';

/** The files of an instance for raw messages. */
export function rawDirectory(instance = 0): string {
  return `${scmiDebugDirectory}/${instance}/raw`;
}

/**
 * The command with which a shell sends a message and prints the reply, for busybox and coreutils alike. The message
 * goes in one write, as raw mode wants it: dd gathers a block of its length, however the shell hands it over. Reading
 * is given up after a while, since it waits for a reply that may not come.
 *
 * @param words header and payload
 * @param directory the instance's files
 * @returns prints header, status and payload of the reply as hexadecimal digits in the order of memory; ends with
 *   another status than 0 where the kernel could not send
 */
export function rawMessageCommand(words: readonly number[], directory: string = rawDirectory()): string {
  const bytes = bytesOf(words);
  const escapes = [...bytes].map(byte => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  const file = `${directory}/message`;
  const send = `printf '${escapes}' | dd of=${file} obs=${bytes.length} 2>/dev/null`;
  const receive = `timeout ${patience} dd if=${file} bs=256 count=1 2>/dev/null`;
  return `${send} && ${receive} | od -An -v -tx1 | tr -d ' \\n'`;
}

/** Seconds that the reply may take: the kernel's own limit is 30 ms for most transports. */
const patience = 3;

/** The reply as a regular expression for what `rawMessageCommand` prints. The token is the writer's affair. */
export function rawReplyPattern(bytes: Uint8Array): string {
  const [message = 0, low = 0, middle = 0, ...rest] = bytes;
  const protocolEnd = middle & 0x3;
  const nibbles = [0, 4, 8, 12].map(token => (protocolEnd + token).toString(16)).join('');
  return `${hexadecimal([message, low])}[0-9a-f][${nibbles}]0[0-9a-f]${hexadecimal(rest.slice(1))}`;
}

/** Bytes as `rawMessageCommand` prints them. */
export function hexadecimal(bytes: Iterable<number>): string {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('');
}

/** Why a header cannot be sent in raw mode; undefined where it can (unpack_scmi_header, pack_scmi_header). */
export function unsendable(header: number): string | undefined {
  if (decodeHeader(header).type !== 0) return 'a message type other than 0 is no command';
  return header >>> 28 === 0 ? undefined : 'bits 28 to 31 are not passed on';
}

/** Whether a message leaves firmware as it is. */
export function leavesAllAsItIs(header: number): boolean {
  const { protocol, message } = decodeHeader(header);
  return onlyAsks(protocol, message);
}

/** `raw/` of one instance. */
export class RawInterface {
  /** Name of the SCMI node. */
  readonly instanceName: string;
  readonly #channel: ScmiChannel;
  readonly #say: (text: string) => void;
  #replies: Uint8Array[] = [];

  /** @param say prints for the instance's device */
  constructor(instanceName: string, channel: ScmiChannel, say: (text: string) => void) {
    this.instanceName = instanceName;
    this.#channel = channel;
    this.#say = say;
  }

  /**
   * A write to `message` (scmi_dbg_raw_mode_common_write).
   * @returns 0 or a negative errno
   * @throws GuestAbort where the shared memory is not the domain's
   */
  write(bytes: Uint8Array): number {
    const reply = this.send(bytes);
    if (typeof reply === 'number') return reply;
    // scmi_xfer_raw_collect keeps none that is longer than the transport's messages.
    if (!reply.isCut) this.#replies.push(reply.bytes);
    return 0;
  }

  /**
   * Sends a message.
   * @returns the reply, or the negative errno with which the write fails
   * @throws GuestAbort where the shared memory is not the domain's
   */
  send(bytes: Uint8Array): RawReply | number {
    if (bytes.length > headerSize + this.#channel.mostPayload) return -errno.ENOSPC;
    if (bytes.length < headerSize) return -errno.EINVAL;
    const reply = this.#channel.exchange(bytes);
    if (typeof reply === 'number') this.#say(`Failed to send RAW message ${reply}`);
    return reply;
  }

  /** A read of `message`: the oldest reply; empty where a reader would wait for one. */
  read(): Uint8Array {
    return this.#replies.shift() ?? new Uint8Array();
  }

  /** A write to `reset`. */
  reset(): void {
    this.#say('Resetting SCMI Raw stack.');
    this.#replies = [];
  }
}
