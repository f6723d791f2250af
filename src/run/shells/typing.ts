/** Typing at a boot loader's prompt: no faster than it echoes, nothing executed that did not arrive whole. */
import type { ConsoleMark } from '../../verdict/console/expect.ts';
import type { BoardConsole } from '../board-console.ts';
import { deadline, type RunClock } from '../clock.ts';
import { escaped } from '../../config/text.ts';

export interface TypistOptions {
  /** The boot loader's prompt as it stands at the head of a line. */
  readonly prompt: string;
  /** Told what had to be done again. */
  readonly note: (text: string) => void;
}

/** Types at a prompt of one kind. */
export class Typist {
  readonly #console: BoardConsole;
  readonly #clock: RunClock;
  readonly #prompt: string;
  readonly #atPrompt: RegExp;
  readonly #note: (text: string) => void;
  /** Characters that are typed before their echo has come: fewer from the first on that got lost. */
  #piece: number = pieces[0];

  constructor(console: BoardConsole, clock: RunClock, { prompt, note }: TypistOptions) {
    this.#console = console;
    this.#clock = clock;
    this.#prompt = prompt;
    this.#atPrompt = new RegExp(`^${escaped(prompt)}$`);
    this.#note = note;
  }

  /**
   * Types a command and waits for the prompt after it.
   * @returns the lines of its answer
   */
  async ask(command: string, signal: AbortSignal): Promise<string> {
    await this.type(command, signal);
    const mark = this.#console.mark();
    await this.#console.write('\r');
    await this.#promptSince(mark, signal);
    // The first line is the command itself.
    return this.#console.linesSince(mark).slice(1).join('\n');
  }

  /** All but Enter: what is echoed otherwise than it was typed is never executed. */
  async type(command: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const mark = this.#console.mark();
      try {
        await this.#typeEchoed(command, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        const echo = this.#console.unfinished();
        if (attempt === attempts) {
          throw new Error(`typed \`${command}\` ${attempts} times, and the console echoed \`${echo}\``, {
            cause: error,
          });
        }
        this.#piece = pieces.find(length => length < this.#piece) ?? this.#piece;
        this.#note(
          `\`${command}\` is typed again, ${this.#piece} characters at a time: the echo was \`${echo}\``,
        );
      }
      // Ctrl-C drops what arrived of it and brings a new prompt.
      using patience = deadline(this.#clock, promptDeadline, "U-Boot's prompt after Ctrl-C", signal);
      await this.#console.write(ctrlC);
      await this.#promptSince(mark, patience.signal);
    }
  }

  async #typeEchoed(command: string, signal: AbortSignal): Promise<void> {
    const mark = this.#console.mark();
    for (let typed = 0; typed < command.length; ) {
      const piece = command.slice(typed, typed + this.#piece);
      typed += piece.length;
      using patience = deadline(this.#clock, echoDeadline, `the echo of \`${piece}\``, signal);
      await this.#console.write(piece);
      const echo = new RegExp(`^${escaped(command.slice(0, typed))}$`);
      await this.#console.prompt(echo, mark, patience.signal);
    }
  }

  /**
   * Waits for the prompt. Where it stands behind a log line, or lacks a character, another one is asked for: by
   * Ctrl-C, since Enter alone repeats the last command (U-Boot common/cli_simple.c).
   */
  async #promptSince(mark: ConsoleMark, signal: AbortSignal): Promise<void> {
    let seen: string | undefined;
    for (let asked = 0; ; ) {
      try {
        using silence = deadline(this.#clock, silent, 'the prompt', signal);
        await this.#console.prompt(this.#atPrompt, mark, silence.signal);
        return;
      } catch {
        signal.throwIfAborted();
      }
      const text = this.#console.unfinished();
      const stands = text === seen;
      seen = text;
      if (!stands || asked === attempts || !this.#hides(text)) continue;
      asked++;
      this.#note(`no prompt at the head of a line, but \`${text}\`: Ctrl-C asks for one`);
      await this.#console.write(ctrlC);
    }
  }

  /** Whether U-Boot waits for a command, though what stands there is not quite its prompt. */
  #hides(text: string): boolean {
    const prompt = this.#prompt;
    if (text === '') return false;
    if (text.endsWith(prompt) || text.startsWith(prompt)) return true;
    return Array.from(prompt, (_, at) => [
      `${prompt.slice(0, at)}${prompt.slice(at + 1)}`,
      `${prompt.slice(0, at + 1)}${prompt.slice(at)}`,
    ]).some(damaged => damaged.includes(text));
  }
}

/** U-Boot's UART has a FIFO of 16 bytes and no flow control; some lose what comes while they are busy. */
const pieces = [16, 4, 1] as const;
const ctrlC = '\u0003';
const echoDeadline = 1000;
const promptDeadline = 3000;
/** Text that has not changed for so long twice is all that comes. */
const silent = 400;
const attempts = 4;
