import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { emptyPrediction, type Expectation } from '../../src/model/predict/prediction.ts';
import { systemClock } from '../../src/run/clock.ts';
import { runStep, type StepActor } from '../../src/run/steps.ts';

/** A line of Xen's that the model predicts of the first step. */
function due(text: string): Expectation {
  const reason = { rule: 'test', because: 'test' };
  return { id: text, kind: 'line', phase: 0, source: 'xen', text, pattern: `^${text}$`, reason };
}

/** Dom0's toolstack answers at once; Xen prints and frees when the test says so. */
function stage(expectations: readonly Expectation[], settleFor: number) {
  const said: string[] = [];
  const looks = new Set<() => void>();
  const asked: string[] = [];
  const lists: string[] = [];
  const actor = {
    console: {
      mark: () => 0,
      xenSince: () => said,
      until: <T>(seen: () => T | undefined, signal: AbortSignal) =>
        new Promise<T>((resolve, reject) => {
          const look = () => {
            const found = seen();
            if (found !== undefined) resolve(found);
          };
          looks.add(look);
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          look();
        }),
      quiet: () => Promise.resolve(),
    },
    shells: {
      read: (_: string, command: string) => {
        asked.push(command);
        return Promise.resolve({ status: 0, stdout: lists.shift() ?? 'Name ID\n', stderr: '' });
      },
    },
    guests: {
      canBe: () => true,
      nameOf: () => 'domu',
      tell: () => Promise.resolve(null),
      isGone: () => true,
    },
    probes: { forget: () => Promise.resolve() },
    recorder: { record: () => undefined },
    clock: systemClock(),
    prediction: { ...emptyPrediction, expectations },
    settleFor,
  } as unknown as StepActor;
  const say = (text: string) => {
    said.push(text);
    for (const look of looks) look();
  };
  return { actor, say, asked, lists };
}

const destroy = { do: 'destroy', guest: 'guest' } as const;
const { signal } = new AbortController();

test('a step ends when Xen has freed the domain, not when xl has returned', async t => {
  const { actor, say } = stage([due('scmi: Free domain 1'), due('scmi: agent_id = 1')], 60_000);
  let isOver = false;
  const step = runStep(0, destroy, actor, signal).then(() => (isOver = true));
  say('scmi: agent_id = 1');
  await sleep(50);
  t.false(isOver);
  say('scmi: Free domain 1');
  await step;
});

test('two lines alike are waited for twice', async t => {
  const { actor, say } = stage([due('scmi: Free domain 1'), due('scmi: Free domain 1')], 60_000);
  let isOver = false;
  const step = runStep(0, destroy, actor, signal).then(() => (isOver = true));
  say('scmi: Free domain 1');
  await sleep(50);
  t.false(isOver);
  say('scmi: Free domain 1');
  await step;
});

test('where Xen prints nothing of it, the list of domains tells that the domain is gone', async t => {
  const { actor, asked, lists } = stage([], 60_000);
  lists.push('Name ID\ndomu 1\n', 'Name ID\n(null) 1\n', 'Name ID\nDomain-0 0\n');
  await runStep(0, destroy, actor, signal);
  t.deepEqual(asked, ['xl list', 'xl list', 'xl list']);
});

test('a line that misses the deadline is for the verdict: the step goes on without a fault', async t => {
  const { actor } = stage([due('scmi: Free domain 1')], 100);
  t.deepEqual(await runStep(0, destroy, actor, signal), { faults: [], goOn: true });
});
