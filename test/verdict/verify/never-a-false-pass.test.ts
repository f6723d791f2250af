/** Whatever is not as the model predicts must be seen: a run that passed does not pass with any of its evidence otherwise. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { virtualBoard } from '../../../src/lab/load-lab.ts';
import { openBoard } from '../../../src/lab/open.ts';
import { requiredFault } from '../../../src/lab/virtual-faults.ts';
import type { Expectation, Phase, Prediction } from '../../../src/model/predict/prediction.ts';
import type { RecordedEvent } from '../../../src/verdict/recording/event.ts';
import { readRun } from '../../../src/verdict/recording/reader.ts';
import { runOnBoard } from '../../../src/run/run.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';
import { judge } from './judged.ts';
import type { Verdict } from '../../../src/verdict/verify/verdict.ts';
import { edited, inWholePieces, lineIn, lossy, withoutLine } from './mutated-recording.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-false-pass-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

const runs = [
  { scenario: 'dom0-and-guest', board: 'virtual-v4h' },
  { scenario: 'destroy-and-create-again', board: 'virtual-rpi5' },
  { scenario: 'dom0-device-permission', board: 'virtual-rpi5' },
  { scenario: 'dom0less-domain-runs', board: 'virtual-v4h' },
  { scenario: 'dom0-and-guest', board: 'virtual-rpi5', fault: 'dom0-without-network' },
  { scenario: 'dom0-and-guest', board: 'virtual-v4h', fault: 'torn-lines' },
  { scenario: 'dom0-and-guest', board: 'virtual-v4h', fault: 'adapter-comes-back' },
  { scenario: 'dom0-and-guest', board: 'virtual-v4h', fault: 'characters-lost' },
] as const;

interface Passed {
  readonly prediction: Prediction;
  readonly events: readonly RecordedEvent[];
  readonly verdict: Verdict;
  /** Lines that the model predicts, each with what was seen. */
  readonly lines: readonly { readonly expectation: Expectation; readonly text: string }[];
}

/** Recording of a passed run. */
async function passed(t: ExecutionContext, run: (typeof runs)[number]): Promise<Passed> {
  const entry = virtualBoard(run.board);
  const scenario = loadScenario(findScenario(run.scenario, process.cwd()).file, entry.type);
  const { firmware, linux, xen } = scenario;
  const faults = 'fault' in run ? requiredFault(run.fault).faults : undefined;
  const directory = mkdtempSync(path.join(scratch, 'run-'));
  await using board = await openBoard(entry, {
    env: {},
    software: { firmware, linux, xen },
    ...(faults !== undefined && { faults }),
  });
  const ran = await runOnBoard({
    board,
    scenario,
    runs: directory,
    signal: AbortSignal.timeout(50_000),
    controller: 'test',
    command: 'a test',
  });
  const { prediction } = ran;
  if (prediction === null) throw new Error('the run did not begin');
  const events = inWholePieces((await readRun(ran.directory)).events);
  const verdict = judge({ prediction, recording: events });
  t.is(verdict.outcome, 'met', JSON.stringify(verdict.faults));
  const lines = verdict.judgements.flatMap(({ expectation, seen }) =>
    expectation.kind === 'line' && expectation.claim === undefined && seen !== undefined
      ? [{ expectation, text: seen.text }]
      : [],
  );
  t.true(lines.length > 10);
  return { prediction, events, verdict, lines };
}

const recorded = new Map<(typeof runs)[number], Passed>();

test.before('runs that pass', async t => {
  t.timeout(300_000);
  for (const run of runs) recorded.set(run, await passed(t, run));
});

for (const run of runs) {
  const title = `${run.scenario} on ${run.board}${'fault' in run ? ` with ${run.fault}` : ''}`;
  test(`${title}: nothing passes with its evidence otherwise`, async t => {
    t.timeout(300_000);
    const given = recorded.get(run);
    t.truthy(given, 'the run did not pass');
    if (given === undefined) return;
    const passes: string[] = [];
    let tried = 0;
    for (const { what, events, places } of mutations(given)) {
      if (tried++ % 50 === 0) await setImmediate();
      if (places === 0) t.fail(`nothing was changed: ${what}`);
      const { outcome } = judge({ prediction: given.prediction, recording: events });
      if (outcome === 'met') passes.push(what);
    }
    t.deepEqual(passes, []);
    t.true(tried > 200, `${tried} mutations`);
  });
}

/** One character in this number: a prime, so that each line loses another one. */
const every = 211;

