import { readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { Command } from 'commander';
import type { AnyMachineSnapshot, AnyStateNode, EventObject } from 'xstate';
import { getAdjacencyMap } from 'xstate/graph';
import { charts } from '../../machines/index.ts';
import { toMermaid } from '../../machines/mermaid.ts';
import { run } from '../../machines/run.ts';
import { addMachines } from '../../src/cli/machines.ts';
import { silentWorld } from './scripted.ts';

/** Machines whose own states have deadlines: a state that waits for one of them needs no other. */
const timed = new Set([
  'power',
  'deploy',
  'xen',
  'steps',
  'boot',
  'bootUBoot',
  'bootRpi',
  'uBootCommand',
  'uBootLoad',
  'uBootPrompt',
  'uBootStart',
]);

function* leaves(node: AnyStateNode): Generator<AnyStateNode> {
  const below = Object.values(node.states);
  if (below.length === 0) yield node;
  for (const each of below) yield* leaves(each);
}

function* upwards(node: AnyStateNode | undefined): Generator<AnyStateNode> {
  for (let each = node; each !== undefined; each = each.parent) yield each;
}

function nameOf(source: unknown): string {
  return typeof source === 'string' ? source : '';
}

function isTimed(node: AnyStateNode): boolean {
  const own = [...upwards(node)];
  const invoked = own.flatMap(({ invoke }) => invoke.map(({ src }) => nameOf(src)));
  return own.some(each => each.after.length > 0) || invoked.some(src => timed.has(src));
}

for (const { name, machine } of charts) {
  test(`${name}: a state that waits has a deadline, passes on at once, or only watches`, t => {
    for (const leaf of leaves(machine.root)) {
      const passesOn = (leaf.always?.length ?? 0) > 0;
      const resting =
        leaf.type === 'final' || leaf.tags.includes('watching') || leaf.tags.includes('settled');
      t.true(passesOn || resting || isTimed(leaf), `${name}.${leaf.path.join('.')} can wait for ever`);
    }
  });

  test(`${name}: a chain of states that pass on at once has a way out without a condition`, t => {
    const stuck = [...leaves(machine.root)]
      .filter(leaf => leaf.always?.at(-1)?.guard !== undefined)
      .map(leaf => leaf.path.join('.'));
    t.deepEqual(stuck, []);
  });

  test(`${name}: every actor that is invoked has an answer to its failure`, t => {
    const silent = new Set(['console', 'transfers']);
    const nodes = new Set([...leaves(machine.root)].flatMap(leaf => [...upwards(leaf)]));
    const unanswered = [...nodes].flatMap(node =>
      node.invoke
        .filter(
          ({ id, src }) => !silent.has(nameOf(src)) && !node.transitions.has(`xstate.error.actor.${id}`),
        )
        .map(({ src }) => `${node.path.join('.')} invokes ${nameOf(src)}`),
    );
    t.deepEqual(unanswered, []);
  });

  test(`${name}: the drawing names every state and every deadline`, t => {
    const drawing = toMermaid(machine);
    t.true(drawing.startsWith('stateDiagram-v2\n'));
    for (const leaf of leaves(machine.root)) {
      t.regex(drawing, new RegExp(`state "${leaf.key}\\b`), leaf.path.join('.'));
      for (const { delay } of leaf.after) t.true(drawing.includes(`after ${String(delay)}`));
    }
  });
}

test('the states that wait without a deadline are those that watch while another has it', t => {
  const watching = charts.flatMap(({ name, machine }) =>
    [...leaves(machine.root)]
      .filter(({ tags }) => tags.includes('watching'))
      .map(({ path }) => `${name}.${path.join('.')}`),
  );
  t.deepEqual(watching, [
    'run.attended.working.on.deploying.handedOver',
    'run.attended.working.on.startingXen',
    'deploy.serving.waiting',
    'u-boot-prompt.switchingOn',
    'boot-rpi.following.switchingOn',
    'xen.bootLoader',
    'xen.handedOver.probe',
    'xen.handedOver.dom0',
  ]);
});

interface Edge {
  readonly from: string;
  readonly event: string;
  readonly to: string;
}

/** Every transition of the run's chart, whatever its actors come to. */
function edgesOfRun(): Edge[] {
  const fault = { class: 'infrastructure', what: 'it broke' };
  const outputs = [
    { fault: null, was: 'off', attempts: 1, xenSeen: false, faults: [], panicked: false },
    { fault: null, was: 'on', attempts: 1, xenSeen: true, faults: [fault], panicked: true },
    { fault, was: 'unknown', attempts: 3, xenSeen: false, faults: [fault], panicked: false },
  ];
  const told: Readonly<Record<string, object>> = {
    consoleLost: { error: new Error('unplugged') },
    transferStalled: { fault },
  };
  const eventsOf = ({ _nodes: nodes }: AnyMachineSnapshot): EventObject[] =>
    nodes.flatMap(node =>
      node.ownEvents.flatMap(type => {
        if (type.startsWith('xstate.done.')) return outputs.map(output => ({ type, output }));
        if (type.startsWith('xstate.error.')) return [{ type, error: new Error('it broke') }];
        return [{ type, ...told[type] }];
      }),
    );
  const map = getAdjacencyMap(run, {
    input: {
      world: silentWorld,
      files: ['xen'],
      steps: [],
      boot: {},
    },
    events: eventsOf as never,
    serializeState: state => JSON.stringify(state.value),
    serializeEvent: event => JSON.stringify(event),
  });
  type Value = {
    state: AnyMachineSnapshot;
    transitions: Record<string, { event: EventObject; state: AnyMachineSnapshot }>;
  };
  return Object.values<Value>(map as never).flatMap(({ state, transitions }) =>
    Object.values(transitions).map(({ event, state: next }) => ({
      from: JSON.stringify(state.value),
      event: event.type,
      to: JSON.stringify(next.value),
    })),
  );
}

function reachable(edges: readonly Edge[], from: string, without: (state: string) => boolean): Set<string> {
  const found = new Set([from]);
  for (const state of found) {
    if (without(state)) continue;
    for (const edge of edges) if (edge.from === state) found.add(edge.to);
  }
  return found;
}

test('run: from every state there is a way to power off and release', t => {
  const edges = edgesOfRun();
  const states = new Set(edges.flatMap(({ from, to }) => [from, to]));
  t.true(states.size > 10, `${states.size} states`);
  for (const state of states) {
    t.true(reachable(edges, state, () => false).has('"finished"'), `from ${state}`);
  }
});

test('run: no way from a board that may be powered leads past power off, or past release', t => {
  const edges = edgesOfRun();
  const attended = new Set(edges.map(({ from }) => from).filter(state => state.startsWith('{"attended"')));
  t.is(attended.size, 8);
  for (const state of attended) {
    const withoutPowerOff = reachable(edges, state, each => each === '{"attended":"poweringOff"}');
    t.false(withoutPowerOff.has('"finished"'), `${state} reaches the end without power off`);
    const withoutRelease = reachable(edges, state, each => each === '"releasing"');
    t.false(withoutRelease.has('"finished"'), `${state} reaches the end without release`);
  }
});

test('run: wherever the board is worked on, Ctrl-C leads to collect', t => {
  const interrupted = edgesOfRun().filter(
    ({ from, event }) => event === 'interrupt' && from.includes('"working"'),
  );
  t.true(interrupted.length > 4);
  for (const { from, to } of interrupted) t.is(to, '{"attended":"collecting"}', from);
});

test('run: a prediction that could not be made gives the board back without touching it', t => {
  const failed = edgesOfRun().filter(
    ({ from, event }) => from === '"predicting"' && event.startsWith('xstate.error.'),
  );
  t.deepEqual(
    failed.map(({ to }) => to),
    ['"releasing"'],
  );
});

async function cli(...words: string[]): Promise<string> {
  const stdout = new PassThrough();
  const program = new Command().exitOverride();
  const process = {
    stdout,
    stderr: new PassThrough(),
    stdin: new PassThrough(),
    cwd: '/',
    env: {},
    signal: new AbortController().signal,
  };
  addMachines(program, process, () => stdout.end());
  await program.parseAsync(['node', 'scmi-hil', 'machines', ...words]);
  return (await stdout.toArray()).join('');
}

test('scmi-hil machines lists every chart, draws the one that is named, and writes the page', async t => {
  const list = await cli();
  for (const { name, title } of charts) t.true(list.includes(name) && list.includes(title), name);
  t.is(await cli('xen'), toMermaid(charts.find(({ name }) => name === 'xen')?.machine ?? run));
  const page = await cli('--markdown');
  t.is(page.match(/```mermaid\nstateDiagram-v2\n/g)?.length, charts.length);
  t.deepEqual(
    (JSON.parse(await cli('--json')) as { name: string }[]).map(({ name }) => name),
    charts.map(({ name }) => name),
  );
});

test('scmi-hil machines names those that there are when asked for another', async t => {
  await t.throwsAsync(cli('xenn'), { message: 'there is no machine xenn' });
});

test('the page of the documentation shows the charts as they are', async t => {
  const written = await readFile(new URL('../../docs/machines.md', import.meta.url), 'utf8');
  t.is(await cli('--markdown'), written, 'run `scmi-hil machines --markdown > docs/machines.md`');
});
