import test from 'ava';
import * as fc from 'fast-check';
import type { Expectation, Prediction } from '../../../src/model/predict/prediction.ts';
import { recordedBytes } from '../../../src/verdict/recording/bytes.ts';
import type { RecordedData, RecordedEvent } from '../../../src/verdict/recording/event.ts';
import { align } from '../../../src/verdict/verify/align.ts';
import { judgeConsole } from '../../../src/verdict/verify/judge.ts';
import { judge } from './judged.ts';
import { nearest } from '../../../src/verdict/verify/nearest.ts';
import type { Verdict } from '../../../src/verdict/verify/verdict.ts';

const reason = { rule: 'test.rule', because: 'because the test says so' };

function expectation(id: string, text: string, more: Partial<Expectation> = {}): Expectation {
  return {
    id,
    kind: 'line',
    phase: 'boot',
    source: 'xen',
    text,
    pattern: `^${text.replaceAll(/[^\w ]/g, '\\$&')}$`,
    reason,
    ...more,
  };
}

function prediction(expectations: readonly Expectation[], more: Partial<Prediction> = {}): Prediction {
  return {
    schema: 2,
    mediator: { kind: 'multi-agent', registered: true, errno: 0, node: '/chosen/xen/scmi', agentId: 1 },
    agents: [
      { agentId: 0, functionId: '0x82000002', shmem: '0x47ff0000', domid: 0 },
      { agentId: 2, functionId: '0x82000004', shmem: '0x47ff2000', domid: null },
    ],
    domains: [
      { domid: 0, name: 'Dom0', created: true, agentId: 0, scmiNodes: 'kept' },
      { domid: 1, name: 'd2', created: true, agentId: 2, scmiNodes: 'kept' },
    ],
    panic: null,
    console: [],
    toolstack: [],
    firmware: [],
    expectations,
    undefined: [],
    ...more,
  };
}

