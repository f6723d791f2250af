/** Recordings of runs that pass, put together from other evidence: none of them may pass. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { virtualBoard } from '../../../src/lab/load-lab.ts';
import { openBoard } from '../../../src/lab/open.ts';
import type { Expectation, Prediction } from '../../../src/model/predict/prediction.ts';
import { runOnBoard } from '../../../src/run/run.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';
import type { RecordedEvent, RunHeader } from '../../../src/verdict/recording/event.ts';
import { readRun } from '../../../src/verdict/recording/reader.ts';
import { judge } from './judged.ts';
import { edited, inWholePieces } from './mutated-recording.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-altered-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

const onV4h = [
  'dom0-and-guest',
  'dom0less-domain-runs',
  'device-passed-on-to-next-guest',
  'agent-listed-twice-in-two-cell-list',
  'documented-layout-device-denied',
  'guest-rings-another-doorbell',
  'list-of-two-cells-read-as-three',
  'firmware-channel-stuck-busy',
  'linux-7-2',
  'probe-rings-another-doorbell',
  'container-at-the-root',
  'firmware-alone-permissions',
] as const;
const onRpi5 = [
  'destroy-and-create-again',
  'dom0-device-permission',
  'dom0-given-management-agent',
  'agent-id-254',
  'guest-powers-off',
  'guest-reboots',
  'linux-6-1',
  'release-build',
  'three-guests',
  'shut-down-and-create-again',
  'single-agent-guest-refused',
  'pages-swapped',
] as const;

interface Recorded {
  readonly title: string;
  readonly prediction: Prediction;
  readonly events: readonly RecordedEvent[];
  readonly header: RunHeader;
}

const runs: Recorded[] = [];

test.before('runs that pass', async t => {
  t.timeout(300_000);
  for (const name of onV4h) runs.push(await recorded(t, name, 'virtual-v4h'));
  for (const name of onRpi5) runs.push(await recorded(t, name, 'virtual-rpi5'));
});

async function recorded(t: ExecutionContext, name: string, boardName: string): Promise<Recorded> {
  const entry = virtualBoard(boardName);
  const scenario = loadScenario(findScenario(name, process.cwd()).file, entry.type);
  const { firmware, linux, xen } = scenario;
  const directory = mkdtempSync(path.join(scratch, 'run-'));
  await using board = await openBoard(entry, { env: {}, software: { firmware, linux, xen } });
  const { prediction, directory: own } = await runOnBoard({
    board,
    scenario,
    runs: directory,
    signal: AbortSignal.timeout(50_000),
    controller: 'test',
    command: 'a test',
  });
  if (prediction === null) throw new Error('the run did not begin');
  const { events } = await readRun(own);
  const title = `${name} on ${boardName}`;
  const verdict = judge({ prediction, recording: events });
  t.is(verdict.outcome, 'met', `${title}: ${JSON.stringify(verdict.faults)}`);
  const header = events.find(event => event.kind === 'run-started')?.data;
  if (header === undefined) throw new Error('the run has no header');
  return { title, prediction, events, header };
}

/** A recording that is altered in one way, or one that is as good as the run's own. */
interface Altered {
  readonly what: string;
  readonly events: readonly RecordedEvent[];
}

type Alter = (run: Recorded, others: readonly Recorded[]) => Iterable<Altered>;

/** @param least alterations that have to be tried, so that the test cannot pass for want of any */
function never(title: string, least: number, alter: Alter): void {
  test(`${title}: no verdict is met`, async t => {
    t.timeout(300_000);
    const passes: string[] = [];
    let tried = 0;
    for (const run of runs) {
      for (const { what, events } of alter(run, runs)) {
        if (tried++ % 50 === 0) await setImmediate();
        const { outcome } = judge({ prediction: run.prediction, recording: events });
        if (outcome === 'met') passes.push(`${run.title}: ${what}`);
      }
    }
    t.deepEqual(passes, []);
    t.true(tried >= least, `${tried} alterations`);
  });
}

function always(title: string, least: number, alter: Alter): void {
  test(`${title}: each verdict is met`, async t => {
    t.timeout(300_000);
    const blames: string[] = [];
    let tried = 0;
    for (const run of runs) {
      for (const { what, events } of alter(run, runs)) {
        if (tried++ % 50 === 0) await setImmediate();
        const { outcome, faults } = judge({ prediction: run.prediction, recording: events });
        if (outcome !== 'met') blames.push(`${run.title}: ${what}: ${outcome} ${JSON.stringify(faults)}`);
      }
    }
    t.deepEqual(blames, []);
    t.true(tried >= least, `${tried} recordings`);
  });
}

