/** Dom0's shell on the board's serial console, for a Dom0 without a network. */
import type { OpenBoard } from '../board/open-board.ts';
import type { Recorder } from '../recording/event.ts';
import type { BoardConsole } from './board-console.ts';
import type { RunClock } from './clock.ts';
import { consoleLogin } from './console-login.ts';
import { framedShell } from './framed-shell.ts';
import { switchInput } from './input-switch.ts';
import type { ConsoleWay } from './sessions.ts';
import type { Terminal } from './terminal.ts';

/** Logs in as the lab says, or as the user that the board type has for Dom0. */
export function dom0Console(
  console: BoardConsole,
  { dom0, consoleLogin: login }: OpenBoard,
  recorder: Recorder,
  clock: RunClock,
): ConsoleWay {
  const who = login ?? { user: dom0.user };
  const note = (text: string) =>
    recorder.record('console', { kind: 'note', data: { text: `Dom0: ${text}` } });
  const terminal: Terminal = {
    name: `the serial console (${console.name})`,
    piece: halfOfRing,
    // Where Xen has said nothing of its input, it is where it is after a boot: at Dom0.
    ready: async signal => {
      if (console.input !== undefined) await switchInput(console, 'dom0', clock, signal);
    },
    write: (text, typing) => console.write(text, typing),
    mark: () => console.mark(),
    since: mark => console.spokenSince(mark, 0),
    until: (seen, signal) => console.until(seen, signal),
  };
  return async signal =>
    framedShell(terminal, await consoleLogin(terminal, who, clock, note, signal), signal);
}

/** Xen keeps so many characters for Dom0 and drops the rest (drivers/char/console.c, SERIAL_RX_SIZE is 128). */
const halfOfRing = 64;
