/** Which of the commands that a run gives shows a kernel's own words. */

/** xenconsoled's log of a guest's console: `/var/log/xen/console/guest-NAME.log` (tools/console/daemon/io.c). */
const guestLog = /\/guest-\S+\.log$/;

export function isConsoleLog(command: string): boolean {
  return guestLog.test(command);
}

/** `dmesg` in the domain, or the log of its console in Dom0; not `xl dmesg`, which is Xen's. */
export function showsKernelLog(command: string): boolean {
  return isConsoleLog(command) || (/\bdmesg\b/.test(command) && !/\bxl dmesg\b/.test(command));
}

/**
 * Whether a log can do without a line only because the line was never said. A console's log ends with the guest,
 * which may have been while its kernel booted.
 */
export function isWholeBoot(command: string, log: string): boolean {
  return !isConsoleLog(command) || /Run \S+ as init process/.test(log);
}

/** Whether a kernel's log still has its first lines; a long one has lost them. */
export function hasBegin(log: string): boolean {
  return /^(?:<\d>)?\[ *(?:0\.000000\]|\d+\.\d+\] Booting Linux )/.test(log);
}
