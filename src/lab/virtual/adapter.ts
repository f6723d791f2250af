/** The serial adapter between a virtual board and the machine: a pseudo-terminal that can be unplugged. */
import { mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PseudoTerminal, openPseudoTerminal } from '../drivers/serial/pseudo-terminal.ts';

export class Adapter implements Disposable {
  readonly #listener: (bytes: Uint8Array) => void;
  /** Where its name is, as below /dev/serial/by-id; another terminal may come to stand behind it. */
  readonly #directory: string | undefined;
  #terminal: PseudoTerminal | undefined;
  #back: NodeJS.Timeout | undefined;

  /** @param isNamed its path stays the same when it was away */
  constructor(listener: (bytes: Uint8Array) => void, isNamed = false) {
    this.#listener = listener;
    this.#directory = isNamed ? mkdtempSync(join(tmpdir(), 'scmi-hil-adapter-')) : undefined;
    this.#plugIn();
  }

  /** Path of the device that the controller opens. */
  get path(): string {
    return this.#name ?? this.#terminal?.path ?? 'unplugged';
  }

  /** Sends to the controller, if it is there. */
  write(bytes: Uint8Array): void {
    this.#terminal?.write(bytes);
  }

  /** @param milliseconds after which it is back; absent: never */
  unplug(milliseconds?: number): void {
    if (this.#terminal === undefined) return;
    this.#terminal.close();
    this.#terminal = undefined;
    if (this.#name !== undefined) unlinkSync(this.#name);
    if (milliseconds !== undefined) this.#back = setTimeout(() => this.#plugIn(), milliseconds);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#back);
    this.#terminal?.close();
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }

  get #name(): string | undefined {
    return this.#directory === undefined ? undefined : join(this.#directory, 'usb-virtual-if00');
  }

  #plugIn(): void {
    const terminal = openPseudoTerminal();
    terminal.onData(this.#listener);
    this.#terminal = terminal;
    if (this.#name !== undefined) symlinkSync(terminal.path, this.#name);
  }
}
