/** Recordings of runs in which one thing is not as it was: evidence that a verdict must not take for the run's. */
import type { RecordedData, RecordedEvent } from '../../../src/verdict/recording/event.ts';

/** The console between two events that a verdict looks at, as one event. */
export function inWholePieces(events: readonly RecordedEvent[]): readonly RecordedEvent[] {
  const whole: RecordedEvent[] = [];
  const open = new Map<string, number>();
  for (const event of events) {
    if (silent.has(event.kind)) continue;
    if (event.kind !== 'received') open.clear();
    const text = event.kind === 'received' ? textOf(event) : undefined;
    if (event.kind !== 'received' || text === undefined) {
      whole.push(event);
      continue;
    }
    const { console } = event.data;
    const before = open.get(console);
    const begun = before === undefined ? undefined : whole[before];
    if (before === undefined || begun === undefined) open.set(console, whole.push(event) - 1);
    else whole[before] = withText(begun, `${textOf(begun) ?? ''}${text}`);
  }
  return whole;
}

/** Nothing is judged by these. */
const silent: ReadonlySet<RecordedData['kind']> = new Set(['sent', 'state', 'tftp', 'command', 'file']);

/** @param change of each text that somebody said: on a console, in a log, as an answer */
export function edited(
  events: readonly RecordedEvent[],
  change: (text: string, where: 'console' | 'log' | 'answer') => string,
): readonly RecordedEvent[] {
  return events.map(event => {
    if (event.kind === 'received') {
      const text = textOf(event);
      return text === undefined ? event : withText(event, change(text, 'console'));
    }
    if (event.kind === 'log')
      return { ...event, data: { ...event.data, text: change(event.data.text, 'log') } };
    if (event.kind !== 'answer') return event;
    const { stdout, stderr } = event.data;
    const said = { stdout: change(stdout, 'answer'), stderr: change(stderr, 'answer') };
    return { ...event, data: { ...event.data, ...said } };
  });
}

/**
 * A line as it stands on a console: with its prefix, of which any one character may be lost or doubled, and in two
 * pieces where another talker broke in. A carriage return may stand alone: its newline is lost.
 */
export function lineIn(text: string): RegExp {
  const rest = Array.from(text, (_, at) =>
    at === 0
      ? undefined
      : `${literally(text.slice(0, at))}(?<between${at}>(?:NOTICE: |ERROR: )[^\\n]*\\n)${literally(text.slice(at))}`,
  ).filter(each => each !== undefined);
  return new RegExp(
    `(?<=^|[\\r\\n])(?<prefix>${prefix.source})(?:${[literally(text), ...rest].join('|')})(?<end> *(?:\\r*\\n|\\r(?=.)|\\r*$))`,
  );
}

/** Xen's, a domain's and the time stamp of a kernel: of each, characters may be lost or doubled. */
const prefix = /(?:\(*X*E*N*\)* *)?(?:D*O*M*\d+:* *|\(*d*\d+\)* *)?(?:\[* *\d+\.*\d+\]* *)?/;

/**
 * The recording over a serial line that loses one character in a given number.
 * @param first which character of the run is the first that is lost, counted from 0
 */
export function lossy(
  events: readonly RecordedEvent[],
  { every, first }: { readonly every: number; readonly first: number },
): readonly RecordedEvent[] {
  let carried = -1 - first;
  return edited(events, (text, where) =>
    where === 'console' ? Array.from(text, each => (++carried % every === 0 ? '' : each)).join('') : text,
  );
}

/**
 * @param which of the places in each kind of evidence: a number, or all
 * @param by absent: the line is not there
 */
export function withoutLine(
  events: readonly RecordedEvent[],
  text: string,
  { which = 'all', by }: { readonly which?: number | 'all'; readonly by?: string } = {},
): { readonly events: readonly RecordedEvent[]; readonly places: number } {
  const pattern = new RegExp(lineIn(text), 'g');
  const counts = { console: 0, log: 0, answer: 0 };
  let places = 0;
  const changed = edited(events, (said, where) =>
    said.replaceAll(pattern, (found, ...groups) => {
      const here = counts[where]++;
      if (which !== 'all' && which !== here) return found;
      places++;
      const named = groups.at(-1) as Readonly<Record<string, string | undefined>>;
      const between = Object.entries(named).find(([name, value]) => name.startsWith('between') && value)?.[1];
      const line = by === undefined ? '' : `${named['prefix'] ?? ''}${by}${named['end'] ?? ''}`;
      return `${between ?? ''}${line}`;
    }),
  );
  return { events: changed, places };
}

function textOf(event: RecordedEvent): string | undefined {
  return event.kind === 'received' && 'text' in event.data ? event.data.text : undefined;
}

function withText(event: RecordedEvent, text: string): RecordedEvent {
  return event.kind === 'received' ? { ...event, data: { console: event.data.console, text } } : event;
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
