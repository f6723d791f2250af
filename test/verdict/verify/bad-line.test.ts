import test from 'ava';
import * as fc from 'fast-check';
import { emptyPrediction, type Expectation, type Prediction } from '../../../src/model/predict/prediction.ts';
import type { RecordedData } from '../../../src/verdict/recording/event.ts';
import { hasSameNumbers, isDamaged, isRemains } from '../../../src/verdict/verify/damage.ts';
import { judge } from './judged.ts';

const anyText = fc.stringMatching(/^[a-z0-9 =:_-]{20,70}$/);
const place = fc.nat(19);

test('a line that lacks a character, or has one twice, is the damaged line', t => {
  fc.assert(
    fc.property(anyText, place, (said, at) => {
      const lacking = said.slice(0, at) + said.slice(at + 1);
      const doubled = said.slice(0, at + 1) + said.slice(at);
      return isDamaged(said, lacking) && isDamaged(said, doubled) && !isDamaged(said, said);
    }),
  );
  t.pass();
});

test('a line in which a character is another one is never the damaged line', t => {
  fc.assert(
    fc.property(anyText, place, fc.constantFrom('a', 'z', '0', '1', ' '), (said, at, other) => {
      fc.pre(said[at] !== other);
      return !isDamaged(said, said.slice(0, at) + other + said.slice(at + 1));
    }),
  );
  t.pass();
});

const pairs: readonly (readonly [said: string, seen: string, damaged: boolean, sameNumbers: boolean])[] = [
  ['scmi: agent 12 of channel 3', 'scmi: agent 1 of channel 3', true, false],
  ['scmi: agent 1 of channel 3', 'scmi: agent 11 of channel 3', true, false],
  ['scmi: agent 1 of channel 3', 'scmi: agent 2 of channel 3', false, false],
  ['scmi: agent 1 of channel 3', 'scmi: agent 12 of channel 3', false, false],
  ['scmi: agent 1 of channel 3', 'scmi: agnt 1 of channel 3', true, true],
  ['scmi: agent 1 of channel 3', 'scmi: agentt 1 of channel 3', true, true],
  ['scmi: agent 1 of channel 3', 'scmi: aget 1 of chanel 3', false, true],
  ['abc', 'ab', false, true],
];

for (const [said, seen, damaged, sameNumbers] of pairs) {
  test(`"${seen}" ${damaged ? 'may' : 'cannot'} be what arrived of "${said}"`, t => {
    t.is(isDamaged(said, seen), damaged);
    t.is(hasSameNumbers(said, seen), sameNumbers);
  });
}

test('a bad line leaves a part of a text, and changes no character', t => {
  const said = 'scmi: Error received: -95';
  for (const left of [said, 'scmi Error eceived 95', 'sscmi: Error', '-9', ''])
    t.true(isRemains(said, left), left);
  for (const other of ['scmi: Error received: -13', 'scmi: Free domain 1'])
    t.false(isRemains(said, other), other);
});

test('a bad console: a line that is left of nothing in the log was said all the same', t => {
  const { outcome, judgements } = verdictOf([...damaged, 'scmi: Error received: -13'], lines);
  t.is(outcome, 'failed');
  t.is(judgements.find(each => each.outcome === 'contradicted')?.seen?.text, 'scmi: Error received: -13');
});

const lines = [
  'Xen version 4.22-unstable',
  'scmi: mediator for SMC registered',
  'scmi: agent 12 at 0x47ff2000',
  'scmi: agent 3 at 0x47ff3000',
  'Brought up 4 CPUs',
  'sci: assign device /soc/mmc to d0',
  'Freed 400kB init memory.',
] as const;

const damaged = [
  'Xen version 4.22-unstable',
  'scmi: mediator for SM registered',
  'scmi: agent 1 at 0x47ff2000',
  'scmi: agent 3 at 0x47ff3000',
  '(XE) Brought upp 4 CPUs',
  'sci: assig device /soc/mmc to d0',
  'Freed 400kB init meory.',
] as const;

const expectations = lines.filter(line => line.startsWith('sc')).map(expected);
const prediction: Prediction = {
  ...emptyPrediction,
  mediator: { kind: 'multi-agent', registered: true, errno: 0, node: '/chosen/xen', agentId: 1 },
  expectations,
};

function expected(line: string, index: number): Expectation {
  return {
    id: `boot.xen.${index + 1}`,
    kind: 'line',
    phase: 'boot',
    source: 'xen',
    text: line,
    pattern: `^${line.replaceAll(/[.*+?/]/g, String.raw`\$&`)}$`,
    reason: { rule: 'test.rule', because: 'the test wants it' },
  };
}

const prefixed = (said: readonly string[]) =>
  said.map(line => `${line.startsWith('(') ? '' : '(XEN) '}${line}\r\n`).join('');

type Event = RecordedData & { readonly source?: string };

const header: Event = {
  kind: 'run-started',
  data: {
    schema: 2,
    started: '',
    board: 'b',
    boardType: 'rpi5',
    virtual: true,
    scenario: 's',
    controller: '',
    files: {},
  },
};
const login: Event = { kind: 'milestone', data: { name: 'dom0-login' } };
const finished: Event = { kind: 'run-finished', data: { outcome: 'completed' } };
const onConsole = (text: string): Event => ({ kind: 'received', data: { console: 'main', text } });
const logOf = (command: string, text: string, source = 'ssh'): Event => ({
  kind: 'log',
  source,
  data: { domain: 'dom0', command, text },
});
const xenLog = (said: readonly string[], source?: string) =>
  logOf('xl dmesg', prefixed(said).replaceAll('\r', ''), source);

