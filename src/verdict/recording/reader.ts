/** Reads a recording back, also one that was cut or damaged. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { RecordedEvent } from './event.ts';
import { runFiles } from './run-directory.ts';

/** Parts of a recording that could not be read. */
export interface Damage {
  /** Lines that are no events, each with what is wrong. */
  readonly damaged: readonly { readonly line: number; readonly what: string }[];
  /** The last line has no end: the run was killed while it wrote. */
  readonly cut: boolean;
}

export interface Recording extends Damage {
  readonly events: readonly RecordedEvent[];
  /** Line of `recording.jsonl` of each event, counted from 1. */
  readonly lines: readonly number[];
}

/** Reads `recording.jsonl` of a run's directory. */
export async function readRun(directory: string): Promise<Recording> {
  return readRecording(join(directory, runFiles.recording));
}

/**
 * @param file a recording; all of its events are held in memory
 * @throws as readEvents
 */
export async function readRecording(file: string): Promise<Recording> {
  const events: RecordedEvent[] = [];
  const lines: number[] = [];
  const damage = await readEvents(file, (event, line) => {
    events.push(event);
    lines.push(line);
  });
  return { events, lines, ...damage };
}

/**
 * Reads a recording of any length, in memory that does not grow with it.
 * @param file a recording
 * @param take called with each event and its line in the file, counted from 1
 * @throws as piecesOf
 */
export async function readEvents(
  file: string,
  take: (event: RecordedEvent, line: number) => void,
): Promise<Damage> {
  const damage = new DamageSeen();
  for await (const piece of piecesOf(file, damage)) for (const { event, line } of piece) take(event, line);
  return damage;
}

/** An event and its line in the file, counted from 1. */
export interface PlacedEvent {
  readonly event: RecordedEvent;
  readonly line: number;
}

/** Damage of a recording, whole once it was read to its end. */
export class DamageSeen implements Damage {
  readonly damaged: { readonly line: number; readonly what: string }[] = [];
  cut = false;
}

/**
 * The events of a recording of any length, as many at once as one read brings.
 * @param damage filled while the file is read
 * @throws the system's error where the file cannot be read; RecordingVersionError for a later schema
 */
export async function* piecesOf(
  file: string,
  damage: DamageSeen,
): AsyncGenerator<readonly PlacedEvent[], void, void> {
  let line = 0;
  const read = (text: string): readonly PlacedEvent[] => {
    line++;
    const event = eventOf(text);
    if (typeof event === 'string') {
      damage.damaged.push({ line, what: event });
      return [];
    }
    if (event.kind === 'run-started' && ![1, 2].includes(event.data.schema)) {
      throw new RecordingVersionError(file, event.data.schema);
    }
    return [{ event: event.kind === 'fault' ? withHint(event) : event, line }];
  };
  // Not node:readline, which ends lines also at U+2028.
  let rest: string[] = [];
  for await (const text of createReadStream(file, { encoding: 'utf8' })) {
    const [end = '', ...parts] = String(text).split('\n');
    rest.push(end);
    const lines = parts.map(part => {
      const whole = rest.join('');
      rest = [part];
      return whole;
    });
    if (lines.length > 0) yield lines.flatMap(read);
  }
  const last = rest.join('');
  damage.cut = last !== '';
  if (damage.cut) yield read(last);
  // An incomplete last line of a killed run is no damage.
  if (damage.cut && damage.damaged.at(-1)?.line === line) damage.damaged.pop();
}

/** The recording was written by a later version. */
export class RecordingVersionError extends Error {
  constructor(file: string, schema: unknown) {
    super(`${file}: recording of schema ${String(schema)}; this version reads schemas 1 and 2`);
    this.name = 'RecordingVersionError';
  }
}

/** Schema 1 had the hint of a fault under another name. */
function withHint(event: RecordedEvent & { readonly kind: 'fault' }): RecordedEvent {
  const { mend, ...data }: (typeof event)['data'] & { readonly mend?: unknown } = event.data;
  return typeof mend === 'string' ? { ...event, data: { ...data, hint: mend } } : event;
}