const said = (text: string): RecordedData => ({
  kind: 'received',
  data: { console: 'serial', ...recordedBytes(new TextEncoder().encode(text)) },
});
const header: RecordedData = {
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
const login: RecordedData = { kind: 'milestone', data: { name: 'dom0-login' } };
const step = (index: number, phase: 'started' | 'finished'): RecordedData => ({
  kind: 'step',
  data: { index, do: 'create', phase },
});
const passedOver = (phase: 'started' | 'finished', detail?: string): RecordedData => ({
  kind: 'step',
  data: { index: 0, do: 'guest-powers-off', phase, ...(detail !== undefined && { detail }) },
});
const answer = (command: string, status: number, stdout = ''): RecordedData => ({
  kind: 'answer',
  data: { domain: 'dom0', command, status, stdout, stderr: '' },
});
const fault = (kind: 'infrastructure' | 'board' | 'interrupted', what: string): RecordedData => ({
  kind: 'fault',
  data: { class: kind, what },
});
const switched = (action: 'on' | 'off'): RecordedData => ({ kind: 'power', data: { action } });
const adapter = (state: 'away' | 'back'): RecordedData => ({
  kind: 'line',
  data: { console: 'serial', state, detail: state },
});
const logOfXen = (text: string): RecordedData => ({
  kind: 'log',
  data: { domain: 'dom0', command: 'xl dmesg', text },
});
const finished: RecordedData = { kind: 'run-finished', data: { outcome: 'completed' } };

const recording = (events: readonly RecordedData[]): RecordedEvent[] =>
  [header, ...events].map((event, index) => ({ t: index * 10, source: 'ssh', ...event }));

const booted =
  '(XEN) Xen version 4.22\r\n(XEN) scmi: one\r\n(XEN) scmi: two\r\n(XEN) Freed 4kB init memory.\r\n';
const one = expectation('boot.xen.1', 'scmi: one');
const two = expectation('boot.xen.2', 'scmi: two');
const two2 = expectation('boot.xen.2b', 'scmi: two');
const three = expectation('boot.xen.3', 'scmi: three');
const forbidden = expectation('boot.none', 'scmi: no', { kind: 'absent' });
const created = expectation('step0.answer', 'the guest is created', {
  kind: 'answer',
  phase: 0,
  source: 'run',
  command: 'xl create /root/d2.cfg',
  exitStatus: 0,
  pattern: '',
});
const freed = expectation('step1.xen.1', 'scmi: Free domain 1', { phase: 1 });
const claim = (broken: boolean) => ({ claim: { ids: ['D5'], broken: broken ? reason : null } });

const outcomes = (verdict: Verdict) =>
  Object.fromEntries(verdict.judgements.map(({ expectation: { id }, outcome }) => [id, outcome]));

interface Row {
  readonly what: string;
  readonly expectations: readonly Expectation[];
  readonly prediction?: Partial<Prediction>;
  readonly events: readonly RecordedData[];
  readonly outcomes: Readonly<Record<string, string>>;
  readonly verdict: Verdict['outcome'];
  readonly strict?: boolean;
}

const rows: readonly Row[] = [
  {
    what: 'lines in their order are met',
    expectations: [one, two],
    events: [said(booted), login, finished],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met' },
    verdict: 'met',
  },
  {
    what: 'a line that did not come is missed, and those after it are still met',
    expectations: [one, three, two],
    events: [said(booted), login, finished],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.3': 'missed', 'boot.xen.2': 'met' },
    verdict: 'failed',
  },
  {
    what: 'lines out of order: the longest part in order is met, the rest is missed',
    expectations: [two, one],
    events: [said(booted), login, finished],
    outcomes: { 'boot.xen.2': 'met', 'boot.xen.1': 'missed', 'unexpected.xen.1': 'contradicted' },
    verdict: 'failed',
  },
  {
    what: 'a line of the mediator that nothing expected is contradicted',
    expectations: [one],
    events: [said(booted), login, finished],
    outcomes: { 'boot.xen.1': 'met', 'unexpected.xen.1': 'contradicted' },
    verdict: 'failed',
  },
  {
    what: 'a line that the model forbids by name is contradicted once',
    expectations: [one, expectation('absent.1', 'no two', { kind: 'absent', pattern: '^scmi: two' })],
    events: [said(booted), login, finished],
    outcomes: { 'boot.xen.1': 'met', 'absent.1': 'contradicted' },
    verdict: 'failed',
  },
  {
    what: 'a refused doorbell of an agent is contradicted, a refused call that is none is not',
    expectations: [one, two],
    events: [
      said(
        `${booted}(XEN) d0v0 Unhandled SMC/HVC: 0x84000050\r\n(XEN) d0v0 Unhandled SMC/HVC: 0x82000004\r\n`,
      ),
      login,
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'unexpected.xen.1': 'contradicted' },
    verdict: 'failed',
  },
  ...(
    [
      ['the lab names no address of d2', 'not-observable', 'met'],
      ['d2 does not run', 'contradicted', 'failed'],
    ] as const
  ).map(([detail, again, verdict]) => ({
    what: `after a guest was not told to power off, for ${detail}, another exit status of its creation is ${again}`,
    expectations: [one, two, { ...created, phase: 1 }],
    events: [
      said(booted),
      login,
      passedOver('started'),
      passedOver('finished', detail),
      step(1, 'started'),
      answer('xl create /root/d2.cfg', 3),
      step(1, 'finished'),
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'step0.answer': again },
    verdict,
  })),
  {
    what: 'what Xen says of a call that is not predicted is not held against the board',
    expectations: [
      one,
      two,
      expectation('step0.answer', 'anything', {
        kind: 'answer',
        phase: 0,
        source: 'probe',
        domid: 1,
        pattern: '',
        command: 'smc 0x82000004',
      }),
    ],
    events: [
      said(booted),
      login,
      step(0, 'started'),
      said('(XEN) d1v0 Unhandled SMC/HVC: 0x82000004\r\n'),
      {
        kind: 'answer',
        data: { domain: 'd2', command: 'smc 0x82000004', status: 0, stdout: 'ok', stderr: '' },
      },
      step(0, 'finished'),
      step(1, 'started'),
      said('(XEN) d1v0 Unhandled SMC/HVC: 0x82000002\r\n'),
      step(1, 'finished'),
      finished,
    ],
    outcomes: {
      'boot.xen.1': 'met',
      'boot.xen.2': 'met',
      'step0.answer': 'met',
      'unexpected.xen.1': 'contradicted',
    },
    verdict: 'failed',
  },
  {
    what: 'a refused doorbell that is expected may come more than once',
    expectations: [expectation('x', 'd0v0 Unhandled SMC/HVC: 0x82000004')],
    events: [said('(XEN) d0v0 Unhandled SMC/HVC: 0x82000004\r\n'.repeat(3)), login, finished],
    outcomes: { x: 'met' },
    verdict: 'met',
  },
  {
    what: 'what must be absent is met by silence, and contradicted by a line that the model does not itself predict',
    expectations: [
      one,
      two,
      expectation('absent.1', 'no error', { kind: 'absent', pattern: '^scmi: Error' }),
      expectation('absent.2', 'no two', {
        kind: 'absent',
        pattern: '^scmi: two',
        claim: { ids: [], broken: null },
      }),
      expectation('absent.3', 'no Freed', { kind: 'absent', pattern: '^Freed' }),
      expectation('absent.4', 'no other', { kind: 'absent', pattern: '^scmi: ' }),
    ],
    events: [said(booted), login, finished],
    outcomes: {
      'boot.xen.1': 'met',
      'boot.xen.2': 'met',
      'absent.1': 'met',
      'absent.2': 'contradicted',
      'absent.3': 'contradicted',
      'absent.4': 'met',
    },
    verdict: 'failed',
  },
  {
    what: 'a predicted panic with its message is met, and the boot after it is another one',
    expectations: [
      one,
      expectation('boot.panic', 'Xen panics', { kind: 'milestone', source: 'run', pattern: 'panic' }),
    ],
    prediction: { panic: 'Error creating domain 0 (rc = -17)' },
    events: [
      said(
        '(XEN) scmi: one\r\n(XEN) Panic on CPU 0:\r\n(XEN) Error creating domain 0 (rc = -17)\r\n(XEN) Reboot in five seconds...\r\n' +
          'NOTICE:  BL1: v2\r\n(XEN) scmi: one\r\n(XEN) Panic on CPU 0:\r\n(XEN) Error creating domain 0 (rc = -17)\r\n',
      ),
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.panic': 'met' },
    verdict: 'met',
  },
  {
    what: 'another panic than the predicted one is contradicted, and the predicted one missed',
    expectations: [
      expectation('boot.panic', 'Xen panics', { kind: 'milestone', source: 'run', pattern: 'panic' }),
    ],
    prediction: { panic: 'Error creating domain 0 (rc = -17)' },
    events: [said('(XEN) Panic on CPU 0:\r\n(XEN) Error creating domain 0 (rc = -2)\r\n'), finished],
    outcomes: { 'boot.panic': 'missed', 'unexpected.xen-panic.1': 'contradicted' },
    verdict: 'failed',
  },
  {
    what: 'after a panic that nobody predicted the next line is missed, and the rest was not run',
    expectations: [one, two, three, created, freed],
    events: [
      said('(XEN) scmi: one\r\n(XEN) Panic on CPU 0:\r\n(XEN) Oops\r\n'),
      fault('board', 'Xen panicked'),
      finished,
    ],
    outcomes: {
      'boot.xen.1': 'met',
      'boot.xen.2': 'missed',
      'boot.xen.3': 'not-run',
      'step0.answer': 'not-run',
      'step1.xen.1': 'not-run',
      'unexpected.xen-panic.1': 'contradicted',
    },
    verdict: 'failed',
  },
  {
    what: 'a board that starts again, and had said nothing of it, has taught nothing about the rest',
    expectations: [
      one,
      two,
      expectation('boot.login', 'Dom0', { kind: 'milestone', source: 'run', pattern: 'dom0-login' }),
    ],
    events: [
      said(`${booted}[    3.000000] Run /init\r\r\nNOTICE:  BL31: v2\r\n`),
      fault('infrastructure', 'it reset'),
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'boot.login': 'infrastructure' },
    verdict: 'infrastructure',
  },
  {
    what: 'a board that starts again after its kernel had failed is contradicted',
    expectations: [
      one,
      two,
      expectation('boot.login', 'Dom0', { kind: 'milestone', source: 'run', pattern: 'dom0-login' }),
    ],
    events: [
      said(`${booted}[    3.000000] Internal error: Oops\r\r\nNOTICE:  BL31: v2\r\n`),
      fault('board', 'it reset'),
      finished,
    ],
    outcomes: {
      'boot.xen.1': 'met',
      'boot.xen.2': 'met',
      'boot.login': 'missed',
      'unexpected.kernel-oops.1': 'contradicted',
      'unexpected.reset.2': 'contradicted',
    },
    verdict: 'failed',
  },
  {
    what: 'what comes once the lab has failed contradicts nothing, and meets nothing',
    expectations: [one, two, three],
    events: [
      said(booted),
      fault('infrastructure', 'the adapter is gone'),
      said('(XEN) three\r\n(XEN) scmi: nobody predicted this\r\n(XEN) Panic on CPU 0:\r\n(XEN) Oops\r\n'),
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'boot.xen.3': 'infrastructure' },
    verdict: 'infrastructure',
  },
  {
    what: 'what was contradicted before the lab failed is a finding',
    expectations: [one, two, three],
    events: [
      said(`${booted}(XEN) scmi: nobody predicted this\r\n`),
      fault('infrastructure', 'the adapter is gone'),
      finished,
    ],
    outcomes: {
      'boot.xen.1': 'met',
      'boot.xen.2': 'met',
      'boot.xen.3': 'infrastructure',
      'unexpected.xen.1': 'contradicted',
    },
    verdict: 'failed',
  },
  {
    what: 'a run that says it completed, and never began its steps, has shown nothing of them',
    expectations: [one, created],
    events: [said(booted), login, finished],
    outcomes: { 'boot.xen.1': 'met', 'step0.answer': 'not-run', 'unexpected.xen.1': 'contradicted' },
    verdict: 'failed',
  },
  {
    what: 'a run that says it completed, and never began its steps, is none that passed',
    expectations: [one, two, created],
    events: [said(booted), login, finished],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'step0.answer': 'not-run' },
    verdict: 'infrastructure',
  },
  ...(
    [
      ['Panic on CPU 0:\r\n(XEN) Out of memory', 'failed'],
      ['Freed 4kB init memory.', 'met'],
    ] as const
  ).map(
    ([text, verdict]): Row => ({
      what: `an attempt to boot that was made again, and in which Xen said "${text.split('\r')[0]}": ${verdict}`,
      expectations: [one, two],
      events: [
        switched('off'),
        switched('on'),
        said(`(XEN) Xen version 4.22\r\n(XEN) ${text}\r\n(XEN) \r\n`),
        switched('off'),
        switched('on'),
        said(booted),
        login,
        finished,
      ],
      outcomes: {
        'boot.xen.1': 'met',
        'boot.xen.2': 'met',
        ...(verdict === 'failed' && { 'unexpected.xen-panic.1': 'contradicted' }),
      },
      verdict,
    }),
  ),
  ...(
    [
      ['[    0.000000] Booting Linux on physical CPU 0x0', 'missed', 'failed'],
      ['[  900.000000] random: crng init done', 'not-observable', 'met'],
    ] as const
  ).map(
    ([begin, outcome, verdict]): Row => ({
      what: `a kernel line of Dom0, which is silent on the console, where its log begins with "${begin}": ${outcome}`,
      expectations: [one, two, expectation('boot.dom0.1', 'scmi_core: up', { source: 'linux', domid: 0 })],
      events: [
        said(booted),
        login,
        { kind: 'log', data: { domain: 'dom0', command: 'dmesg', text: `${begin}\n` } },
        finished,
      ],
      outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'boot.dom0.1': outcome },
      verdict,
    }),
  ),
  {
    what: 'an attempt to boot that was made again counts as little as what was said before the first one',
    expectations: [one, two],
    events: [
      said('(XEN) scmi: a run before this one\r\n'),
      switched('off'),
      switched('on'),
      said('NOTICE:  BL31: v2\r\nNOTICE:  BL31: v2\r\n(XEN) scmi: of an attempt that failed\r\n'),
      switched('off'),
      switched('on'),
      said(booted),
      login,
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met' },
    verdict: 'met',
  },
  {
    what: 'a switch that was told twice to turn on has begun no other attempt',
    expectations: [one, two],
    events: [switched('off'), switched('on'), said(booted), switched('on'), login, finished],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met' },
    verdict: 'met',
  },
  {
    what: 'what may have come while nobody heard the console is not missed',
    expectations: [one, two, three],
    events: [
      said(`(XEN) scmi: one\r\n`),
      adapter('away'),
      adapter('back'),
      said('(XEN) scmi: three\r\n'),
      login,
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'infrastructure', 'boot.xen.3': 'met' },
    verdict: 'infrastructure',
  },
  {
    what: 'what was forbidden while nobody heard the console is not known: the run is none that passed',
    expectations: [one, forbidden],
    events: [said(`(XEN) scmi: one\r\n`), adapter('away'), adapter('back'), login, finished],
    outcomes: { 'boot.xen.1': 'met', 'boot.none': 'infrastructure' },
    verdict: 'infrastructure',
  },
  {
    what: 'what Xen said while nobody heard the console is read from its log',
    expectations: [one, two, three, forbidden],
    events: [
      said(`(XEN) scmi: one\r\n(XEN) scm`),
      adapter('away'),
      adapter('back'),
      said('o\r\n(XEN) scmi: three\r\n'),
      login,
      logOfXen('(XEN) scmi: one\n(XEN) scmi: two\n(XEN) scmi: three\n'),
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'boot.xen.3': 'met', 'boot.none': 'met' },
    verdict: 'met',
  },
  {
    what: 'what Xen did not say by its log either is missed, and what it said beside is contradicted',
    expectations: [one, two, three, forbidden],
    events: [
      said(`(XEN) scmi: one\r\n`),
      adapter('away'),
      adapter('back'),
      said('(XEN) scmi: three\r\n'),
      login,
      logOfXen('(XEN) scmi: one\n(XEN) scmi: no\n(XEN) scmi: three\n'),
      finished,
    ],
    outcomes: {
      'boot.xen.1': 'met',
      'boot.xen.2': 'missed',
      'boot.xen.3': 'met',
      'boot.none': 'contradicted',
    },
    verdict: 'failed',
  },
  {
    what: 'a line that stands in the log of Xen and did not come over the console is met by the log',
    expectations: [one, two, two2, three],
    events: [
      said('(XEN) scmi: one\r\n(XEN) scmi: three\r\n'),
      login,
      logOfXen('(XEN) scmi: one\n(XEN) scmi: two\n(XEN) scmi: three\n'),
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'boot.xen.2b': 'missed', 'boot.xen.3': 'met' },
    verdict: 'failed',
  },
  {
    what: 'a line that came in another place is missed, whatever the log has',
    expectations: [one, two, three],
    events: [
      said('(XEN) scmi: two\r\n(XEN) scmi: one\r\n(XEN) scmi: three\r\n'),
      login,
      logOfXen('(XEN) scmi: two\n(XEN) scmi: one\n(XEN) scmi: three\n'),
      finished,
    ],
    outcomes: {
      'boot.xen.1': 'met',
      'boot.xen.2': 'missed',
      'boot.xen.3': 'met',
      'unexpected.xen.1': 'contradicted',
    },
    verdict: 'failed',
  },
  {
    what: 'what was due before the console was away is missed',
    expectations: [one, two, three],
    events: [
      said('(XEN) scmi: one\r\n(XEN) scmi: three\r\n'),
      adapter('away'),
      adapter('back'),
      login,
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'missed', 'boot.xen.3': 'met' },
    verdict: 'failed',
  },
  {
    what: 'a board that falls silent has missed what was due, and not run what came later',
    expectations: [
      one,
      two,
      expectation('boot.login', 'Dom0', { kind: 'milestone', source: 'run', pattern: 'dom0-login' }),
      created,
    ],
    events: [said(booted), fault('board', 'no login within 90 s'), finished],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'boot.login': 'missed', 'step0.answer': 'not-run' },
    verdict: 'failed',
  },
  {
    what: 'after the lab failed, what was not seen says nothing',
    expectations: [one, two, three, created],
    events: [
      said('(XEN) scmi: one\r\n'),
      fault('infrastructure', 'serial line lost'),
      { kind: 'run-finished', data: { outcome: 'infrastructure' } },
    ],
    outcomes: {
      'boot.xen.1': 'met',
      'boot.xen.2': 'infrastructure',
      'boot.xen.3': 'infrastructure',
      'step0.answer': 'infrastructure',
    },
    verdict: 'infrastructure',
  },
  {
    what: 'what was over before the lab failed is judged',
    expectations: [one, three, two, created, freed],
    events: [
      said(booted),
      login,
      step(0, 'started'),
      answer('xl create /root/d2.cfg', 0),
      step(0, 'finished'),
      step(1, 'started'),
      fault('infrastructure', 'SSH lost'),
    ],
    outcomes: {
      'boot.xen.1': 'met',
      'boot.xen.3': 'missed',
      'boot.xen.2': 'met',
      'step0.answer': 'met',
      'step1.xen.1': 'infrastructure',
    },
    verdict: 'failed',
  },
  {
    what: 'a run that was interrupted has not run the rest',
    expectations: [one, two, created],
    events: [
      said(booted),
      login,
      fault('interrupted', 'Ctrl-C'),
      { kind: 'run-finished', data: { outcome: 'interrupted' } },
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'step0.answer': 'not-run' },
    verdict: 'interrupted',
  },
  {
    what: 'a recording without an end was interrupted as well',
    expectations: [one, two, created],
    events: [said(booted), login],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'step0.answer': 'not-run' },
    verdict: 'interrupted',
  },
  {
    what: 'another exit status is contradicted',
    expectations: [one, two, created],
    events: [
      said(booted),
      login,
      step(0, 'started'),
      answer('xl create  /root/d2.cfg', 3),
      step(0, 'finished'),
      finished,
    ],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', 'step0.answer': 'contradicted' },
    verdict: 'failed',
  },
  {
    what: 'another output is contradicted; a command that was not given is missed',
    expectations: [
      { ...created, id: 'a', command: 'uname -r', pattern: '^6\\.12' },
      { ...created, id: 'b', command: 'uname -m', pattern: '^aarch64$' },
      { ...created, id: 'c', command: 'id', pattern: '' },
    ],
    events: [
      login,
      step(0, 'started'),
      answer('uname -r', 0, '6.1.0\n'),
      answer('uname -m', 0, 'aarch64\n'),
      finished,
    ],
    outcomes: { a: 'contradicted', b: 'met', c: 'missed' },
    verdict: 'failed',
  },
  {
    what: 'a line may come late, but never before its step',
    expectations: [freed],
    events: [
      login,
      said('(XEN) scmi: Free domain 1\r\n'),
      step(0, 'started'),
      step(1, 'started'),
      step(1, 'finished'),
      finished,
    ],
    outcomes: { 'step1.xen.1': 'missed', 'unexpected.xen.1': 'contradicted' },
    verdict: 'failed',
  },
  {
    what: 'a line that comes in a later step is met all the same',
    expectations: [freed],
    events: [
      login,
      step(0, 'started'),
      step(1, 'started'),
      step(1, 'finished'),
      step(2, 'started'),
      said('(XEN) scmi: Free domain 1\r\n'),
      finished,
    ],
    outcomes: { 'step1.xen.1': 'met' },
    verdict: 'met',
  },
  {
    what: 'a guest whose console nobody hears is not observable, unless its log was read',
    expectations: [
      expectation('g1', 'arm-scmi probed', { source: 'linux', domid: 1, phase: 0 }),
      expectation('g7', 'arm-scmi probed', { source: 'linux', domid: 7, phase: 0 }),
    ],
    events: [
      login,
      step(0, 'started'),
      {
        kind: 'answer',
        data: {
          domain: 'd2',
          command: 'dmesg',
          status: 0,
          stdout: '[    1.000000] arm-scmi probed\n',
          stderr: '',
        },
      },
      step(0, 'finished'),
      finished,
    ],
    outcomes: { g1: 'met', g7: 'not-observable' },
    verdict: 'met',
  },
  {
    what: 'firmware that has another console is not observable',
    expectations: [one, two, expectation('f', 'ERROR:   Agent 1', { source: 'firmware' })],
    events: [said(booted), login, finished],
    outcomes: { 'boot.xen.1': 'met', 'boot.xen.2': 'met', f: 'not-observable' },
    verdict: 'met',
  },
  {
    what: "what xl prints is found in its command's output",
    expectations: [
      expectation('xl1', 'cannot make domain: -3', { source: 'xl', phase: 0 }),
      expectation('xl2', 'another', { source: 'xl', phase: 0 }),
    ],
    events: [
      login,
      step(0, 'started'),
      answer('xl create d2.cfg', 3, 'Parsing config\ncannot make domain: -3\n'),
      finished,
    ],
    outcomes: { xl1: 'met', xl2: 'missed' },
    verdict: 'failed',
  },
  {
    what: 'standard output and error of a command have no order between them',
    expectations: ['first', 'second', 'third'].map(text =>
      expectation(text, text, { source: 'xl', phase: 0 }),
    ),
    events: [login, step(0, 'started'), answer('xl create d2.cfg', 3, 'second\nthird\nfirst\n'), finished],
    outcomes: { first: 'met', second: 'met', third: 'met' },
    verdict: 'met',
  },
  {
    what: 'claims have no order, and a kernel line may be any domain\u2019s',
    expectations: [
      one,
      two,
      { ...two, id: 'c1', ...claim(false) },
      { ...one, id: 'c2', ...claim(false) },
      expectation('c3', 'probed', { source: 'linux', ...claim(false) }),
      expectation('c4', 'never', { source: 'linux', kind: 'absent', ...claim(true) }),
    ],
    events: [said(`${booted}(XEN) DOM1: probed\r\r\n(XEN) DOM1: never\r\r\n`), login, finished],
    outcomes: {
      'boot.xen.1': 'met',
      'boot.xen.2': 'met',
      c1: 'met',
      c2: 'met',
      c3: 'met',
      c4: 'broken-as-predicted',
    },
    verdict: 'met',
  },
  {
    what: 'a step that was passed over could not be observed',
    expectations: [
      { ...created, phase: 0 },
      { ...freed, phase: 1 },
    ],
    events: [
      login,
      step(0, 'started'),
      { kind: 'step', data: { index: 0, do: 'look', phase: 'finished', detail: 'd2 does not run' } },
      step(1, 'started'),
      { kind: 'step', data: { index: 1, do: 'assign-device', phase: 'finished', detail: 'not done' } },
      finished,
    ],
    outcomes: { 'step0.answer': 'not-observable', 'step1.xen.1': 'not-observable' },
    verdict: 'met',
  },
  {
    what: 'a step that the lab ended has not come to its end, though it was told finished',
    expectations: [created, freed],
    events: [
      login,
      step(0, 'started'),
      { kind: 'step', data: { index: 0, do: 'create', phase: 'finished', detail: 'SSH lost' } },
      fault('infrastructure', 'SSH lost'),
      finished,
    ],
    outcomes: { 'step0.answer': 'infrastructure', 'step1.xen.1': 'infrastructure' },
    verdict: 'infrastructure',
  },
  {
    what: "a guest's login is not Dom0's",
    expectations: [expectation('l', 'login', { kind: 'milestone', source: 'run', pattern: 'dom0-login' })],
    events: [
      { kind: 'milestone', data: { name: 'dom0-login', domain: '1' } },
      fault('board', 'no login'),
      finished,
    ],
    outcomes: { l: 'missed' },
    verdict: 'failed',
  },
  {
    what: 'claims: met, missed, and broken as predicted',
    expectations: [
      { ...one, id: 'holds', ...claim(false) },
      { ...three, id: 'fails', ...claim(false) },
      { ...three, id: 'breaks', ...claim(true) },
      { ...two, id: 'holds-after-all', ...claim(true) },
      one,
      two,
    ],
    events: [said(booted), login, finished],
    outcomes: {
      holds: 'met',
      fails: 'missed',
      breaks: 'broken-as-predicted',
      'holds-after-all': 'met',
      'boot.xen.1': 'met',
      'boot.xen.2': 'met',
    },
    verdict: 'failed',
  },
  {
    what: 'a claim that a predicted panic breaks is broken as predicted',
    expectations: [
      expectation('login', 'Dom0 is there', {
        kind: 'milestone',
        source: 'run',
        pattern: 'dom0-login',
        ...claim(true),
      }),
      { ...created, ...claim(true) },
    ],
    prediction: { panic: 'Oops' },
    events: [said('(XEN) Panic on CPU 0:\r\n(XEN) Oops\r\n'), finished],
    outcomes: { login: 'broken-as-predicted', 'step0.answer': 'broken-as-predicted' },
    verdict: 'met',
  },
  {
    what: 'only a claim of the series may break as predicted: what a scenario alone states has to hold',
    expectations: [
      { ...three, id: 'own', claim: { ids: [], broken: { rule: 'r', because: 'xl refuses it' } } },
    ],
    events: [login, finished],
    outcomes: { own: 'missed' },
    verdict: 'failed',
  },
  {
    what: 'what a scenario alone states of a time after a predicted panic does not hold',
    expectations: [{ ...created, claim: { ids: [], broken: { rule: 'r', because: 'Xen panics' } } }],
    prediction: { panic: 'Oops' },
    events: [said('(XEN) Panic on CPU 0:\r\n(XEN) Oops\r\n'), finished],
    outcomes: { 'step0.answer': 'missed' },
    verdict: 'failed',
  },
  {
    what: 'strict: what is broken as predicted fails',
    expectations: [{ ...three, id: 'breaks', ...claim(true) }],
    events: [login, finished],
    outcomes: { breaks: 'broken-as-predicted' },
    verdict: 'failed',
    strict: true,
  },
];

