/** The serial line of a board during one run: all that comes is recorded and read, with or without a listener. */
import type { ConsoleEvent } from '../../machines/console-event.ts';
import type { BoardType } from '../board/board-type.ts';
import type { ConsoleMark, ConsoleMatch } from '../verdict/console/expect.ts';
import { ConsoleReader } from '../verdict/console/reader.ts';
import type { ConsoleTalker } from '../verdict/console/line.ts';
import type { Sign, SignSeen } from '../verdict/console/sign.ts';
import { ConsoleTransfers, type TransferSeen } from '../verdict/console/transfers.ts';
import type { SerialConnection, SerialDriver } from '../lab/drivers/serial/serial.ts';
import { mainConsole, type Recorder } from '../verdict/recording/event.ts';
import { Broadcast } from './broadcast.ts';
import { pause, type RunClock } from './clock.ts';
import { boardSigns, consoleEvent } from './console-signs.ts';
import { recordedBytes } from '../verdict/recording/bytes.ts';
import { redacted } from '../verdict/recording/secrets.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { type InputTarget, switchKeys, XenLines } from './shells/input-target.ts';
import { LineText } from './line-text.ts';
import { spokenSince, type Typing, untilSeen } from './shells/terminal.ts';

export class BoardConsole {
  /** Signs for the machines. */
  readonly events = new Broadcast<ConsoleEvent>();
  /** Lines of the boot loaders about their transfers. */
  readonly transfers = new Broadcast<TransferSeen>();
  readonly #arrived = new Broadcast<undefined>();
  readonly #driver: SerialDriver;
  readonly #recorder: Recorder;
  readonly #clock: RunClock;
  /** Milliseconds of silence that count as quiet. */
  readonly #quiet: number;
  readonly #reader: ConsoleReader;
  readonly #fetched = new ConsoleTransfers(seen => this.transfers.send(seen));
  /** To questions of programs to their terminal, not yet given. */
  readonly #answers: string[] = [];
  /** Dom0 has shown a login or a prompt since it was started. */
  #hasLogin = false;
  #connection: SerialConnection | undefined;
  #lastReceived = 0;
  /** The line is looked for. */
  #isAway = false;
  readonly #text: LineText;
  readonly #xen = new XenLines();
  #closing: Promise<void> = Promise.resolve();

  /** @param further signs beside those of the board's type */
  constructor(
    driver: SerialDriver,
    type: BoardType,
    recorder: Recorder,
    clock: RunClock,
    further: readonly Sign[] = [],
  ) {
    this.#driver = driver;
    this.#recorder = recorder;
    this.#clock = clock;
    this.#quiet = type.console.quiet;
    this.#text = new LineText(type.console.baudRate);
    this.#reader = new ConsoleReader(
      {
        sign: sign => this.#seen(sign),
        line: line => {
          this.#fetched.line(line);
          if (line.talker !== 'xen' || !this.#xen.line(line.text)) return;
          this.events.send({ type: 'console.xen', line: line.text });
        },
        query: ({ answer }) => this.#answers.push(answer),
      },
      { signs: [...boardSigns(type), ...further] },
    );
  }

