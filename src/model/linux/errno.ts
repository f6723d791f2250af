/** Numbers of Linux's errno.h that the SCMI client and the driver core print. */
export const errno = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  ENXIO: 6,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  ERANGE: 34,
  ENODATA: 61,
  ECOMM: 70,
  EPROTO: 71,
  EOPNOTSUPP: 95,
  EADDRNOTAVAIL: 99,
  EREMOTEIO: 121,
} as const;

/** `-EOPNOTSUPP` for -95: what `%pe` prints. */
export function errorName(code: number): string {
  return names.get(-code) ?? String(code);
}

/**
 * The negative errno of an SCMI status (scmi_linux_errmap of drivers/firmware/arm_scmi/driver.c); 0 for
 * success and for positive numbers, which the driver takes for success.
 */
export function errnoOfStatus(status: number): number {
  if (status >= 0) return 0;
  return -(errnoByStatus[-status] ?? errno.EIO);
}

const names = new Map<number, string>(Object.entries(errno).map(([name, code]) => [code, `-${name}`]));

const errnoByStatus = [
  0,
  errno.EOPNOTSUPP,
  errno.EINVAL,
  errno.EACCES,
  errno.ENOENT,
  errno.ERANGE,
  errno.EBUSY,
  errno.ECOMM,
  errno.EIO,
  errno.EREMOTEIO,
  errno.EPROTO,
];