test('wherever a lossy console begins to lose, a run passes, and not with a line less', async t => {
  t.timeout(300_000);
  const given = recorded.get(runs[0]);
  t.truthy(given, 'the run did not pass');
  if (given === undefined) return;
  const { prediction, events } = given;
  const texts = [...new Set(given.lines.map(({ text }) => text))];
  const wrong: string[] = [];
  for (let first = 0; first < every; first++) {
    await setImmediate();
    const lost = lossy(events, { every, first });
    const { outcome } = judge({ prediction, recording: lost });
    if (outcome !== 'met') wrong.push(`${outcome} from character ${first}`);
    for (const text of [0, 1, 2].map(more => texts[(first + more * 7) % texts.length] ?? '')) {
      const { events: without, places } = withoutLine(lost, text);
      if (places === 0) wrong.push(`"${text}" not found, from character ${first}`);
      else if (judge({ prediction, recording: without }).outcome === 'met')
        wrong.push(`met without "${text}", from character ${first}`);
    }
  }
  t.deepEqual(wrong, []);
});

interface Mutation {
  readonly what: string;
  readonly events: readonly RecordedEvent[];
  /** How many places of the evidence it has changed, where that is counted. */
  readonly places?: number;
}

function* mutations(given: Passed): Generator<Mutation> {
  yield* missingLines(given);
  yield* changedLines(given);
  yield* swappedLines(given);
  yield* foreignLines(given);
  yield* otherAnswers(given);
  yield* missingEvents(given);
  yield* earlyEnds(given);
}

/** Each expected line, nowhere; of those that are expected more than once, each of them. */
function* missingLines({ events, lines }: Passed): Generator<Mutation> {
  for (const [text, same] of Map.groupBy(lines, line => line.text)) {
    yield { what: `without "${text}"`, ...withoutLine(events, text) };
    const { domid } = same[0]?.expectation ?? {};
    // Which of two domains said it in which log, only the whole log tells.
    if (same.some(({ expectation }) => expectation.domid !== domid)) continue;
    for (const which of same.keys())
      yield { what: `without the ${which + 1}. "${text}"`, ...withoutLine(events, text, { which }) };
  }
}

/** A digit or a letter of an expected line is another, or is not there: wherever the line stands. */
function* changedLines({ events, lines }: Passed): Generator<Mutation> {
  const change = fc.record({
    line: fc.constantFrom(...lines),
    at: fc.nat(200),
    by: fc.constantFrom('', ...'0123456789abcdefxz'.split('')),
  });
  for (const { line, at, by } of fc.sample(change, { numRuns: 250, seed: 1 })) {
    const { text, expectation } = line;
    const place = at % text.length;
    const changed = text.slice(0, place) + by + text.slice(place + 1);
    // Text that the pattern leaves open is not predicted: an address that the linker chose, the number of a device.
    if (changed.trim() === text.trim() || new RegExp(expectation.pattern).test(changed.trimEnd())) continue;
    yield { what: `"${text}" is "${changed}"`, ...withoutLine(events, text, { by: changed }) };
  }
}

/** Two expected lines of one talker that follow each other. */
function* swappedLines({ events, lines }: Passed): Generator<Mutation> {
  for (const [index, first] of lines.entries()) {
    const second = lines[index + 1];
    if (second === undefined || first.text === second.text || !isSameStream(first, second)) continue;
    const one = withoutLine(events, first.text, { by: '<first>' }).events;
    const two = withoutLine(one, second.text, { by: first.text }).events;
    yield {
      what: `"${second.text}" before "${first.text}"`,
      ...withoutLine(two, '<first>', { by: second.text }),
    };
  }
}

type ExpectedLine = Passed['lines'][number];

/** The two outputs of a toolstack have no common order. */
function isSameStream({ expectation: a }: ExpectedLine, { expectation: b }: ExpectedLine): boolean {
  return a.source === b.source && a.source !== 'xl' && a.domid === b.domid && a.phase === b.phase;
}

const foreign = [
  'scmi: Error received: -13',
  'scmi: Agent 9 SMC 82000009 addr 47ff9000',
  'scmi: Acquire channel id = 0x9, domain_id = 0 paddr = 0x47ff9000',
  'scmi: Free domain 7',
  'sci: assign device /soc/mmc to d0',
  'SCMI: mediator already registered (ret = -17)',
  'd0v0 Unhandled SMC/HVC: 0x82000003',
] as const;

/** Xen that has said one of these answers nobody: no log has them. */
const last = ['Panic on CPU 0:', "Assertion 'x' failed at common/sched.c:1", 'Xen BUG at common/sched.c:1'];

