/** The console of a guest that the toolstack has made: what nobody has read yet waits in xenconsoled. */
import { consoleShell } from './shell/console-shell.ts';
import type { Fifo } from './shell/file-system.ts';
import type { Shell } from './shell/shell.ts';
import { Tty } from './shell/tty.ts';

export class GuestConsole implements Disposable {
  readonly #tty: Tty;
  readonly #over = new AbortController();
  #unread: string;
  #reader: ((text: string) => void) | undefined;

  /**
   * @param log what its kernel has said
   * @param shell what runs on its console
   */
  constructor(log: string, shell: Shell) {
    this.#unread = log;
    this.#tty = new Tty(text => {
      if (this.#reader === undefined) this.#unread += text;
      else this.#reader(text);
    });
    consoleShell(this.#tty, shell, {}, this.#over.signal).catch(() => undefined);
  }

  /**
   * Behaves as `xl console` (tools/console/client/main.c): it ends with the guest, or when Ctrl-] is typed.
   * @param input where keys come from; absent: there are none
   */
  async attach(input: Fifo | undefined, print: (text: string) => void, signal: AbortSignal): Promise<void> {
    const left = new AbortController();
    const unread = this.#unread;
    this.#unread = '';
    this.#reader = print;
    print(unread);
    input?.read(bytes => {
      const keys = Buffer.from(bytes).toString();
      if (keys === escapeKey) left.abort();
      else this.#tty.type(keys);
    });
    const end = AbortSignal.any([signal, left.signal, this.#over.signal]);
    if (!end.aborted) await new Promise(resolve => end.addEventListener('abort', resolve, { once: true }));
    if (this.#reader === print) this.#reader = undefined;
  }

  /** The guest is gone. */
  [Symbol.dispose](): void {
    this.#over.abort();
  }
}

const escapeKey = '\x1d';
