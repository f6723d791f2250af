/** Error numbers of Xen's public interface, by name (xen/include/public/errno.h). Functions return them negated. */
export const errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ERANGE: 34,
  ENOSYS: 38,
  ENODATA: 61,
  EBADMSG: 74,
  EILSEQ: 84,
  EOPNOTSUPP: 95,
  ENOTCONN: 107,
} as const;

/** `EACCES` for -13 (and 13); `errno 99` for a number that is not in the table. */
export function errnoName(rc: number): string {
  return names.get(Math.abs(rc)) ?? `errno ${Math.abs(rc)}`;
}

const names = new Map<number, string>(Object.entries(errno).map(([name, number]) => [number, name]));