for (const row of rows) {
  test(row.what, t => {
    const verdict = judge({
      prediction: prediction(row.expectations, row.prediction),
      recording: recording(row.events),
      ...(row.strict && { strict: true }),
    });
    t.deepEqual(outcomes(verdict), row.outcomes);
    t.is(verdict.outcome, row.verdict);
    t.is(
      Object.values(verdict.counts).reduce((sum, count) => sum + count),
      verdict.judgements.length,
    );
    for (const { outcome, why } of verdict.judgements) {
      if (outcome !== 'met' && outcome !== 'contradicted')
        t.truthy(why ?? (outcome === 'missed' && 'missed'), outcome);
    }
    if (!row.strict) {
      const strict = judge({
        prediction: prediction(row.expectations, row.prediction),
        recording: recording(row.events),
        strict: true,
      });
      if (verdict.counts['broken-as-predicted'] > 0) t.is(strict.outcome, 'failed');
    }
  });
}

const note = (text: string, retried?: true): RecordedData => ({
  kind: 'note',
  data: { text, ...(retried && { retried }) },
});

test('retries stand under the verdict, other notes do not', t => {
  const verdict = judge({
    prediction: prediction([one, two]),
    recording: recording([
      note('took the board over'),
      note('power-on 1 failed', true),
      said(booted),
      login,
      finished,
    ]),
  });
  t.is(verdict.outcome, 'met');
  t.deepEqual(verdict.notes, ['power-on 1 failed']);
});

