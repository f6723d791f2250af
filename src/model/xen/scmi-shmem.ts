import { decodeHeader } from '../scmi/header.ts';
import { channelStatus, putMessage, SharedMemory } from '../scmi/shared-memory.ts';
import { statusName } from '../scmi/status.ts';
import type { Why } from './console.ts';
import type { Context } from './context.ts';
import { pageSize } from './domain.ts';
import { errno } from './errno.ts';
import { errnoOfStatus } from './scmi-status.ts';

/** scmi_msg_header_t: what Xen takes from a header; a reply overwrites it. */
export interface MessageId {
  id: number;
  type: number;
  protocol: number;
}

/** Payload of a reply after its status word, or a negative errno. */
export type Response = { readonly rc: number; readonly words: readonly number[] };

/** Marks a channel free, as Xen does with every page that it maps. */
export function markFree(context: Context, address: number): void {
  new SharedMemory(context.machine.memory, address).channelStatus = channelStatus.free;
}

/**
 * shmem_put_message(): puts a command of Xen's into its page.
 * @param address machine address of the page
 * @param words payload
 * @returns 0; -EINVAL for a payload beyond the page, -EBUSY where the channel is not free
 */
export function putXenMessage(
  context: Context,
  address: number,
  header: Readonly<MessageId>,
  words: readonly number[],
  why: Why,
): number {
  if (payloadOffset + 4 * words.length > pageSize) {
    context.console.printk('scmi-shmem.message-size', [], why);
    return -errno.EINVAL;
  }
  const area = new SharedMemory(context.machine.memory, address);
  if (!area.free) return -errno.EBUSY;
  putMessage(area, { protocol: header.protocol, message: header.id, words });
  return 0;
}

/**
 * shmem_get_response(): reads the reply after the SMC.
 * @param header overwritten with the header that the page then has
 * @param room bytes of payload, without the status, that the caller can take
 */
export function getResponse(
  context: Context,
  address: number,
  header: MessageId,
  room: number,
  why: Why,
): Response {
  const area = new SharedMemory(context.machine.memory, address);
  if (!area.free) return failed(-errno.EBUSY);
  const received = (area.length - 4) | 0;
  if (received < 0) {
    context.console.printk('scmi-shmem.reply-length', [], {
      ...why,
      because: `the length word of the reply is ${area.length}, less than a header`,
    });
    return failed(-errno.EINVAL);
  }
  const { message, type, protocol } = decodeHeader(area.header);
  header.id = message;
  header.type = type;
  header.protocol = protocol;
  const status = area.word(0) | 0;
  const rc = errnoOfStatus(status);
  if (rc !== 0) {
    context.console.printk('scmi-shmem.status', [rc], {
      ...why,
      because: `firmware answers ${statusName(status)} (${status}) to ${why.because}`,
    });
    return failed(rc);
  }
  const payload = Math.max(0, received - 4);
  if (payload > room) {
    context.console.printk('scmi-shmem.reply-too-long', [payload, room], {
      ...why,
      because: `the reply is longer than what Xen expects of ${why.because}`,
    });
    return failed(-errno.EINVAL);
  }
  const words = Array.from({ length: payload >> 2 }, (_, index) => area.word(1 + index));
  return { rc: 0, words };
}

const failed = (rc: number): Response => ({ rc, words: [] });
const payloadOffset = 0x1c;
