/** A guest that is told to end by itself: how, and what becomes of it, as Dom0's toolstack shows it. */
import type { Guest } from '../model/predict/scenario.ts';
import { parseXlConfig } from '../model/xl/xl-config.ts';
import { deadline, pause, type RunClock } from './clock.ts';
import { nameInToolstack } from './domain-commands.ts';
import { dom0, type ShellPool } from './shells/pool.ts';

export type EndStep = 'guest-powers-off' | 'guest-reboots' | 'guest-crashes';

export interface GuestEndOptions {
  readonly shells: Pick<ShellPool, 'run' | 'read' | 'forget'>;
  readonly clock: RunClock;
  /** Command that lists Dom0's domains. */
  readonly list: string;
  /** Milliseconds that the guest and the toolstack have for it. */
  readonly patience: number;
}

/**
 * - `gone`: the toolstack has destroyed it.
 * - `restarted`: it runs as another domain.
 * - `halted`: it does nothing more, and is still there.
 * - `unchanged`: nothing of an end was seen.
 */
export type GuestEnd = 'gone' | 'restarted' | 'halted' | 'unchanged';

/**
 * Tells a guest to end, and waits until it has. Of a crash Xen learns nothing on Arm, and so nobody waits.
 * @throws the signal's reason; an error of Dom0's shell
 */
export async function endGuest(
  guest: Guest,
  how: EndStep,
  parts: GuestEndOptions,
  signal: AbortSignal,
): Promise<GuestEnd> {
  const name = nameInToolstack(guest);
  const before = await rowInDom0(name, parts, signal);
  await tell(name, how, parts, signal);
  if (how === 'guest-crashes') return 'halted';
  return await until(awaited(guest, how), name, before?.domid, parts, signal);
}

/** The connection breaks with the guest, sooner or later than the command's answer, or never says a word again. */
async function tell(name: string, how: EndStep, parts: GuestEndOptions, signal: AbortSignal): Promise<void> {
  const { shells, clock } = parts;
  using soon = deadline(clock, farewell, `${name} to end`, signal);
  await shells.run(name, commands[how], { signal: soon.signal }).catch(() => undefined);
  signal.throwIfAborted();
  await shells.forget(name);
}

async function until(
  end: GuestEnd,
  name: string,
  domid: number | undefined,
  parts: GuestEndOptions,
  signal: AbortSignal,
): Promise<GuestEnd> {
  using limit = deadline(parts.clock, parts.patience, `the end of ${name}`, signal);
  for (;;) {
    const now = endOf(await rowInDom0(name, parts, signal), domid);
    if (now === end || limit.signal.aborted) return now;
    await pause(parts.clock, betweenLooks, signal);
  }
}

async function rowInDom0(name: string, { shells, list }: GuestEndOptions, signal: AbortSignal) {
  const { stdout } = await shells.read(dom0, list, { signal });
  return rowOf(stdout, name);
}

/** A domain's row in what `xl list` prints. */
export function rowOf(
  listing: string,
  name: string,
): { readonly domid: number; readonly state: string } | undefined {
  const rows = listing.split('\n').map(line => line.trim().split(/\s+/));
  const [, domid, , , state = ''] = rows.find(([first]) => first === name) ?? [];
  return domid === undefined ? undefined : { domid: Number(domid), state };
}

function endOf(row: ReturnType<typeof rowOf>, domid: number | undefined): GuestEnd {
  if (row === undefined) return 'gone';
  if (row.domid !== domid) return 'restarted';
  return row.state.includes('s') ? 'halted' : 'unchanged';
}

/** xl.cfg(5): on_poweroff is "destroy" and on_reboot "restart" where the configuration does not say. */
function awaited({ config }: Guest, how: 'guest-powers-off' | 'guest-reboots'): GuestEnd {
  const [setting, otherwise] =
    how === 'guest-reboots' ? ['on_reboot', 'restart'] : ['on_poweroff', 'destroy'];
  const said = parseXlConfig(config, '').config.string(setting);
  const action = said ?? otherwise;
  if (action.endsWith('restart')) return 'restarted';
  return action.endsWith('destroy') ? 'gone' : 'halted';
}

const commands: Readonly<Record<EndStep, string>> = {
  'guest-powers-off': 'poweroff',
  'guest-reboots': 'reboot',
  'guest-crashes': 'echo c > /proc/sysrq-trigger',
};

const betweenLooks = 250;
/** A guest that was told to end has no more to say after that many milliseconds. */
const farewell = 10_000;