never('an error of the toolstack beside exit status 0', 15, function* ({ events, prediction }) {
  const errors = [
    'libxl: error: libxl_device.c:1108:device_backend_callback: Domain 1:unable to add device',
    'xc: error: Failed to set up the memory',
    'xl: unable to write the file',
  ];
  const predicted = prediction.expectations.flatMap(({ source, text }) => (source === 'xl' ? [text] : []));
  for (const [index, event] of events.entries()) {
    if (event.kind !== 'answer' || event.data.status !== 0 || !event.data.command.startsWith('xl ')) continue;
    for (const error of errors.filter(each => !predicted.includes(each)))
      yield {
        what: `${error} by ${event.data.command}`,
        events: events.with(index, {
          ...event,
          data: { ...event.data, stderr: `${event.data.stderr}${error}\n` },
        }),
      };
  }
});

never('an answer of another domain', 40, function* ({ events }) {
  for (const [index, event] of events.entries()) {
    if (event.kind !== 'answer') continue;
    const domain = event.data.domain === 'dom0' ? 'guest' : 'dom0';
    yield {
      what: `${domain} answers ${event.data.command}`,
      events: events.with(index, { ...event, data: { ...event.data, domain } }),
    };
  }
});

never('another header, or none', 150, function* ({ events, header }) {
  const changes: readonly Partial<RunHeader>[] = [
    { scenario: 'another' },
    { boardType: 'another' },
    { board: 'another' },
    { virtual: false },
    { mutant: 'agent-of-another' },
    { files: {} },
    { files: Object.fromEntries(Object.keys(header.files).map(name => [name, '0'.repeat(64)])) },
  ];
  for (const change of changes) {
    const changed = { ...header, ...change };
    yield {
      what: JSON.stringify(change).slice(0, 60),
      events: events.map(each => (each.kind === 'run-started' ? { ...each, data: changed } : each)),
    };
  }
  yield { what: 'an event before it', events: [note(0), ...events] };
  yield { what: 'no header', events: events.filter(({ kind }) => kind !== 'run-started') };
});

never('the banner of another build', 30, function* ({ events, prediction }) {
  const changes: ReadonlyArray<readonly [string, boolean, RegExp, string]> = [
    ['Xen 4.16', prediction.xen?.mediator === 'multi-agent', /Xen version \d+\.\d+/g, 'Xen version 4.16'],
    ['debug=n', prediction.xen?.mediator === 'multi-agent' && prediction.xen.debug, /debug=y/g, 'debug=n'],
    ['Linux 5.10', hasLines(prediction, 'linux'), /Linux version \d+\.\d+/g, 'Linux version 5.10'],
  ];
  for (const [what, isOwed, pattern, by] of changes) {
    let changed = 0;
    const altered = edited(inWholePieces(events), text => text.replace(pattern, () => (changed++, by)));
    if (isOwed && changed > 0) yield { what, events: altered };
  }
});

function hasLines({ expectations }: Prediction, source: Expectation['source']): boolean {
  return expectations.some(
    each => each.kind === 'line' && each.source === source && each.claim === undefined,
  );
}

never('the outputs of two answers changed over', 300, function* ({ events, prediction }) {
  const answers = [...events.entries()].flatMap(([index, event]) =>
    event.kind === 'answer' ? [{ index, event, phase: phaseAt(events, index) }] : [],
  );
  for (const [at, a] of answers.entries()) {
    for (const b of answers.slice(at + 1)) {
      const { stdout, stderr } = a.event.data;
      const other = b.event.data;
      // An output that is predicted for both is as good in either.
      const isFree = (of: typeof a, from: typeof a) =>
        prediction.expectations.every(
          ({ kind, phase, command, pattern }) =>
            kind !== 'answer' ||
            phase !== of.phase ||
            command?.trim() !== of.event.data.command.trim() ||
            new RegExp(pattern).test(from.event.data.stdout.trimEnd()),
        ) && !of.event.data.command.startsWith('xl create');
      if ((stdout === other.stdout && stderr === other.stderr) || (isFree(a, b) && isFree(b, a))) continue;
      const changed = events
        .with(a.index, { ...a.event, data: { ...a.event.data, stdout: other.stdout, stderr: other.stderr } })
        .with(b.index, { ...b.event, data: { ...other, stdout, stderr } });
      yield { what: `${a.event.data.command} and ${other.command}`, events: changed };
    }
  }
});

never('the output of one command in the answer to another', 8, function* ({ events }) {
  const answers = [...events.entries()].flatMap(([index, event]) =>
    event.kind === 'answer' ? [{ index, event }] : [],
  );
  const form = /\/clk_summary$|\/devices_deferred$|^xl destroy /;
  for (const [at, a] of answers.entries()) {
    for (const b of answers.slice(at + 1)) {
      const { command, stdout } = a.event.data;
      const other = b.event.data;
      if (command === other.command || stdout === other.stdout || !form.test(command)) continue;
      yield {
        what: `${command} and ${other.command}`,
        events: events
          .with(a.index, { ...a.event, data: { ...a.event.data, stdout: other.stdout } })
          .with(b.index, { ...b.event, data: { ...other, stdout } }),
      };
    }
  }
});

