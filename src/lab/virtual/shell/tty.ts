/** The terminal of a shell: what is typed waits there until it is read, and Ctrl-C ends what runs. */

export class Tty {
  readonly write: (text: string) => void;
  #typed: string[] = [];
  #arrived: (() => void) | undefined;
  #foreground: AbortController | undefined;

  /** @param write shows text: lines end with CR and LF */
  constructor(write: (text: string) => void) {
    this.write = write;
  }

  /** Somebody presses keys. */
  type(keys: string): void {
    for (const key of keys) {
      if (key === interrupt && this.#foreground !== undefined) {
        this.#typed = [];
        this.write('^C');
        this.#foreground.abort(new Interrupted());
      } else this.#typed.push(key);
    }
    this.#arrived?.();
  }

  /**
   * The next key.
   * @throws the signal's reason
   */
  async key(signal: AbortSignal): Promise<string> {
    while (this.#typed.length === 0) {
      signal.throwIfAborted();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#arrived = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
    }
    return this.#typed.shift() ?? '';
  }

  /** Does what Ctrl-C ends. @returns undefined where it did */
  async inForeground<T>(
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const foreground = new AbortController();
    this.#foreground = foreground;
    try {
      return await work(AbortSignal.any([signal, foreground.signal]));
    } catch (error) {
      signal.throwIfAborted();
      if (!foreground.signal.aborted) throw error;
      this.write('\r\n');
      return undefined;
    } finally {
      this.#foreground = undefined;
    }
  }

  /**
   * A line, edited as busybox's ash lets it be edited (libbb/lineedit.c): Ctrl-U takes it back, Ctrl-C gives it up.
   * The terminal is asked where its cursor is after each prompt; the answer is no part of the line.
   * @returns undefined where it was given up
   */
  async editLine(prompt: string, signal: AbortSignal): Promise<string | undefined> {
    this.write(`${prompt}${cursorQuery}`);
    let line = '';
    for (;;) {
      const key = await this.key(signal);
      if (key === '\r' || key === '\n') {
        this.write('\r\n');
        return line;
      }
      if (key === interrupt) {
        this.write('^C\r\n');
        return undefined;
      }
      if (key === '\x15') {
        this.write(`\r${prompt}\x1b[J`);
        line = '';
      } else if (key === '\x7f' || key === '\b') {
        if (line !== '') this.write('\b\x1b[J');
        line = line.slice(0, -1);
      } else if (key === '\x1b') await this.#escapeSequence(signal);
      else if (key >= ' ') {
        line += key;
        this.write(key);
      }
    }
  }

  async #escapeSequence(signal: AbortSignal): Promise<void> {
    while (/[[\d;?]/.test(await this.key(signal)));
  }
}

/** Result of `inForeground`. */
class Interrupted extends Error {
  constructor() {
    super('Ctrl-C was pressed');
  }
}

const interrupt = '\x03';
const cursorQuery = '\x1b[6n';
