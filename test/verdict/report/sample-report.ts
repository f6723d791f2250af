/** A report of a run that failed, with text that a board may print to harm its reader. */
import type { RecordedData } from '../../../src/verdict/recording/event.ts';
import { type RecordedRun, RecordedRunReader } from '../../../src/verdict/report/recorded-run.ts';
import type { RunReport } from '../../../src/verdict/report/run-report.ts';
import type { Judgement, Outcome } from '../../../src/verdict/verify/verdict.ts';

export const evil =
  '<img src=x onerror="document.title=1"></pre><script>document.title=1</script>\u001b[31m]]>';

const events: readonly RecordedData[] = [
  {
    kind: 'run-started',
    data: {
      schema: 2,
      started: '2026-11-21T10:00:00.000Z',
      board: 'rpi5-01',
      boardType: 'rpi5',
      virtual: false,
      scenario: 'dom0-and-guest',
      controller: 'scmi-hil 0.1.0',
      files: { 'xen.bin': 'a'.repeat(64) },
    },
  },
  { kind: 'power', data: { action: 'on' } },
  { kind: 'received', data: { console: 'main', text: '(XEN) scmi: Got agent count 8\r\n' } },
  { kind: 'received', data: { console: 'main', text: `(XEN) scmi: Error received: -13 ${evil}\r\n` } },
  { kind: 'milestone', data: { name: 'xen-booted', line: evil } },
  { kind: 'run-finished', data: { outcome: 'completed' } },
];

const judgements: readonly Judgement[] = [
  judged('met', 'scmi: Got agent count 8', { text: 'scmi: Got agent count 8', line: 3, t: 20 }),
  judged('contradicted', 'scmi: Error received', { text: 'scmi: Error received: -13', line: 4, t: 30 }, [
    'D1',
  ]),
  judged('missed', evil, undefined, ['D1', 'D10']),
  judged('broken-as-predicted', 'Free domain 1', undefined, ['D2']),
];

/** @param change of the recorded header, to make it a virtual board's */
export function sampleRun(
  change: { readonly virtual?: boolean; readonly mutant?: string } = {},
): RecordedRun {
  const reader = new RecordedRunReader();
  for (const [index, event] of events.entries()) {
    const changed = event.kind === 'run-started' ? { ...event, data: { ...event.data, ...change } } : event;
    reader.take({ t: index * 10, source: 'run', ...changed }, index + 1);
  }
  return reader.end(report);
}

const report: RunReport = {
  title: 'Dom0 and one guest',
  claims: ['D1', 'D2', 'D10'],
  directory: 'runs/x',
  started: '2026-11-21T10:00:00.000Z',
  milliseconds: 12_345,
  images: { xen: { sha256: 'b'.repeat(64), version: 'Xen 4.22-unstable', buildId: 'c0ffee' } },
  verdict: {
    schema: 3,
    board: 'rpi5-01',
    scenario: 'dom0-and-guest',
    outcome: 'failed',
    counts: {
      met: 1,
      missed: 1,
      contradicted: 1,
      'broken-as-predicted': 1,
      'not-observable': 0,
      'not-run': 0,
      infrastructure: 0,
    },
    judgements,
    faults: [],
  },
};

function judged(
  outcome: Outcome,
  text: string,
  seen?: Judgement['seen'],
  ids: readonly string[] = [],
): Judgement {
  return {
    outcome,
    ...(seen !== undefined && { seen }),
    expectation: {
      id: text,
      kind: 'line',
      phase: 'boot',
      source: 'xen',
      text,
      pattern: text,
      reason: { rule: 'rule.name', because: 'the tree says so' },
      ...(ids.length > 0 && {
        claim: {
          ids,
          broken:
            outcome === 'broken-as-predicted'
              ? { rule: 'smc-multiagent.free', because: 'the channel is kept' }
              : null,
        },
      }),
    },
  };
}