never('commands, answers and steps that are dropped, doubled or changed over', 1000, function* ({ events }) {
  const places = [...events.entries()].filter(([, { kind }]) => ['command', 'answer', 'step'].includes(kind));
  for (const [index, event] of places) {
    const what = JSON.stringify(event.data).slice(0, 80);
    yield { what: `twice: ${what}`, events: events.toSpliced(index, 0, event) };
    const isOnlyCommand = events.filter(({ kind }) => kind === 'command').length === 1;
    // A guest that is told to end answers no more; a run without any command is one of an older version.
    const mayLack = event.kind === 'answer' || (event.kind === 'command' && isOnlyCommand);
    if (!mayLack) yield { what: `dropped: ${what}`, events: events.toSpliced(index, 1) };
    const [at, next] = places.find(([later, { kind }]) => later > index && kind === event.kind) ?? [];
    if (at === undefined || next === undefined || JSON.stringify(next.data) === JSON.stringify(event.data))
      continue;
    if (event.kind === 'answer' && next.kind === 'answer' && event.data.command === next.data.command)
      continue;
    yield {
      what: `changed over: ${what}`,
      events: events.with(index, { ...next, t: event.t }).with(at, { ...event, t: next.t }),
    };
  }
});

never('power that is switched twice or the other way round', 100, function* ({ events }) {
  for (const [index, event] of events.entries()) {
    if (event.kind !== 'power') continue;
    yield { what: `twice: ${event.data.action}`, events: events.toSpliced(index, 0, event) };
    const detail = event.data.detail === 'on' ? 'off' : 'on';
    const isFirst = !events.slice(0, index).some(({ kind }) => kind === 'power');
    if (event.data.action === 'confirmed' && !isFirst)
      yield {
        what: `confirmed ${detail}`,
        events: events.with(index, { ...event, data: { ...event.data, detail } }),
      };
  }
});

function phaseAt(events: readonly RecordedEvent[], index: number): number | 'boot' {
  const step = events.slice(0, index).findLast(event => event.kind === 'step');
  return step?.kind === 'step' ? step.data.index : 'boot';
}

never('all events twice', 48, function* ({ events }) {
  yield { what: 'as they are', events: [...events, ...events] };
  const end = events.at(-1)?.t ?? 0;
  yield {
    what: 'one run after the other',
    events: [...events, ...events.map(each => ({ ...each, t: each.t + end }))],
  };
});

never('the log of Xen of another run', 40, function* ({ events, title }, others) {
  for (const [index, event] of events.entries()) {
    if (event.kind !== 'log' || event.source !== 'ssh' || event.data.command !== 'xl dmesg') continue;
    for (const other of others) {
      const log = other.events.find(each => each.kind === 'log' && each.data.command === 'xl dmesg');
      if (
        other.title === title ||
        log?.kind !== 'log' ||
        mediator(log.data.text) === mediator(event.data.text)
      )
        continue;
      yield {
        what: `of ${other.title}`,
        events: events.with(index, { ...event, data: { ...event.data, text: log.data.text } }),
      };
    }
  }
});

never("the log of Dom0's kernel of another run", 200, function* ({ events, title }, others) {
  for (const [index, event] of events.entries()) {
    if (event.kind !== 'log' || event.data.command !== 'dmesg') continue;
    for (const other of others) {
      const log = other.events.find(each => each.kind === 'log' && each.data.command === 'dmesg');
      if (other.title === title || log?.kind !== 'log' || log.data.text === event.data.text) continue;
      yield {
        what: `of ${other.title}`,
        events: events.with(index, { ...event, data: { ...event.data, text: log.data.text } }),
      };
    }
  }
});

never('what `dmesg` shows in Dom0 of another run', 15, function* ({ events, title }, others) {
  for (const [index, event] of events.entries()) {
    if (event.kind !== 'answer' || event.data.domain !== 'dom0' || !event.data.command.startsWith('dmesg'))
      continue;
    for (const other of others) {
      const answer = other.events.find(
        each =>
          each.kind === 'answer' && each.data.domain === 'dom0' && each.data.command === event.data.command,
      );
      if (other.title === title || answer?.kind !== 'answer') continue;
      const { stdout } = answer.data;
      if (stdout === event.data.stdout) continue;
      yield {
        what: `${event.data.command} of ${other.title}`,
        events: events.with(index, { ...event, data: { ...event.data, stdout } }),
      };
    }
  }
});

