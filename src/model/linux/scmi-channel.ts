import type { Reason } from '../trace/observation.ts';
import { encodeHeader } from '../scmi/header.ts';
import { channelStatus, headerSize, sharedMemoryOffset as offset } from '../scmi/shared-memory.ts';
import type { GuestMachine } from '../xen/guest.ts';
import { errno, errnoOfStatus } from './errno.ts';
import type { KernelLog } from './kernel-log.ts';

/** Reply to one message. */
export interface Reply {
  /** 0, or the negative errno that the driver makes of it. */
  readonly error: number;
  /** Words after the status; empty where there was an error. */
  readonly words: readonly number[];
}

/** A whole reply. */
export interface RawReply {
  /** Header, status and payload. */
  readonly bytes: Uint8Array;
  /** Firmware announced more than the shared memory holds. */
  readonly isCut: boolean;
}

export interface ScmiChannelConfiguration {
  readonly functionId: number;
  /** Address of the shared memory in the domain. */
  readonly shmem: number;
  /** Bytes of the shared memory that messages may use. */
  readonly size: number;
  /** Device whose name the transport prints: `scmi_protocol scmi_dev.1`. */
  readonly device: string;
  /** Path of the SCMI node. */
  readonly node: string;
}

/**
 * The SMC transport of Linux (drivers/firmware/arm_scmi/transports/smc.c and shmem.c): polling, one message
 * at a time. Nothing checks that the reply belongs to the request: what stands in the area after the call
 * is taken for it.
 */
export class ScmiChannel {
  readonly #machine: GuestMachine;
  readonly #log: KernelLog;
  readonly #configuration: ScmiChannelConfiguration;
  #token = 0;
  #warned = false;

  constructor(machine: GuestMachine, log: KernelLog, configuration: ScmiChannelConfiguration) {
    this.#machine = machine;
    this.#log = log;
    this.#configuration = configuration;
  }

  /**
   * Sends one command and takes the reply.
   *
   * @param words payload
   * @throws GuestAbort where the shared memory is not the domain's
   */
  send(protocol: number, message: number, words: readonly number[] = []): Reply {
    this.#token = (this.#token + 1) & 0x3ff;
    this.#prepare(encodeHeader({ protocol, message, token: this.#token }), words);
    if (this.#machine.smc(this.#configuration.functionId) !== 0) {
      return { error: -errno.EOPNOTSUPP, words: [] };
    }
    const payload = Math.max(0, this.#read(offset.length) - headerSize);
    const error = errnoOfStatus(this.#read(offset.payload) | 0);
    const room = this.#configuration.size - offset.payload - 4;
    const count = error === 0 ? Math.floor(Math.min(Math.max(0, payload - 4), room) / 4) : 0;
    const reply: number[] = [];
    for (let index = 1; index <= count; index++) reply.push(this.#read(offset.payload + 4 * index));
    return { error, words: reply };
  }

  /** Bytes of payload that a message may have. */
  get mostPayload(): number {
    return this.#configuration.size - offset.payload;
  }

  /**
   * Sends what is given, header and all, and takes what stands in the area then (shmem_fetch_response). The reply's
   * header is the command's: firmware's own is not read where the call returns with the reply.
   *
   * @returns the reply, or the negative errno of the call
   * @throws GuestAbort where the shared memory is not the domain's
   */
  exchange(message: Uint8Array): RawReply | number {
    const [header = 0, ...words] = wordsOf(message);
    this.#prepare(header, words, message.length);
    if (this.#machine.smc(this.#configuration.functionId) !== 0) return -errno.EOPNOTSUPP;
    const announced = Math.max(0, this.#read(offset.length) - headerSize - 4);
    const payload = Math.min(announced, this.mostPayload - 4);
    const afterHeader = Array.from({ length: Math.ceil((4 + payload) / 4) }, (_, index) =>
      this.#read(offset.payload + 4 * index),
    );
    const bytes = bytesOf([header, ...afterHeader]).subarray(0, headerSize + 4 + payload);
    return { bytes, isCut: announced > payload };
  }

  /** shmem_tx_prepare: a channel that is not free is left as it is, and the doorbell rung all the same. */
  #prepare(header: number, words: readonly number[], length = headerSize + 4 * words.length): void {
    if ((this.#read(offset.channelStatus) & channelStatus.free) === 0) {
      this.#sayBusy();
      return;
    }
    this.#write(offset.channelStatus, 0);
    this.#write(offset.channelFlags, 0);
    this.#write(offset.length, length);
    this.#write(offset.header, header);
    let at = offset.payload;
    for (const word of words) {
      this.#write(at, word);
      at += 4;
    }
  }

  #sayBusy(): void {
    const reason: Reason = {
      rule: 'linux.scmi.channel-busy',
      because: 'the status word of the shared memory is not FREE when Linux wants to send',
      place: this.#configuration.node,
    };
    if (!this.#warned) {
      this.#warned = true;
      this.#log.print(
        'WARNING: CPU: 0 PID: 1 at drivers/firmware/arm_scmi/shmem.c:115 shmem_tx_prepare+0x150/0x170',
        reason,
        [
          {
            part: /CPU: 0 PID: 1 at /,
            as: '.*',
            because: 'the CPU and the task vary, and new kernels name neither',
          },
          { part: /115/, as: '\\d+.*', because: 'numbers of source lines change with every commit' },
          { part: /0x150\/0x170/, as: '.*', because: 'offsets change with every build' },
        ],
      );
    }
    this.#log.print(`${this.#configuration.device}: Timeout waiting for a free TX channel !`, reason);
  }

  #read(at: number): number {
    return this.#machine.readU32(this.#configuration.shmem + at);
  }

  #write(at: number, value: number): void {
    this.#machine.writeU32(this.#configuration.shmem + at, value);
  }
}

/** Words as they lie in memory. */
export function bytesOf(words: readonly number[]): Uint8Array {
  return Uint8Array.from(words.flatMap(word => [0, 8, 16, 24].map(shift => (word >>> shift) & 0xff)));
}

/** Words of bytes as they lie in memory; the last one is filled up with zeroes. */
function wordsOf(bytes: Uint8Array): number[] {
  return Array.from({ length: Math.ceil(bytes.length / 4) }, (_, index) =>
    [3, 2, 1, 0].reduce((word, byte) => word * 0x100 + (bytes[4 * index + byte] ?? 0), 0),
  );
}
