/** The emulated UART of a guest that runs the probe, as xenconsoled and `xl console -t vuart` have it. */
import type { ProbeProgram } from '../../model/probe/program.ts';

/** The terminal that is attached. */
export interface Terminal {
  show(text: string): void;
  /** The guest is gone, and `xl console` with it. */
  ended(): void;
}

export interface Attachment {
  /** A line that was typed, without its end. */
  line(text: string): void;
  detach(): void;
}

export class Vuart {
  readonly #probe: ProbeProgram;
  /** Output that is not read yet: xenconsoled keeps it. */
  #waiting: string;
  #terminal: Terminal | undefined;

  constructor(probe: ProbeProgram) {
    this.#probe = probe;
    this.#waiting = `${probe.ready}\r\n`;
  }

  attach(terminal: Terminal): Attachment {
    this.#terminal = terminal;
    terminal.show(this.#waiting);
    this.#waiting = '';
    return {
      line: text => {
        const said = this.#probe.line(text);
        if (said !== undefined) this.#say(`${said}\r\n`);
      },
      detach: () => {
        if (this.#terminal === terminal) this.#terminal = undefined;
      },
    };
  }

  end(): void {
    this.#terminal?.ended();
    this.#terminal = undefined;
  }

  #say(text: string): void {
    if (this.#terminal === undefined) this.#waiting += text;
    else this.#terminal.show(text);
  }
}