never("the log of Dom0's kernel of two boots, or of a later time", 40, function* ({ events }) {
  const index = events.findIndex(event => event.kind === 'log' && event.data.command === 'dmesg');
  const event = events[index];
  if (event?.kind !== 'log') return;
  const { text } = event.data;
  const given = (log: string) => events.with(index, { ...event, data: { ...event.data, text: log } });
  yield { what: 'two boots', events: given(text + text) };
  yield { what: 'an hour later', events: given(`${text}[ 3600.000000] random: crng init done\n`) };
});

/** Lines of Xen's log about the mediator. */
function mediator(log: string): string {
  return log
    .split('\n')
    .filter(line => /scmi|\bsci\b|Unhandled SMC/i.test(line))
    .join('\n');
}

never('time that stands still or runs backwards', 90, function* ({ events }) {
  const end = events.at(-1)?.t ?? 0;
  const half = events[Math.floor(events.length / 2)]?.t ?? 0;
  yield { what: 'before the start', events: events.map(each => ({ ...each, t: each.t - end - 1 })) };
  yield { what: 'no time', events: events.map(each => ({ ...each, t: 0 })) };
  yield {
    what: 'no time from the middle on',
    events: events.map(each => ({ ...each, t: Math.min(each.t, half) })),
  };
  yield { what: 'backwards', events: events.map(each => ({ ...each, t: end - each.t })) };
  yield {
    what: 'back to the start in the middle',
    events: events.map(each => ({ ...each, t: each.t > half ? each.t - half : each.t })),
  };
});

never('a digit of a predicted line of SCMI is another', 1000, function* ({ events, prediction }) {
  const whole = inWholePieces(events);
  const { judgements } = judge({ prediction, recording: whole });
  let next = 1;
  const chance = (below: number) => (next = (next * 48_271) % 2_147_483_647) % below;
  for (const { expectation, seen } of judgements) {
    const { kind, claim, source, pattern } = expectation;
    if (
      kind !== 'line' ||
      claim !== undefined ||
      seen === undefined ||
      (source !== 'xen' && source !== 'linux')
    )
      continue;
    const { text } = seen;
    const digits = [...text.matchAll(/\d/g)].map(({ index }) => index);
    for (let time = 0; time < 2 && digits.length > 0; time++) {
      const at = digits[chance(digits.length)] ?? 0;
      const changed = `${text.slice(0, at)}${(Number(text[at]) + 1 + chance(8)) % 10}${text.slice(at + 1)}`;
      // Where the pattern leaves it open, the prediction says that it is free.
      if (changed === text || new RegExp(pattern).test(changed)) continue;
      for (const alsoInLog of [false, true]) {
        let done = false;
        const altered = edited(whole, (said, where) => {
          if (where === 'answer' || (where === 'log' && !alsoInLog) || (where === 'console' && done))
            return said;
          return said.replace(text, () => {
            done ||= where === 'console';
            return changed;
          });
        });
        if (done)
          yield { what: `"${text}" is "${changed}"${alsoInLog ? ', in the log too' : ''}`, events: altered };
      }
    }
  }
});

always('events as they are, in pieces and whole', 48, function* ({ events }) {
  yield { what: 'as they are', events };
  yield { what: 'in whole pieces', events: inWholePieces(events) };
  yield {
    what: 'in single characters',
    events: events.flatMap(event =>
      event.kind === 'received' && 'text' in event.data && event.data.text.length < 400
        ? Array.from(
            event.data.text,
            (text): RecordedEvent => ({ ...event, data: { console: 'main', text } }),
          ).map((each, index) => ({ ...each, t: each.t + index / 1e6 }))
        : [event],
    ),
  };
});

const note = (t: number): RecordedEvent => ({
  t,
  source: 'ssh',
  kind: 'note',
  data: { text: 'tried again', retried: true },
});

/** A guest and Dom0 write beside Xen: what order they come in is chance. */
always('a line of a program between two of Xen, notes and retries', 40, function* ({ events }) {
  const first = events.findIndex(each => each.kind === 'milestone' && each.data.name === 'dom0-login');
  yield { what: 'a note', events: events.toSpliced(1, 0, note(events[1]?.t ?? 0)) };
  if (first < 0) return;
  const t = events[first]?.t ?? 0;
  const said = (text: string): RecordedEvent => ({
    t,
    source: 'console',
    kind: 'received',
    data: { console: 'main', text },
  });
  yield {
    what: 'a program writes',
    events: events.toSpliced(first + 1, 0, said('\r\nstarting sshd: ok\r\n')),
  };
});

test('a recording of an earlier version, whose prediction names no run, is judged as before', t => {
  for (const { prediction, events, title } of runs) {
    const { run: _, linux: __, ...older } = prediction;
    t.is(judge({ prediction: older, recording: events }).outcome, 'met', title);
  }
});
