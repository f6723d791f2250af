/** A run as a page watches it: what its recording says, as it is written, and the verdict so far. */
import path from 'node:path';
import { bytesOf } from '../verdict/recording/bytes.ts';
import { followRecording } from '../verdict/recording/follow.ts';
import { runFiles } from '../verdict/recording/run-directory.ts';
import { eventWords } from '../verdict/report/event-words.ts';
import { printableLine } from '../verdict/report/printable.ts';
import type { RunReport } from '../verdict/report/run-report.ts';
import type { Message, Row } from './page/types.d.ts';

/** Judges a run's directory as it is; undefined where there is nothing to judge yet. */
export type JudgeRun = (directory: string) => Promise<RunReport | undefined>;

/** Console bytes of what was before that a page is sent: it shows as many lines anyway. */
const pastConsole = 256 * 1024;
/** Events of before that a page is sent. */
const pastEvents = 500;
/** Milliseconds between two verdicts at least; a run that takes long to judge is judged less often. */
const verdictInterval = 1000;
/** The share of the time that verdicts may take. */
const verdictShare = 0.1;

/**
 * Follows a run until it is over. The consumer's pace is the reader's: nothing piles up.
 *
 * @param directory of the run
 */
export async function* liveRun(
  directory: string,
  judge: JudgeRun,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  const past = new Past();
  let isPast = true;
  let isJudged = false;
  let nextVerdict = 0;
  for await (const { events, caughtUp } of followRecording(
    path.join(directory, runFiles.recording),
    signal,
  )) {
    for (const { event } of events) {
      for (const message of messagesOf(event)) {
        if (isPast) past.keep(message);
        else yield message;
      }
    }
    if (caughtUp && isPast) {
      isPast = false;
      yield* past.messages();
    }
    if (events.length > 0) isJudged = false;
    if (isPast || isJudged || performance.now() < nextVerdict) continue;
    isJudged = true;
    const began = performance.now();
    const verdict = await verdictMessage(directory, judge, false);
    if (verdict !== undefined) yield verdict;
    const took = performance.now() - began;
    nextVerdict = performance.now() + Math.max(verdictInterval, took / verdictShare);
  }
  if (isPast) yield* past.messages();
  if (signal.aborted) return;
  const verdict = await verdictMessage(directory, judge, true);
  if (verdict !== undefined) yield verdict;
  yield { kind: 'end' };
}

type RecordedEvent = Parameters<typeof eventWords>[0];

function messagesOf(event: RecordedEvent): Message[] {
  if (event.kind === 'received') {
    const base64 = Buffer.from(bytesOf(event.data)).toString('base64');
    return [{ kind: 'console', console: event.data.console, base64 }];
  }
  if (event.kind === 'state')
    return [{ kind: 'state', machine: event.data.machine, state: event.data.state }];
  const words = eventWords(event);
  return words === undefined ? [] : [{ kind: 'event', t: event.t, text: printableLine(words.text) }];
}

/** Messages of the time before a page began to watch: the last of each console, the last events, and the states. */
class Past {
  readonly #consoles = new Map<string, { chunks: string[]; length: number; left: number }>();
  /** Each state that was entered, in the order in which it was entered last. */
  readonly #states = new Map<string, Message>();
  #events: Message[] = [];

  keep(message: Message): void {
    if (message.kind === 'state') {
      const key = `${message.machine} ${message.state}`;
      this.#states.delete(key);
      this.#states.set(key, message);
    }
    if (message.kind === 'event') {
      this.#events.push(message);
      if (this.#events.length > 2 * pastEvents) this.#events = this.#events.slice(-pastEvents);
    }
    if (message.kind !== 'console') return;
    const known = this.#consoles.get(message.console) ?? { chunks: [], length: 0, left: 0 };
    this.#consoles.set(message.console, known);
    known.chunks.push(message.base64);
    known.length += message.base64.length;
    while (known.length > pastConsole && known.chunks.length > 1) {
      const first = known.chunks.shift()?.length ?? 0;
      known.length -= first;
      known.left += first;
    }
  }

  *messages(): Generator<Message> {
    for (const [console, { chunks, left }] of this.#consoles) {
      if (left > 0) yield { kind: 'cut', console, bytes: Math.floor((left * 3) / 4) };
      for (const base64 of chunks) yield { kind: 'console', console, base64 };
    }
    yield* this.#events.slice(-pastEvents);
    yield* this.#states.values();
  }
}

/** @param over whether the recording has its end: before it, what was not seen may still come */
async function verdictMessage(
  directory: string,
  judge: JudgeRun,
  over: boolean,
): Promise<Message | undefined> {
  const report = await judge(directory);
  if (report === undefined) return undefined;
  const { outcome, judgements } = report.verdict;
  const rows = judgements.map(({ expectation, outcome: judged, seen }): Row => {
    const never = expectation.kind === 'absent' ? 'never: ' : '';
    const isSettled = judged === 'contradicted' || (judged === 'met' && expectation.kind !== 'absent');
    return {
      source: expectation.source,
      text: `${never}${expectation.text}`,
      outcome: over || isSettled ? judged : 'open',
      because: expectation.reason.because,
      seen: seen?.text,
    };
  });
  return { kind: 'verdict', rows, outcome: over ? outcome : 'running', over };
}