  /**
   * Opens the line. Text that comes from now on is read.
   * @param lost called when the line is gone without having been closed
   */
  async open(lost: (error: Error) => void, signal: AbortSignal): Promise<void> {
    const connection = await this.#driver.open(
      {
        data: bytes => this.#received(bytes),
        lost: error => {
          this.#connection = undefined;
          lost(error);
        },
        away: error => {
          this.#reader.end(this.#clock.now());
          this.#line('away', error.message);
        },
        back: milliseconds => {
          const since = (milliseconds / 1000).toFixed(1);
          this.#line(
            'back',
            `${this.#driver.name} is back after ${since} s; what the board said meanwhile is lost`,
          );
        },
      },
      signal,
    );
    if (signal.aborted) await connection.close();
    else this.#connection = connection;
  }

  /** Before Xen, what was lost of the console may be what is waited for. */
  #line(state: 'away' | 'back', detail: string): void {
    this.#isAway = state === 'away';
    this.#recorder.record('console', { kind: 'line', data: { console: mainConsole, state, detail } });
    if (state === 'away') this.events.send({ type: 'console.gap', line: detail });
  }

  /** Ends what was unfinished and closes the line; further calls wait for the first. */
  close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) {
      this.#reader.end(this.#clock.now());
      this.#closing = connection.close();
    }
    return this.#closing;
  }

  /** The board is about to be switched on: every banner is due again. */
  powerOn(): void {
    this.#hasLogin = false;
    this.#text.powerOn();
    this.#xen.restart();
    this.#reader.powerOn(this.#clock.now());
    this.#fetched.powerOn();
  }

  /** For people: the line's. */
  get name(): string {
    return this.#driver.name;
  }

  /** Where Xen said last that typed text goes; undefined where it has not said it since the board started. */
  get input(): InputTarget | undefined {
    return this.#xen.input;
  }

  /**
   * Types text, all of it in one piece.
   * @throws where the line is not open, or each character would be a debug key of Xen's (`R` restarts the board)
   */
  async write(text: string, { secret = false }: Typing = {}): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) throw new Error(`${this.#driver.name} is not open`);
    if (this.input === 'xen' && text !== switchKeys) {
      throw new DriverError(
        `type on ${this.#driver.name}`,
        'its input is at Xen, where each character is a debug key',
        'press Ctrl-a three times there (`scmi-hil console`), or leave `conswitch=ax` out of the command line of Xen',
      );
    }
    const bytes = new TextEncoder().encode(text);
    const shown = secret ? { text: redacted } : recordedBytes(bytes);
    this.#recorder.record('console', { kind: 'sent', data: { console: mainConsole, ...shown } });
    await connection.write(bytes);
  }

  /** Lines of a domain since a mark, its kernel left out: ended lines, then the one that has not ended. */
  spokenSince(mark: ConsoleMark, domid: number): readonly string[] {
    return spokenSince(this.#reader, mark, domid);
  }

  /**
   * Looks now and whenever something has come, until there is what is looked for.
   * @throws the signal's reason
   */
  until<T>(seen: () => T | undefined, signal: AbortSignal): Promise<T> {
    return untilSeen(seen, look => this.#arrived.listen(look), signal);
  }

  mark(): ConsoleMark {
    return this.#reader.mark();
  }

  /** Text of the lines that have ended since a mark. */
  linesSince(mark: ConsoleMark): string[] {
    return this.#reader.since(mark).map(({ text }) => text);
  }

  /** Lines of Xen itself since a mark. */
  xenSince(mark: ConsoleMark): string[] {
    return this.#reader
      .since(mark)
      .filter(({ talker }) => talker === 'xen')
      .map(({ text }) => text);
  }

  /** Whether a talker has ended a line since a mark. */
  hasSaid(talker: ConsoleTalker, mark: ConsoleMark): boolean {
    return this.#reader.since(mark).some(line => line.talker === talker);
  }

  /** Milliseconds since something came. */
  silentFor(): number {
    return this.#clock.now() - this.#lastReceived;
  }

  /** In words, what is wrong with the line: bytes come that are no text, as at another speed. */
  trouble(): string | undefined {
    return this.#text.trouble();
  }

  lastLines(): string[] {
    return this.#reader.lastLines(shownLines).map(({ text }) => text);
  }

  /** When something came last, in milliseconds of the clock; undefined: nothing did. */
  get heard(): number | undefined {
    return this.#lastReceived === 0 ? undefined : this.#lastReceived;
  }

  /** Text that stands on the line that has not ended. */
  unfinished(): string {
    return this.#reader.tails()[0]?.text ?? '';
  }

  /**
   * Waits for text that no newline has ended.
   * @param pattern anchored at both ends where the text may be followed by a line of another talker
   * @throws the signal's reason
   */
  prompt(pattern: RegExp, from: ConsoleMark, signal: AbortSignal): Promise<ConsoleMatch> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const stop = () => {
        expectation.cancel();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', stop, { once: true });
      const expectation = this.#reader.expect(
        [{ name: 'prompt', on: 'prompt', pattern }],
        match => {
          signal.removeEventListener('abort', stop);
          resolve(match);
        },
        from,
      );
    });
  }

  /**
   * Waits until nothing has come for a moment: what a command over SSH made Xen say may be on the line still
   * when its answer is there. Ends at its bound on a console that is never quiet.
   * @throws the signal's reason
   */
  async quiet(signal: AbortSignal): Promise<void> {
    const began = this.#clock.now();
    for (;;) {
      const now = this.#clock.now();
      const silent = now - Math.max(began, this.#lastReceived);
      // The driver gives up in the end, and then there is no connection.
      if (this.#connection !== undefined && this.#isAway) {
        await pause(this.#clock, this.#quiet, signal);
        continue;
      }
      if (this.#connection === undefined || silent >= this.#quiet || now - began >= quietAtMost) return;
      await pause(this.#clock, this.#quiet - silent, signal);
    }
  }

  /** Something has come on another of the board's lines: it is not quiet. */
  heardElsewhere(): void {
    this.#lastReceived = this.#clock.now();
  }

  #received(bytes: Uint8Array): void {
    this.#lastReceived = this.#clock.now();
    this.#text.received(bytes);
    this.#recorder.record('console', {
      kind: 'received',
      data: { console: mainConsole, ...recordedBytes(bytes) },
    });
    this.#reader.feed(bytes, this.#lastReceived);
    this.#answer();
    for (const tail of this.#reader.tails()) this.#fetched.tail(tail, this.#lastReceived);
    this.#arrived.send(undefined);
  }

  /** Questions of programs to their terminal; of a flood, some. */
  #answer(): void {
    const answers = this.#answers.splice(0);
    if (answers.length > 0) void this.write(answers.slice(-mostAnswers).join('')).catch(() => undefined);
  }

  #seen(seen: SignSeen): void {
    // Any prompt shows that Dom0 can be used. Later ones are those of the commands that are typed there.
    const isShell = seen.name === 'dom0-shell';
    const sign = isShell ? { ...seen, name: 'dom0-login' } : seen;
    const isKnown = isShell && this.#hasLogin;
    if (sign.name === 'dom0-login') this.#hasLogin = true;
    if (sign.name === 'xen-banner') this.#xen.banner();
    if (sign.kind === 'reset') {
      this.#xen.restart();
      this.#hasLogin = false;
    }
    if (!isKnown && !unrecorded.has(sign.name)) {
      const line = sign.detail === undefined ? sign.text : `${sign.text} ${sign.detail}`;
      const domain = sign.domid === undefined ? {} : { domain: String(sign.domid) };
      this.#recorder.record('console', { kind: 'milestone', data: { name: sign.name, line, ...domain } });
    }
    const event = isKnown ? undefined : consoleEvent(sign);
    if (event !== undefined) this.events.send(event);
  }
}

const shownLines = 10;
const quietAtMost = 2000;
/** At once. */
const mostAnswers = 16;
/** They come again and again, or beside another name for the same. */
const unrecorded: ReadonlySet<string> = new Set(['u-boot-prompt', 'board-banner', 'board-autoboot']);