test('evidence names the line of the recording and the time, also past damaged lines', t => {
  const events = recording([said('(XEN) scmi: o'), said('ne\r\n'), login, finished]);
  const verdict = judge({ prediction: prediction([one]), recording: events, lines: [1, 2, 5, 6, 7] });
  t.deepEqual(verdict.judgements[0]?.seen, { text: 'scmi: one', line: 5, t: 20 });
  t.is(verdict.board, 'b');
  t.is(verdict.scenario, 's');
});

test('a missed line shows the nearest one that was said', t => {
  const expected = expectation('x', 'scmi: Acquire channel id = 0x2, domain_id = 1 paddr = 0x47ff2000');
  const log =
    '(XEN) scmi: Acquire channel id = 0x3, domain_id = 1 paddr = 0x47ff3000\r\n(XEN) Brought up 2 CPUs\r\n';
  const [missed] = judge({
    prediction: prediction([expected]),
    recording: recording([said(log), login, finished]),
  }).judgements;
  t.is(missed?.outcome, 'missed');
  t.is(missed?.seen?.text, 'scmi: Acquire channel id = 0x3, domain_id = 1 paddr = 0x47ff3000');
});

test('torn and glued text gives no false misses', t => {
  const glued = 'scmi: could not assign dev for d0 agent:0 dev_id:7 (-13)';
  const all = [
    expectation('glued', `${glued}Device tree generation failed (-13).`),
    expectation('linux', 'Segment Routing with IPv6', { source: 'linux', domid: 0 }),
    expectation('guest', 'clocksource: Switched', { source: 'linux', domid: 1 }),
    expectation('blank', 'Got agent count 4'),
  ];
  const log =
    `(XEN) ${glued}Device tree generation failed (-13).\r\n(XEN) Got agent count 4  \r\n` +
    '[    5.674113] Segment Ro(XEN) DOM1: [    4.496584] clocksource: Switched\r\r\nuting with IPv6\r\r\n';
  const verdict = judge({ prediction: prediction(all), recording: recording([said(log), login, finished]) });
  t.deepEqual(new Set(Object.values(outcomes(verdict))), new Set(['met']));
  const parts = [expectation('a', glued), expectation('b', 'Device tree generation failed (-13).')];
  const separate = judge({
    prediction: prediction(parts),
    recording: recording([said(log), login, finished]),
  });
  t.deepEqual(Object.values(outcomes(separate)), ['met', 'met']);
});

