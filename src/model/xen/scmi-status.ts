import { status } from '../scmi/status.ts';
import { errno } from './errno.ts';

/**
 * Xen's error number for the status of an SCMI reply: scmi_to_xen_errno() in
 * xen/arch/arm/firmware/scmi-proto.h.
 * @returns 0 or a negative errno; -EINVAL for what the table does not have
 */
export function errnoOfStatus(code: number): number {
  return code === status.SUCCESS ? 0 : -(table.get(code) ?? errno.EINVAL);
}

const table = new Map<number, number>([
  [status.NOT_SUPPORTED, errno.EOPNOTSUPP],
  [status.INVALID_PARAMETERS, errno.EINVAL],
  [status.DENIED, errno.EACCES],
  [status.NOT_FOUND, errno.ENOENT],
  [status.OUT_OF_RANGE, errno.ERANGE],
  [status.BUSY, errno.EBUSY],
  [status.COMMS_ERROR, errno.ENOTCONN],
  [status.GENERIC_ERROR, errno.EIO],
  [status.HARDWARE_ERROR, errno.ENXIO],
  [status.PROTOCOL_ERROR, errno.EBADMSG],
]);
