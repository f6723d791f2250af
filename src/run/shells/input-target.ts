/** Where Xen sends what is typed on its console. */
import { xenText } from '../../verdict/console/vocabulary/xen.ts';

/** `xen`: to its debug keys. `DOM1`: to a domain that Xen started itself and whose UART it emulates. */
export type InputTarget = 'xen' | 'dom0' | `DOM${number}`;

/** Ctrl-a three times (Xen drivers/char/console.c, switch_serial_input; `conswitch` has `a` unless told). */
export const switchKeys = '\x01\x01\x01';

/**
 * Which target a line of Xen announces. With `conswitch=ax` it says nothing at the end of its boot, and keeps the
 * input (docs/misc/xen-command-line.pandoc).
 * @param text without Xen's prefix: `*** Serial input to DOM0 (type 'CTRL-a' three times to switch input)`
 */
export function inputAnnouncement(text: string): InputTarget | undefined {
  if (/^Command line: (?:.* )?conswitch=\wx(?: |$)/.test(text)) return 'xen';
  const target = xenText.input.exec(text);
  if (target === null) return undefined;
  if (target[2] !== undefined) return 'xen';
  const domid = Number(target[1]);
  return domid === 0 ? 'dom0' : `DOM${domid}`;
}

/** The domain behind a target; undefined for Xen itself. */
export function domidOf(target: InputTarget): number | undefined {
  if (target === 'xen') return undefined;
  return target === 'dom0' ? 0 : Number(target.slice('DOM'.length));
}
