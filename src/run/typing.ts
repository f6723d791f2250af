/** Typing at a boot loader's prompt: no faster than it echoes, nothing executed that did not arrive whole. */
import type { BoardConsole } from './board-console.ts';
import { deadline, type RunClock } from './clock.ts';
import { literal } from './console-signs.ts';

/** Types at a prompt of one kind. */
export class Typist {
  readonly #console: BoardConsole;
  readonly #clock: RunClock;
  readonly #prompt: RegExp;

  /** @param prompt the boot loader's prompt as it stands at the head of a line */
  constructor(console: BoardConsole, clock: RunClock, prompt: string) {
    this.#console = console;
    this.#clock = clock;
    this.#prompt = new RegExp(`^${literal(prompt)}$`);
  }

  /**
   * Types a command and waits for the prompt after it.
   * @returns the lines of its answer
   */
  async ask(command: string, signal: AbortSignal): Promise<string> {
    await this.#typeWhole(command, signal);
    const mark = this.#console.mark();
    await this.#console.write('\r');
    await this.#console.prompt(this.#prompt, mark, signal);
    // The first line is the command itself.
    return this.#console.linesSince(mark).slice(1).join('\n');
  }

  /** Types a command after which no prompt is due. */
  async type(command: string, signal: AbortSignal): Promise<void> {
    await this.#typeWhole(command, signal);
    await this.#console.write('\r');
  }

  async #typeWhole(command: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const mark = this.#console.mark();
      try {
        await this.#typeEchoed(command, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        const echo = this.#console.unfinished();
        if (attempt === attempts) {
          throw new Error(`typed \`${command}\`, but the console echoed \`${echo}\``, { cause: error });
        }
      }
      // Ctrl-C drops what arrived of it and brings a new prompt.
      using patience = deadline(this.#clock, echoDeadline, "U-Boot's prompt after Ctrl-C", signal);
      await this.#console.write('\u0003');
      await this.#console.prompt(this.#prompt, mark, patience.signal);
    }
  }

  async #typeEchoed(command: string, signal: AbortSignal): Promise<void> {
    const mark = this.#console.mark();
    for (let typed = 0; typed < command.length; ) {
      const piece = command.slice(typed, typed + pieceLength);
      typed += piece.length;
      using patience = deadline(this.#clock, echoDeadline, `the echo of \`${piece}\``, signal);
      await this.#console.write(piece);
      const echo = new RegExp(`^${literal(command.slice(0, typed))}$`);
      await this.#console.prompt(echo, mark, patience.signal);
    }
  }
}

/** U-Boot's UART has a FIFO of 16 bytes and no flow control. */
const pieceLength = 16;
const echoDeadline = 3000;
const attempts = 3;
