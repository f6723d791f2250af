/** The UARTs that a board has beside its console, during one run: all that comes is recorded, each under its name. */
import type { ConsoleEvent } from '../../machines/console-event.ts';
import type { BoardUart } from '../lab/drivers/board.ts';
import type { OpenBoard } from '../lab/open-board.ts';
import { ConsoleReader } from '../verdict/console/reader.ts';
import type { SignSeen } from '../verdict/console/sign.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import type { SerialConnection } from '../lab/drivers/serial/serial.ts';
import { recordedBytes } from '../verdict/recording/bytes.ts';
import type { Recorder } from '../verdict/recording/event.ts';
import type { RunClock } from './clock.ts';
import { consoleEvent } from './console-signs.ts';

export interface FurtherUartsOptions {
  readonly recorder: Recorder;
  readonly clock: RunClock;
  /** Something has come by which the run is judged: the board is not quiet. */
  readonly heard: () => void;
  /** Signs for the machines, from any line: a crash. */
  readonly crashed: (event: ConsoleEvent) => void;
}

export class FurtherUarts {
  readonly #lines: readonly Line[];

  constructor(uarts: OpenBoard['uarts'] = new Map(), options: FurtherUartsOptions) {
    this.#lines = [...uarts].map(([name, uart]) => new Line(name, uart, options));
  }

  /**
   * Opens all of them.
   * @param lost called when one is gone without having been closed
   * @throws DriverError that names the first one that cannot be opened; those that were are closed again by `close`
   */
  async open(lost: (error: Error) => void, signal: AbortSignal): Promise<void> {
    for (const line of this.#lines) await line.open(lost, signal);
  }

  /** The board is about to be switched on. */
  powerOn(): void {
    for (const line of this.#lines) line.powerOn();
  }

  /** Ends what was unfinished and closes them; further calls wait for the first. */
  async close(): Promise<void> {
    await Promise.all(this.#lines.map(line => line.close()));
  }
}

class Line {
  readonly #name: string;
  readonly #uart: BoardUart;
  readonly #options: FurtherUartsOptions;
  /** Absent if the talkers of this UART are unknown. */
  readonly #reader: ConsoleReader | undefined;
  #connection: SerialConnection | undefined;
  #closing: Promise<void> = Promise.resolve();

  constructor(name: string, uart: BoardUart, options: FurtherUartsOptions) {
    const [alone, ...others] = uart.talkers;
    this.#name = name;
    this.#uart = uart;
    this.#options = options;
    if (alone !== undefined) {
      this.#reader = new ConsoleReader(
        { sign: sign => this.#seen(sign) },
        { history: 0, ...(others.length === 0 && { alone }) },
      );
    }
  }

  async open(lost: (error: Error) => void, signal: AbortSignal): Promise<void> {
    const events = {
      data: (bytes: Uint8Array) => this.#received(bytes),
      lost: (error: Error) => {
        this.#connection = undefined;
        lost(this.#named(error));
      },
      away: (error: Error) => {
        this.#reader?.end(this.#options.clock.now());
        this.#line('away', this.#named(error).message);
      },
      back: (milliseconds: number) => {
        const since = `after ${(milliseconds / 1000).toFixed(1)} s`;
        this.#line('back', `UART ${this.#name}: ${this.#uart.serial.name} is back ${since}`);
      },
    };
    const connection = await this.#uart.serial.open(events, signal).catch((error: unknown) => {
      throw error instanceof Error ? this.#named(error) : error;
    });
    if (signal.aborted) await connection.close();
    else this.#connection = connection;
  }

  powerOn(): void {
    this.#reader?.powerOn(this.#options.clock.now());
  }

  close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) {
      this.#reader?.end(this.#options.clock.now());
      this.#closing = connection.close();
    }
    return this.#closing;
  }

  #line(state: 'away' | 'back', detail: string): void {
    const data = { console: this.#name, state, detail };
    this.#options.recorder.record('console', { kind: 'line', data });
  }

  #received(bytes: Uint8Array): void {
    const { recorder, clock, heard } = this.#options;
    recorder.record('console', {
      kind: 'received',
      data: { console: this.#name, ...recordedBytes(bytes) },
    });
    if (this.#reader === undefined) return;
    heard();
    this.#reader.feed(bytes, clock.now());
  }

  #seen(sign: SignSeen): void {
    const { recorder, crashed } = this.#options;
    const line = sign.detail === undefined ? sign.text : `${sign.text} ${sign.detail}`;
    recorder.record('console', { kind: 'milestone', data: { name: sign.name, line, console: this.#name } });
    const event = consoleEvent(sign);
    if (event?.type === 'console.crash') crashed(event);
  }

  /** Which of a board's lines it was. */
  #named(error: Error): Error {
    if (!(error instanceof DriverError)) return error;
    const { attempt, message, hint } = error;
    const why = message.slice(attempt.length + 2);
    return new DriverError(`UART ${this.#name}: ${attempt}`, why, hint, { cause: error });
  }
}
