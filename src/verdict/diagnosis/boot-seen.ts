/** Evidence of one attempt to boot: the power switch, the console's lines, the requests for files. */
import { bytesOf } from '../recording/bytes.ts';
import { mainConsole, type RecordedEvent } from '../recording/event.ts';
import { ConsoleReader } from '../console/reader.ts';

/** Something that was seen, as a person can be shown it. */
export interface Sighting {
  readonly text: string;
  /** Milliseconds since the run began. */
  readonly t: number;
  /** Its place: the line of recording.jsonl, or the number of the event where nothing is recorded. */
  readonly place: number;
}

/** A line that a pattern has found, with its groups. */
export interface Found extends Sighting {
  readonly groups: readonly string[];
}

/** A request of the board for a file, and what became of it. */
export interface Fetch extends Sighting {
  readonly file: string;
  /** Its address; `the board` where nobody said. */
  readonly client: string;
  /** `stranger`: refused because no board of the lab has the client's address. */
  readonly end: 'under way' | 'done' | 'refused' | 'stranger' | 'probe' | 'broken';
  readonly bytes: number;
}

/** Lines of a boot that are kept; a boot loader that repeats itself for minutes says nothing new. */
const keptLines = 2000;

/** The attempt that runs; each power-on begins it anew. */
export class BootSeen {
  readonly #lines: Sighting[] = [];
  readonly #fetches = new Map<string, Fetch>();
  readonly #reader: ConsoleReader;
  /** Of the UARTs beside the console, by name. */
  readonly #others = new Map<string, ConsoleReader>();
  #elsewhere: Sighting | undefined;
  #here = { t: 0, place: 0 };
  #bytes = 0;
  #unreadable = 0;
  #powerOn: Sighting | undefined;
  #powerFailed: Sighting | undefined;
  #powerConfirmed = false;
  readonly #faults: Sighting[] = [];
  #lineAway: Sighting | undefined;

  constructor() {
    this.#reader = new ConsoleReader({ line: ({ text }) => this.#line(text) }, { history: 0 });
  }

  /** When the board was switched on. */
  get powerOn(): Sighting | undefined {
    return this.#powerOn;
  }

  /** The switch's own error, where the last thing that it did was to fail. */
  get powerFailed(): Sighting | undefined {
    return this.#powerFailed;
  }

  /** The switch has said that it is on. */
  get powerConfirmed(): boolean {
    return this.#powerConfirmed;
  }

  /** The console adapter's error when it vanished, if it has not come back. */
  get lineAway(): Sighting | undefined {
    return this.#lineAway;
  }

  /** The fault of the run that begins so. */
  fault(start: string): Sighting | undefined {
    return this.#faults.find(({ text }) => text.startsWith(start));
  }

  /** Bytes that the console has received. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether most of the console is no text: another speed than the board's. */
  get isNoise(): boolean {
    return this.#bytes >= 16 && this.#unreadable * 4 > this.#bytes;
  }

  get lastLine(): Sighting | undefined {
    return this.#lines.at(-1);
  }

  /** The last line of a UART beside the console, behind its name. */
  get elsewhere(): Sighting | undefined {
    return this.#elsewhere;
  }

