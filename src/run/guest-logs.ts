/** Logs of guests that Dom0's xenconsoled keeps, of this run alone: a disk in Dom0 outlives a boot. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Recorder } from '../verdict/recording/event.ts';
import type { Toolstack } from './domain-commands.ts';
import { dom0, type ShellPool } from './shells/pool.ts';

/** Bytes of a log that are worth their time; what a kernel says while it boots is far less. */
const atMost = 100_000;

export class GuestLogs {
  readonly #shells: Pick<ShellPool, 'read' | 'wayTo'>;
  readonly #fileOf: Toolstack['consoleLog'];
  /** By guest, the bytes that were there before this run made it. */
  readonly #before = new Map<string, number>();

  constructor(shells: Pick<ShellPool, 'read' | 'wayTo'>, { consoleLog }: Pick<Toolstack, 'consoleLog'>) {
    this.#shells = shells;
    this.#fileOf = consoleLog;
  }

  /**
   * Before a guest is made.
   * @param guest as the toolstack calls it
   */
  async begin(guest: string, signal: AbortSignal): Promise<void> {
    if (this.#before.has(guest)) return;
    const size = await this.#sizeOf(guest, signal);
    if (size !== undefined) this.#before.set(guest, size);
  }

  /**
   * Records what has come since then, and saves it.
   * @param directory of the logs that are collected
   */
  async collect(recorder: Recorder, directory: string, signal: AbortSignal): Promise<void> {
    for (const [guest, before] of this.#before) {
      const size = (await this.#sizeOf(guest, signal)) ?? 0;
      if (size <= before) continue;
      const command = `tail -c +${Math.max(before, size - atMost) + 1} ${this.#fileOf?.(guest)}`;
      const { status, stdout } = await this.#shells.read(dom0, command, { signal });
      if (status !== 0 || stdout === '') continue;
      await writeFile(path.join(directory, `guest-${path.basename(guest)}.log`), stdout);
      recorder.record(this.#shells.wayTo(dom0), {
        kind: 'log',
        data: { domain: guest, command, text: stdout },
      });
    }
  }

  /** Over a serial line it would take too long, and a toolstack may keep none: undefined. */
  async #sizeOf(guest: string, signal: AbortSignal): Promise<number | undefined> {
    if (this.#fileOf === undefined || this.#shells.wayTo(dom0) !== 'ssh') return undefined;
    const { status, stdout } = await this.#shells.read(dom0, `wc -c ${this.#fileOf(guest)}`, { signal });
    return status === 0 ? Number.parseInt(stdout, 10) || 0 : 0;
  }
}
