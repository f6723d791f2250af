/** Texts of Zephyr as Dom0 (xen-troops/zephyr-dom0-xt). */
import type { Sign } from '../sign.ts';

export const zephyrText = {
  /** subsys/shell/backends/shell_uart.c, CONFIG_SHELL_PROMPT_UART. */
  prompt: 'uart:~$',
  /** Pattern of what stands on a line that has not ended: the shell waits. */
  waits: String.raw`uart:~\$ ?$`,
} as const;

export const zephyrSigns: readonly Sign[] = [
  {
    name: 'zephyr-fatal',
    kind: 'fatal',
    talkers: ['linux', 'unknown'],
    pattern: /^(?:\[[\d:.,]+\] )?(?:<err> os: )?(>>> ZEPHYR FATAL ERROR \d+: .*)/,
    means: 'a fatal error of Zephyr',
    source: 'Zephyr kernel/fatal.c',
  },
  {
    name: 'zephyr-assertion',
    kind: 'fatal',
    talkers: ['linux', 'unknown'],
    pattern: /^(ASSERTION FAIL \[.*\] @ .*)/,
    means: 'an assertion of Zephyr',
    source: 'Zephyr include/zephyr/sys/__assert.h',
  },
];