  /** Requests in the order in which they came. */
  get fetches(): readonly Fetch[] {
    return [...this.#fetches.values()];
  }

  /** The first line that matches, text that no newline has ended included. */
  first(pattern: RegExp): Found | undefined {
    return found(this.#said(), pattern);
  }

  /** The last line that matches. */
  last(pattern: RegExp): Found | undefined {
    return found(this.#said().toReversed(), pattern);
  }

  /** All lines that match. */
  all(pattern: RegExp): readonly Sighting[] {
    return this.#said().filter(({ text }) => pattern.test(text));
  }

  /** @param place of the event in the recording */
  take(event: RecordedEvent, place: number): void {
    this.#here = { t: event.t, place };
    if (event.kind === 'received') {
      if (event.data.console === mainConsole) this.#received(bytesOf(event.data));
      else this.#receivedElsewhere(event.data.console, bytesOf(event.data));
    } else if (event.kind === 'power') this.#power(event.data.action, event.data.detail);
    else if (event.kind === 'tftp') this.#tftp(event.data);
    else if (event.kind === 'line' && event.data.console === mainConsole) {
      const { state, detail } = event.data;
      this.#lineAway = state === 'away' ? { ...this.#here, text: detail } : undefined;
    } else if (event.kind === 'fault') this.#faults.push({ ...this.#here, text: event.data.what });
  }

  #said(): readonly Sighting[] {
    const tail = this.#reader.tails()[0]?.text ?? '';
    return tail === '' ? this.#lines : [...this.#lines, { ...this.#here, text: tail }];
  }

  #received(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#unreadable += bytes.filter(isUnreadable).length;
    this.#reader.feed(bytes, this.#here.t);
  }

  #receivedElsewhere(console: string, bytes: Uint8Array): void {
    let reader = this.#others.get(console);
    if (reader === undefined) {
      const line = ({ text }: { readonly text: string }) => {
        if (text.trim() !== '') this.#elsewhere = { ...this.#here, text: `${console}: ${text}` };
      };
      reader = new ConsoleReader({ line }, { history: 0 });
      this.#others.set(console, reader);
    }
    reader.feed(bytes, this.#here.t);
  }

  #line(text: string): void {
    if (text.trim() === '') return;
    this.#lines.push({ ...this.#here, text });
    if (this.#lines.length > keptLines) this.#lines.splice(keptLines / 2, 1);
  }

  #power(action: 'on' | 'off' | 'confirmed' | 'failed', detail: string | undefined): void {
    const text = detail ?? '';
    if (action === 'on') this.#begin();
    if (action === 'failed') this.#powerFailed = { ...this.#here, text };
    else this.#powerFailed = undefined;
    if (action === 'confirmed' && text === 'on') this.#powerConfirmed = true;
  }

  #begin(): void {
    this.#reader.powerOn(this.#here.t);
    this.#others.clear();
    this.#elsewhere = undefined;
    this.#lines.length = 0;
    this.#fetches.clear();
    this.#bytes = 0;
    this.#unreadable = 0;
    this.#powerConfirmed = false;
    this.#faults.length = 0;
    this.#lineAway = undefined;
    this.#powerOn = { ...this.#here, text: 'power on' };
  }

  #tftp(data: Readonly<Record<string, unknown>> & { readonly event: string }): void {
    const file = textOf(data['file']);
    const client = textOf(data['client']) || 'the board';
    const number = textOf(data['transfer']);
    const running = this.#fetches.get(number);
    switch (data.event) {
      case 'request':
        this.#fetches.set(number, this.#fetch(file, client, 'under way', 0, `${client} asks for ${file}`));
        break;
      case 'refused':
      case 'stranger': {
        const text = `${client} asks for ${file}: refused (${textOf(data['why'])})`;
        this.#fetches.set(
          number === '' ? `refused ${this.#here.place}` : number,
          this.#fetch(file, client, data.event === 'refused' ? 'refused' : 'stranger', 0, text),
        );
        break;
      }
      case 'progress':
        if (running !== undefined) this.#fetches.set(number, { ...running, bytes: Number(data['bytes']) });
        break;
      case 'done': {
        const bytes = Number(data['bytes']);
        const text = `${file}: ${bytes} bytes sent`;
        this.#fetches.set(number, this.#fetch(file, running?.client ?? '', 'done', bytes, text));
        break;
      }
      case 'ended': {
        // Our own server took the files away: that says nothing of the transfer.
        if (data['why'] === 'closed') break;
        const bytes = Number(data['bytes']);
        const text = `${file}: ended after ${bytes} bytes (${textOf(data['detail'])})`;
        const end = data['why'] === 'client-error' ? 'probe' : 'broken';
        this.#fetches.set(number, this.#fetch(file, running?.client ?? '', end, bytes, text));
        break;
      }
    }
  }

  #fetch(file: string, client: string, end: Fetch['end'], bytes: number, text: string): Fetch {
    return { ...this.#here, file, client, end, bytes, text };
  }
}

function found(lines: readonly Sighting[], pattern: RegExp): Found | undefined {
  for (const line of lines) {
    const match = pattern.exec(line.text);
    if (match !== null) return { ...line, groups: match.slice(1).map(group => group ?? '') };
  }
  return undefined;
}

/** Neither text nor what terminals are told: bytes of a line that runs at another speed. */
function isUnreadable(byte: number): boolean {
  return byte >= 0x80 || (byte < 0x20 && ![0x07, 0x08, 0x09, 0x0a, 0x0d, 0x1b].includes(byte));
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