function judged(events: readonly Event[], more: Partial<Prediction> = {}) {
  const recording = [header, ...events].map((event, t) => ({ t, source: 'test', ...event }));
  return judge({ prediction: { ...prediction, ...more }, recording });
}

/** A run that came to its end, with what the console showed, and Xen's log where it was read. */
function verdictOf(console: readonly string[], log?: readonly string[], source?: string) {
  const logs = log === undefined ? [] : [xenLog(log, source)];
  return judged([onConsole(prefixed(console)), login, ...logs, finished]);
}

test('a bad console: what Xen said is read from its log, and the verdict says so', t => {
  const { outcome, counts, notes = [], faults } = verdictOf(damaged, lines);
  t.is(outcome, 'met');
  t.is(counts.met, expectations.length);
  t.regex(notes.join(), /^the console loses or doubles characters \(5 damaged, .*read from the logs$/);
  t.deepEqual(faults, []);
});

test('a bad console: what Xen did not say by its log either is missed, what it said beside is told', t => {
  const wrong = lines.map(line => line.replace('agent 12', 'agent 1'));
  const { outcome, judgements } = verdictOf(damaged, wrong);
  t.is(outcome, 'failed');
  t.deepEqual(
    judgements
      .filter(({ outcome: is }) => is !== 'met')
      .map(({ outcome: is, seen }) => `${is}: ${seen?.text}`),
    ['missed: scmi: agent 1 at 0x47ff2000', 'contradicted: scmi: agent 1 at 0x47ff2000'],
  );
});

for (const [what, log, source] of [
  ['nobody read the log', undefined, 'ssh'],
  ['the log came over that same console', lines, 'console'],
] as const) {
  test(`a bad console: where ${what}, the lab has failed`, t => {
    const { outcome, counts, faults } = verdictOf(damaged, log, source);
    t.is(outcome, 'infrastructure');
    t.deepEqual([counts.missed, counts.contradicted], [0, 0]);
    t.regex(
      faults[0]?.what ?? '',
      /^the console loses or doubles characters \(".+"\): \d+ of what was expected/,
    );
  });
}

test('a prefix that lacks a character speaks against the console, and its line is Xen’s', t => {
  const console = `(XN) ${lines[1]}\r\n`;
  const { outcome, judgements } = judge({
    prediction,
    recording: [{ t: 0, source: 'test', kind: 'received', data: { console: 'main', text: console } }],
  });
  t.is(judgements[0]?.outcome, 'met');
  t.not(outcome, 'met');
});

test('a good console: one line that is not as predicted is no damage', t => {
  const wrong = lines.map(line => line.replace('mediator', 'mediatr'));
  for (const log of [undefined, wrong]) {
    const { outcome, notes } = verdictOf(wrong, log);
    t.is(outcome, 'failed');
    t.is(notes, undefined);
  }
});

test('a wrong number on every line is no damage, however many they are', t => {
  const wrong = lines.map(line => line.replaceAll(/\d/g, digit => String((Number(digit) + 1) % 10)));
  t.is(verdictOf(wrong).outcome, 'failed');
  t.is(verdictOf(wrong, wrong).outcome, 'failed');
});

test('a bad console: what only the log has was said in the step of what comes next', t => {
  const acquired = 'scmi: Acquire channel id = 0x2';
  const freed = 'scmi: Free domain 1';
  const verdict = judged(
    [
      onConsole(prefixed(damaged)),
      login,
      { kind: 'step', data: { index: 0, do: 'create', phase: 'started' } },
      onConsole(prefixed(['scm: Acqire chanel d 02', freed])),
      { kind: 'step', data: { index: 0, do: 'create', phase: 'finished' } },
      xenLog([...lines, acquired, freed]),
      finished,
    ],
    { expectations: [acquired, freed].map((text, index) => ({ ...expected(text, index), phase: 0 })) },
  );
  t.deepEqual(
    verdict.judgements.filter(({ expectation: { phase } }) => phase === 0).map(({ outcome }) => outcome),
    ['met', 'met'],
  );
});

test("a bad console: what Dom0's kernel said is read from its log, also where its time stamp was damaged", t => {
  const kernel = ['Booting Linux on physical CPU 0x0', 'scmi_core: SCMI protocol bus registered'] as const;
  const stamped = kernel.map((line, index) => `[    0.00${index}000] ${line}\n`).join('');
  const heard = stamped.replace('[    0.001000]', '[    0.00100]').replaceAll('\n', '\r\n');
  const given = [onConsole(prefixed(damaged) + heard), login, xenLog(lines)];
  const wanted = { ...expected(kernel[1], 9), source: 'linux' as const, domid: 0 };
  const more = { expectations: [...expectations, wanted] };
  t.is(judged([...given, logOf('dmesg', stamped), finished], more).outcome, 'met');
  // Without the log, the text has to be whole.
  const torn = [onConsole(prefixed(damaged) + heard.replace('scmi_core', 'scmi_cre')), login, xenLog(lines)];
  t.is(judged([...torn, finished], more).outcome, 'infrastructure');
});

const panic = 'Error getting SCI configuration';

for (const [said, outcome] of [
  ['Error gettng SCI configuration', 'infrastructure'],
  ['Assertion failed', 'failed'],
] as const) {
  test(`a bad console, and a panic is predicted: "${said}" makes the run end as ${outcome}`, t => {
    const verdict = judged(
      [
        onConsole(prefixed([...damaged, 'Panic on CPU 0:', said])),
        { kind: 'fault', data: { class: 'board', what: `Xen panicked: ${said}` } },
        finished,
      ],
      { panic },
    );
    t.is(verdict.outcome, outcome);
  });
}