/** A line of Xen that nothing predicts: on the console, in its log, in both. */
function* foreignLines({ events, lines }: Passed): Generator<Mutation> {
  const ofXen = lines.filter(({ expectation: { source } }) => source === 'xen').map(({ text }) => text);
  const places = ofXen.filter((_, index) => index % 5 === 0);
  // A log that came over the console is the console again.
  const isLogged = events.some(({ kind, source }) => kind === 'log' && source === 'ssh');
  for (const after of places) {
    for (const text of [...foreign, ...last]) {
      for (const where of ['console', 'log', 'both'] as const) {
        if (where !== 'console' && (!isLogged || last.includes(text))) continue;
        const reached = new Set<string>();
        const changed = edited(events, (said, here) => {
          if (here === 'answer' || (where !== 'both' && where !== here)) return said;
          return said.replace(lineIn(after), line => {
            reached.add(here);
            return `${line}(XEN) ${text}${here === 'log' ? '' : '\r'}\n`;
          });
        });
        // A damaged line stands nowhere on its console.
        if (reached.size < (where === 'both' ? 2 : 1)) continue;
        yield { what: `"${text}" after "${after}" (${where})`, events: changed };
      }
    }
  }
}

/** Another exit status, no output, another digit in it, or no answer at all. */
function* otherAnswers({ events, prediction }: Passed): Generator<Mutation> {
  let step: Phase = 'boot';
  for (const [index, event] of events.entries()) {
    if (event.kind === 'step') step = event.data.index;
    if (event.kind !== 'answer') continue;
    const { command, status, stdout } = event.data;
    const phase = step;
    const asked = prediction.expectations.filter(
      each => each.kind === 'answer' && each.phase === phase && each.command?.trim() === command.trim(),
    );
    const given = (data: Partial<typeof event.data>) =>
      events.with(index, { ...event, data: { ...event.data, ...data } });
    yield { what: `\`${command}\` is not answered`, events: events.toSpliced(index, 1) };
    yield { what: `\`${command}\` ends otherwise`, events: given({ status: status === 0 ? 1 : 0 }) };
    const digits = [...stdout.matchAll(/\d/g)].map(found => found.index);
    const some = digits.length === 0 ? [] : fc.sample(fc.constantFrom(...digits), { numRuns: 20, seed: 1 });
    for (const other of ['', ...some.map(at => withDigit(stdout, at))]) {
      if (other === stdout || asked.every(({ pattern }) => answers(pattern, other))) continue;
      yield { what: `\`${command}\` answers ${JSON.stringify(other)}`, events: given({ stdout: other }) };
    }
  }
}

function withDigit(text: string, at: number): string {
  return `${text.slice(0, at)}${(Number(text[at]) + 1) % 10}${text.slice(at + 1)}`;
}

function answers(pattern: string, output: string): boolean {
  return [output, output.trimEnd()].some(text => new RegExp(pattern).test(text));
}

/** One event that was never recorded. */
function* missingEvents({ events, lines }: Passed): Generator<Mutation> {
  const logins = events.filter(isLogin).length;
  const logged = logsOf(events);
  for (const [index, event] of events.entries()) {
    if (isNotOwed(event, { lines, logged, logins })) continue;
    yield { what: `without ${JSON.stringify(event).slice(0, 100)}`, events: events.toSpliced(index, 1) };
  }
}

/** A recording that ends there, also where it says that the run completed. */
function* earlyEnds({ events, lines }: Passed): Generator<Mutation> {
  const logged = logsOf(events);
  for (const [index, event] of events.entries()) {
    if (index === 0) continue;
    const cut = events.slice(0, index);
    const what = JSON.stringify(event).slice(0, 100);
    yield { what: `cut before ${what}`, events: cut };
    const isAllThere = events.slice(index, -1).every(each => isNotOwed(each, { lines, logged, logins: 1 }));
    const finished = events.at(-1);
    if (isAllThere || finished === undefined) continue;
    yield { what: `completed before ${what}`, events: [...cut, finished] };
  }
}

/** Events that a verdict can do without, each for the reason above it. */
function isNotOwed(
  event: RecordedEvent,
  { lines, logged, logins }: Pick<Passed, 'lines'> & { readonly logged: string; readonly logins: number },
): boolean {
  switch (event.kind) {
    // The switch's effect shows on the console; a retry of the lab is noted, and not judged.
    case 'power':
    case 'note':
    case 'line':
      return true;
    // Of a run that goes on, the next step tells too.
    case 'step':
      return event.data.phase === 'finished';
    // All others the console shows.
    case 'milestone':
      return !isLogin(event) || logins > 1;
    // A log is for what the console did not bring.
    case 'log':
      return true;
    // Where a log has all of it, the verdict says that the console did not bring it.
    case 'received': {
      const { text = '' } = event.data as { readonly text?: string };
      const own = lines.filter(line => lineIn(line.text).test(text));
      return own.every(line => lineIn(line.text).test(logged));
    }
    // Names only.
    case 'run-started':
      return true;
    default:
      return false;
  }
}

function isLogin(event: RecordedEvent): boolean {
  return event.kind === 'milestone' && event.data.name === 'dom0-login';
}

function logsOf(events: readonly RecordedEvent[]): string {
  return events
    .map(event => (event.kind === 'log' && event.source === 'ssh' ? event.data.text : ''))
    .join('\n');
}
