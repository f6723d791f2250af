/** From whatever stands on a domain's console to a shell there that is fit for typed commands. */
import { DriverError } from '../../lab/drivers/driver-error.ts';
import { deadline, pause, type RunClock } from '../clock.ts';
import { programDirectories } from './framed-command.ts';
import { ShellLine } from './shell-line.ts';
import type { Terminal } from './terminal.ts';
import { linuxText } from '../../verdict/console/vocabulary/linux.ts';

/** Login on a console. */
export interface ConsoleUser {
  readonly user: string;
  /** Absent: none is asked for. Never recorded, never printed. */
  readonly password?: string;
  /** Where the lab file says so: `dom0`, `guests.domd`. */
  readonly field: string;
}

/**
 * Logs in, or finds a shell that needs no login.
 * @param note told what did not go as it should, though it goes on
 * @throws DriverError where the login is refused or no password is known; the signal's reason
 */
export async function consoleLogin(
  terminal: Terminal,
  who: ConsoleUser,
  clock: RunClock,
  note: (text: string) => void,
  signal: AbortSignal,
): Promise<ShellLine> {
  await terminal.ready(signal);
  const line = new ShellLine(terminal, clock);
  await new Login(terminal, who, clock).shell(line, signal);
  // No prompt, no screen to be tidy on: nothing comes but the echo and the answer. What a shell does not know is
  // refused, and does no harm.
  await line.ask('PS1= PROMPT_COMMAND=', signal);
  await line.ask('set +o emacs 2>/dev/null', signal).catch(() => signal.throwIfAborted());
  await line.ask(`PATH="$PATH:${programDirectories}"`, signal);
  await silenceKernel(line, note, signal);
  return line;
}

class Login {
  readonly #terminal: Terminal;
  readonly #who: ConsoleUser;
  readonly #clock: RunClock;
  #refused = 0;

  constructor(terminal: Terminal, who: ConsoleUser, clock: RunClock) {
    this.#terminal = terminal;
    this.#who = who;
    this.#clock = clock;
  }

  async shell(line: ShellLine, signal: AbortSignal): Promise<void> {
    let prompt = await this.#prompt('\r', signal);
    for (;;) {
      switch (prompt) {
        case 'login':
          prompt = await this.#prompt(`${this.#who.user}\r`, signal);
          break;
        case 'password':
          prompt = await this.#answerPassword(signal);
          break;
        case 'refused':
          if (++this.#refused > 2)
            throw this.#failure(
              'the login was refused',
              `see ${this.#who.field}.user and ${this.#who.field}.passwordFile of the lab file`,
            );
          prompt = await this.#prompt('\r', signal);
          break;
        default:
          try {
            await line.ask(':', signal);
            return;
          } catch {
            signal.throwIfAborted();
            await line.interrupt();
            prompt = await this.#prompt('\r', signal);
          }
      }
    }
  }

  async #answerPassword(signal: AbortSignal): Promise<Prompt> {
    const { password, user } = this.#who;
    if (password === undefined) {
      await this.#terminal.write('\r');
      throw this.#failure(
        `a password is asked for, and none is known for ${user}`,
        `name the file that holds it: ${this.#who.field}.passwordFile of the lab file`,
      );
    }
    return this.#prompt(`${password}\r`, signal, true);
  }

  /** Types, and waits for what asks for more. A terminal that stays silent may have a shell without prompt. */
  async #prompt(text: string, signal: AbortSignal, secret = false): Promise<Prompt> {
    const mark = this.#terminal.mark();
    await this.#terminal.write(text, { secret });
    try {
      using patience = deadline(
        this.#clock,
        promptDeadline * (this.#terminal.patience ?? 1),
        'a prompt',
        signal,
      );
      return await this.#lasting(mark, patience.signal);
    } catch {
      signal.throwIfAborted();
      return 'unknown';
    }
  }

  /**
   * A login prompt that is written once more, for an Enter that came before it, would have the next answer given twice:
   * the name as password, and the password as name, in the open.
   */
  async #lasting(mark: ReturnType<Terminal['mark']>, signal: AbortSignal): Promise<Prompt> {
    const spoken = () => this.#terminal.since(mark);
    for (;;) {
      const prompt = await this.#terminal.until(() => promptIn(spoken()), signal);
      if (prompt === 'shell') return prompt;
      const asked = questionsIn(spoken());
      await pause(this.#clock, lasts, signal);
      if (questionsIn(spoken()) === asked) return prompt;
    }
  }

  #failure(why: string, hint: string): DriverError {
    return new DriverError(`log in on ${this.#terminal.name}`, why, hint);
  }
}

type Prompt = 'login' | 'password' | 'refused' | 'shell' | 'unknown';

function promptIn(spoken: readonly string[]): Prompt | undefined {
  const last = spoken.at(-1) ?? '';
  if (linuxText.loginAsks.test(last)) {
    return spoken.some(text => linuxText.loginRefused.test(text)) ? 'refused' : 'login';
  }
  if (linuxText.passwordAsks.test(last)) return 'password';
  return /[#$>] ?$/.test(last) ? 'shell' : undefined;
}

function questionsIn(spoken: readonly string[]): number {
  return spoken.filter(text => linuxText.loginOrPasswordAsks.test(text)).length;
}

/**
 * Keeps the kernel's messages off the console. A message may have torn the very command that does it, so what
 * came of it is read back.
 */
async function silenceKernel(
  line: ShellLine,
  note: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    const { lines } = await line.ask('dmesg -n 1 2>/dev/null;cat /proc/sys/kernel/printk', signal);
    if (lines.some(text => /^1\s+\d+\s+\d+\s+\d+\s*$/.test(text))) return;
  }
  note("its kernel's messages could not be kept off the console; commands are repeated where one tears them");
}

const promptDeadline = 3000;
/** Milliseconds in which a prompt that is to come again has come. */
const lasts = 250;
