/** How domains are logged in to on their consoles, where there is no network to them. */
import type { OpenBoard } from '../../lab/open-board.ts';
import { DriverError } from '../../lab/drivers/driver-error.ts';
import type { Recorder } from '../../verdict/recording/event.ts';
import type { BoardConsole } from '../board-console.ts';
import type { RunClock } from '../clock.ts';
import { consoleLogin, type ConsoleUser } from './console-login.ts';
import { type DomainShell, framedShell } from './framed-shell.ts';
import { GuestTerminal } from './guest-terminal.ts';
import { switchInput } from './input-switch.ts';
import { domidOf, type InputTarget } from './input-target.ts';
import type { Terminal } from './terminal.ts';
import { ZephyrShell } from './zephyr-shell.ts';

export interface ConsoleShells {
  /** On the board's serial console. */
  dom0(signal: AbortSignal): Promise<DomainShell>;
  /**
   * On the console that the toolstack has made for a guest, or on the board's own for a domain that Xen has made.
   * @param name as the toolstack calls it
   * @param inDom0 gives the shell in Dom0 in which the toolstack is
   */
  guest(name: string, inDom0: () => Promise<DomainShell>, signal: AbortSignal): Promise<DomainShell>;
}

export interface ConsoleShellsOptions {
  readonly console: BoardConsole;
  readonly board: Pick<OpenBoard, 'dom0' | 'dom0System' | 'consoleLogin' | 'guestLogins'>;
  /** Names of the domains that Xen makes, in the order of their nodes: the first one is domain 1. */
  readonly dom0less: readonly string[];
  readonly recorder: Recorder;
  readonly clock: RunClock;
}

/** Logs in as the lab says, or as the user that the board type has for Dom0. */
export function consoleShells({
  console,
  board,
  dom0less,
  recorder,
  clock,
}: ConsoleShellsOptions): ConsoleShells {
  const { dom0, dom0System, consoleLogin: login, guestLogins } = board;
  const logIn = async (terminal: Terminal, domain: string, who: ConsoleUser, signal: AbortSignal) => {
    const note = (text: string) =>
      recorder.record('console', { kind: 'note', data: { text: `${domain}: ${text}` } });
    return framedShell(terminal, await consoleLogin(terminal, who, clock, note, signal), signal);
  };
  return {
    async dom0(signal) {
      const terminal = onXensConsole(console, 'dom0', clock);
      if (dom0System === 'zephyr') {
        const shell = new ZephyrShell({ ...terminal, piece: halfOfFifo }, clock);
        await shell.exec('xu config_list', { signal });
        return shell;
      }
      const who = { ...(login ?? { user: dom0.user }), field: 'dom0' };
      return logIn(terminal, 'Dom0', who, signal);
    },
    async guest(name, inDom0, signal) {
      const who: ConsoleUser = { ...(guestLogins?.get(name) ?? { user: 'root' }), field: `guests.${name}` };
      const index = dom0less.indexOf(name);
      if (index >= 0) {
        return logIn(onXensConsole(console, `DOM${index + 1}`, clock), name, who, signal);
      }
      const shell = await inDom0();
      if (shell instanceof ZephyrShell) return logIn(shell.consoleOf(name), name, who, signal);
      if (who.password !== undefined && shell.isSeen === true) throw wouldBeSeen(name, shell.name);
      const terminal = await GuestTerminal.open(name, shell, clock, signal);
      try {
        return ending(await logIn(terminal, name, who, signal), terminal);
      } catch (error) {
        await terminal.close();
        throw error;
      }
    },
  };
}

/** A domain whose UART is the board's, or looks so to it. */
function onXensConsole(
  console: BoardConsole,
  target: Exclude<InputTarget, 'xen'>,
  clock: RunClock,
): Terminal {
  const domid = domidOf(target) ?? 0;
  return {
    name: `${domid === 0 ? '' : `${target} on `}the serial console (${console.name})`,
    piece: domid === 0 ? halfOfRing : halfOfFifo,
    // Where Xen has said nothing of its input, it is where it is after a boot: at Dom0.
    ready: async signal => {
      if (console.input !== undefined || domid !== 0) await switchInput(console, target, clock, signal);
    },
    write: (text, typing) => console.write(text, typing),
    mark: () => console.mark(),
    since: mark => console.spokenSince(mark, domid),
    until: (seen, signal) => console.until(seen, signal),
  };
}

function ending(shell: DomainShell, terminal: GuestTerminal): DomainShell {
  return {
    name: shell.name,
    isSeen: shell.isSeen ?? false,
    exec: (command, options) => shell.exec(command, options),
    async close() {
      await shell.close();
      await terminal.close();
    },
  };
}

function wouldBeSeen(name: string, where: string): DriverError {
  return new DriverError(
    `log in on the console of ${name}`,
    `its password would be typed, and shown, on ${where}`,
    'let its image log somebody in on its console, or give Dom0 a network',
  );
}

/** Xen keeps this number of characters for Dom0 and drops the rest (drivers/char/console.c, SERIAL_RX_SIZE is 128). */
const halfOfRing = 64;
/** A UART that Xen emulates holds 32 (include/asm/vpl011.h, SBSA_UART_FIFO_SIZE). */
const halfOfFifo = 16;
