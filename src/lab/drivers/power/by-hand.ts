import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import type { PowerDriver } from './power.ts';

export interface Person {
  readonly input: Readable;
  readonly output: Writable;
  /** Whether somebody is there: a terminal, and no CI. */
  readonly isThere: boolean;
}

/**
 * A person who switches a board when asked, and presses Enter when it is done.
 *
 * @param board name, for the question
 */
export function powerByHand(board: string, person: Person): PowerDriver {
  const ask = async (to: 'on' | 'off', signal: AbortSignal) => {
    const attempt = `ask somebody to switch ${board} ${to}`;
    const hint = 'give the board a power switch in the lab file, or run this at a terminal';
    if (!person.isThere) {
      throw new DriverError(attempt, 'nobody is there: this is no terminal', hint);
    }

    const lines = createInterface({ input: person.input, output: person.output });
    // End of input: nobody is there any more.
    const gone = new AbortController();
    lines.once('close', () => gone.abort());
    try {
      await lines.question(`Switch ${board} ${to.toUpperCase()}, then press Enter: `, {
        signal: AbortSignal.any([signal, gone.signal]),
      });
    } catch {
      throw signal.aborted
        ? cutShort(attempt, 'Enter', hint, signal)
        : new DriverError(attempt, 'the terminal was closed', hint);
    } finally {
      lines.close();
    }
  };

  return {
    name: 'by hand',
    on: signal => ask('on', signal),
    off: signal => ask('off', signal),
    state: () => Promise.resolve('unknown'),
  };
}