const bootLog = `${booted}[    1.000000] scmi_core: SCMI protocol bus registered\r\r\ndom0# `;

const encoded = (text: string) => new TextEncoder().encode(text);

test('a bare log is judged alike, and what it cannot show is not observable', t => {
  const verdict = judgeConsole({
    prediction: prediction([one, two, created]),
    log: encoded(bootLog),
    scenario: 'good',
  });
  t.deepEqual(outcomes(verdict), {
    'boot.xen.1': 'met',
    'boot.xen.2': 'met',
    'step0.answer': 'not-observable',
  });
  t.is(verdict.outcome, 'met');
  t.is(verdict.scenario, 'good');
  t.is(verdict.judgements[0]?.seen?.line, 2);
});

const xlLog = (status: number) =>
  encoded(
    `${bootLog}xl create /root/d2.cfg; echo rc=$?\r\r\nParsing config from /root/d2.cfg\r\r\nrc=${status}\r\r\ndom0# `,
  );

test('a bare log on which xl was used shows its answers', t => {
  const given = prediction([one, two, created]);
  t.is(outcomes(judgeConsole({ prediction: given, log: xlLog(0) }))['step0.answer'], 'met');
  t.is(outcomes(judgeConsole({ prediction: given, log: xlLog(3) }))['step0.answer'], 'contradicted');
});