/** An event of a line of a recording, or what is wrong with it. */
export function eventOf(text: string): RecordedEvent | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text.trim() === '' ? 'an empty line' : 'not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'not an object';
  const event = value as Readonly<Record<string, unknown>>;
  if (typeof event['t'] !== 'number' || !Number.isFinite(event['t'])) return 'no time (`t`)';
  if (typeof event['source'] !== 'string') return 'no `source`';
  const fields = typeof event['kind'] === 'string' ? fieldsByKind[event['kind']] : undefined;
  if (fields === undefined) return `no known \`kind\`: ${JSON.stringify(event['kind'])}`;
  const { data } = event;
  if (typeof data !== 'object' || data === null) return 'no `data`';
  const record = data as Readonly<Record<string, unknown>>;
  for (const [field, type] of Object.entries(fields)) {
    if (typeof record[field] !== type) return `\`data.${field}\` is not a ${type}`;
  }
  const isBytes = fields === fieldsByKind['received'] || fields === fieldsByKind['sent'];
  if (isBytes && typeof record['text'] !== 'string' && typeof record['base64'] !== 'string') {
    return 'neither `data.text` nor `data.base64`';
  }
  if (isBytes && typeof record['text'] !== 'string' && !isBase64(String(record['base64'])))
    return '`data.base64` is not base64';
  if (event['kind'] === 'run-started') {
    const wrong = wrongField(record);
    if (wrong !== undefined) return wrong;
  }
  return value as RecordedEvent;
}

/** The first field of a header that is there and of another type than a writer gives it. */
function wrongField(header: Readonly<Record<string, unknown>>): string | undefined {
  for (const [field, type] of Object.entries(optionalOfHeader)) {
    const value = header[field];
    if (value === undefined || isOf(type, value)) continue;
    return `\`data.${field}\` is not ${headerTypes[type]}`;
  }
  return undefined;
}

type HeaderType = 'string' | 'boolean' | 'list' | 'strings' | 'map';

function isOf(type: HeaderType, value: unknown): boolean {
  if (type === 'string' || type === 'boolean') return typeof value === type;
  if (type === 'list') return Array.isArray(value) && value.every(each => typeof each === 'string');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return type === 'map' || Object.values(value).every(each => typeof each === 'string');
}

const headerTypes: Readonly<Record<HeaderType, string>> = {
  string: 'a string',
  boolean: 'a boolean',
  list: 'a list of strings',
  strings: 'an object of strings',
  map: 'a map',
};

const optionalOfHeader: Readonly<Record<string, HeaderType>> = {
  started: 'string',
  boardType: 'string',
  virtual: 'boolean',
  mutant: 'string',
  faults: 'list',
  controller: 'string',
  files: 'strings',
  uarts: 'map',
  images: 'map',
};

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

/** Fields without which nobody could use an event, by its kind. */
const fieldsByKind: Readonly<Record<string, Readonly<Record<string, 'string' | 'number'>>>> = {
  'run-started': { schema: 'number', board: 'string', scenario: 'string' },
  state: { machine: 'string', state: 'string' },
  power: { action: 'string' },
  received: { console: 'string' },
  sent: { console: 'string' },
  line: { console: 'string', state: 'string', detail: 'string' },
  tftp: { event: 'string' },
  milestone: { name: 'string' },
  step: { index: 'number', do: 'string', phase: 'string' },
  command: { domain: 'string', command: 'string' },
  answer: { domain: 'string', command: 'string', status: 'number', stdout: 'string', stderr: 'string' },
  file: { domain: 'string', path: 'string', bytes: 'number', by: 'string' },
  fault: { class: 'string', what: 'string' },
  log: { domain: 'string', command: 'string', text: 'string' },
  note: { text: 'string' },
  'run-finished': { outcome: 'string' },
};
