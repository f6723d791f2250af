/** Texts of this project's bare-metal probe (firmware/probe/PROTOCOL.md). */
import type { Sign } from '../sign.ts';

export const probeSigns: readonly Sign[] = [
  {
    name: 'probe-ready',
    kind: 'milestone',
    pattern: /^probe: ready version=\d+ el=2\b/,
    means: 'the probe has been booted in place of Xen, and can be asked',
    source: 'firmware/probe/PROTOCOL.md',
  },
];