test('a bare log that shows nothing of the steps has taught too little', t => {
  const stepLine = expectation('step0.xen.1', 'scmi: Acquire channel', { phase: 0 });
  const given = prediction([one, two, stepLine, created, freed]);
  const silent = judgeConsole({ prediction: given, log: encoded(bootLog) });
  t.is(outcomes(silent)['step0.xen.1'], 'not-run');
  t.is(silent.outcome, 'infrastructure');
  const began = encoded(`${bootLog}(XEN) scmi: Acquire channel\r\n`);
  t.is(outcomes(judgeConsole({ prediction: given, log: began }))['step1.xen.1'], 'missed');
});

test('an SCMI driver that fails, or binds, though the model does not predict it is contradicted', t => {
  for (const message of [
    'SCMI Protocol v2.0',
    'error -EOPNOTSUPP: unable to communicate with SCMI',
    'Timeout waiting',
  ]) {
    const log = encoded(`${booted}[    1.500000] arm-scmi arm-scmi.0.auto: ${message}\r\r\nlogin: `);
    const verdict = judgeConsole({ prediction: prediction([one, two]), log });
    t.is(outcomes(verdict)['unexpected.linux.1'], 'contradicted', message);
  }
});

test('a bare log that ends too early has taught nothing about the rest, its torn last line included', t => {
  const log = encoded('(XEN) Xen version 4.22\r\n(XEN) scmi: one\r\n(XEN) scmi: t');
  const verdict = judgeConsole({ prediction: prediction([one, two]), log });
  t.deepEqual(outcomes(verdict), { 'boot.xen.1': 'met', 'boot.xen.2': 'not-run' });
  t.is(verdict.outcome, 'infrastructure');
  t.regex(verdict.faults[0]?.what ?? '', /log ends before/);
});

