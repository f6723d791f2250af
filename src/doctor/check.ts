/** One thing that is looked at, and how it is looked at within its time. */
import { messageOf } from '../config/text.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import type { LabBoard } from '../lab/lab.ts';
import type { BoardEntry } from '../lab/load-lab.ts';
import { brokenLab, type Finding, type Said, wrongFile } from './finding.ts';

export interface Check {
  readonly name: string;
  /** Milliseconds. */
  readonly deadline: number;
  /** Changes nothing. What it throws becomes a finding. */
  readonly look: (signal: AbortSignal) => Promise<readonly Said[]>;
}

/** A physical board of the lab. */
export interface PhysicalBoard extends BoardEntry {
  readonly setup: LabBoard;
}

/** The machine and the user for whom the lab is to work. */
export interface Circumstances {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Where runs get their directories. */
  readonly runs: string;
  /** Where /etc, /proc, /run and /var are; `/` but in tests. */
  readonly root: string;
  readonly now: () => Date;
  /** Whether somebody is at the terminal. */
  readonly isAttended: boolean;
}

/**
 * Looks, and gives a finding also where the check fails or takes too long.
 * @throws the outer signal's reason
 */
export async function lookAt(check: Check, outer: AbortSignal): Promise<Finding[]> {
  outer.throwIfAborted();
  const patience = AbortSignal.timeout(check.deadline);
  const signal = AbortSignal.any([outer, patience]);
  const said = await Promise.race([
    check.look(signal).catch((error: unknown) => [saidOf(error)]),
    untilAborted(signal).then(() => [tooSlow(check)]),
  ]);
  outer.throwIfAborted();
  return said.map(each => ({ ...each, check: check.name }));
}

/** Message of an error of a driver or of a loader. */
function saidOf(error: unknown): Said {
  if (error instanceof ConfigurationError) return wrongFile(error.message, error.hint ?? 'correct the file');
  if (error instanceof DriverError) return brokenLab(error.message, error.hint);
  const why = messageOf(error);
  return brokenLab(why, 'run it again with --debug, and report what it prints');
}

/** A driver ends its work a moment after its deadline, with words of its own: they are worth the wait. */
const lastWords = 1500;

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const over = () => void setTimeout(resolve, lastWords).unref();
    if (signal.aborted) over();
    else signal.addEventListener('abort', over, { once: true });
  });
}

function tooSlow({ deadline }: Check): Said {
  return brokenLab(
    `no answer within ${deadline / 1000} s`,
    'see what it waits for: a host name, a mounted file system',
  );
}