test('a pattern that is none is an error that names its expectation', t => {
  const broken = prediction([{ ...one, pattern: '(' }]);
  t.throws(() => judge({ prediction: broken, recording: recording([]) }), {
    message: /boot\.xen\.1 has a faulty pattern/,
  });
});

test('an alignment is as long as any that keeps both orders', t => {
  fc.assert(
    fc.property(fc.array(fc.nat(4), { maxLength: 8 }), fc.array(fc.nat(4), { maxLength: 8 }), (a, b) => {
      const pairs = align(a.length, b.length, (i, j) => (a[i] === b[j] ? 1 : 0));
      t.true(pairs.every(({ expected, seen }) => a[expected] === b[seen]));
      pairs.slice(1).forEach((pair, index) => {
        t.true(pair.expected > (pairs[index]?.expected ?? -1) && pair.seen > (pairs[index]?.seen ?? -1));
      });
      const longest = (i: number, j: number): number =>
        i === a.length || j === b.length
          ? 0
          : a[i] === b[j]
            ? 1 + longest(i + 1, j + 1)
            : Math.max(longest(i + 1, j), longest(i, j + 1));
      t.is(pairs.length, longest(0, 0));
    }),
  );
});

test('the nearest line is the one with the fewest changes, if half of it is the same', t => {
  t.is(
    nearest('scmi: Agent 2 SMC 82000004', [
      'Brought up 2 CPUs',
      'scmi: Agent 3 SMC 82000004',
      'scmi: Agent 22',
    ]),
    1,
  );
  t.is(nearest('scmi: Agent 2', ['something else', '']), undefined);
});
