import test from 'ava';
import * as fc from 'fast-check';
import { parseFlat, writeFlat } from '../../../src/model/dt/flat.ts';
import type { DeviceTree, DtNode } from '../../../src/model/dt/tree.ts';
import { type Finding, placeText } from '../../../src/model/lint/finding.ts';
import { lint } from '../../../src/model/lint/lint.ts';
import { rules } from '../../../src/model/lint/rules.ts';
import { scenarioOfSubject } from '../../../src/model/lint/subject.ts';
import { predict } from '../../../src/model/predict/predict.ts';
import type { Prediction } from '../../../src/model/predict/prediction.ts';
import { domainNodes } from '../../../src/model/xen/modules.ts';
import { cases, right } from './cases.ts';
import { type Changes, device, domU, guest, subjectOf } from './configurations.ts';

test('each configuration that breaks a rule is found by that rule, and by those that follow from it', t => {
  for (const [rule, all] of Object.entries(cases)) {
    for (const [index, { also = [], ...changes }] of all.entries()) {
      const found = lint(subjectOf(changes));
      const severity = rules.find(({ id }) => id === rule)?.severity;
      const wanted = severity === 'note' ? found : found.filter(each => each.severity !== 'note');
      // A panic is told whatever else is wrong.
      const ids = idsOf(wanted).filter(id => [rule, ...also].includes(id) || id !== 'sci-foreseen-panic');
      t.deepEqual(ids, [rule, ...also].toSorted(), `${rule}, case ${index}: ${summary(found)}`);
    }
  }
});

test('a correct configuration has no findings', t => {
  for (const [title, changes] of Object.entries(right))
    t.deepEqual(lint(subjectOf(changes)).map(describe), [], title);
});

test('every rule has a configuration that breaks it', t => {
  const untested = rules.filter(({ id }) => (cases[id]?.length ?? 0) === 0);
  t.deepEqual(
    untested.map(({ id }) => id),
    [],
  );
  const unknown = Object.keys(cases).filter(id => !rules.some(rule => rule.id === id));
  t.deepEqual(unknown, []);
});

test('rules have ids of one form, none twice', t => {
  for (const { id } of rules) t.regex(id, /^sci-[a-z0-9]+(?:-[a-z0-9]+)*$/);
  t.is(new Set(rules.map(({ id }) => id)).size, rules.length);
});

test('where a rule says how it shows, the model predicts a line of that in some configuration', t => {
  const silent = rules
    .filter(({ shows }) => shows !== undefined)
    .filter(({ id }) => {
      const found = (cases[id] ?? []).flatMap(changes => lint(subjectOf(changes)));
      return !found.some(({ rule, predicted }) => rule === id && predicted.length > 0);
    });
  t.deepEqual(
    silent.map(({ id }) => id),
    [],
  );
});

test('rules that say that there is no mediator, and the model, are of one mind', t => {
  for (const [id, changes] of casesWhose(/there is no mediator/)) {
    t.false(predictionOf(changes)?.mediator.registered, id);
  }
});

test('rules that say that Xen panics, and the model, are of one mind', t => {
  for (const [id, changes] of casesWhose(/^[^:;]*\bXen panics/))
    t.not(predictionOf(changes)?.panic, null, id);
});

test('where lint finds nothing the model predicts no failure', t => {
  for (const [title, changes] of Object.entries(right)) {
    const prediction = predictionOf(changes);
    t.is(prediction?.panic, null, title);
    t.is(prediction?.mediator.registered, changes.xen?.mediator !== 'none', title);
    t.deepEqual(
      prediction?.toolstack.filter(({ rc }) => rc !== 0),
      [],
      title,
    );
  }
});

test('on damaged trees lint does not fail, claims no failure of the probe that the model does not see, and misses none', t => {
  const agent3 = guest(
    { arm_sci: '"type=scmi_smc_multiagent,agent_id=3"', iomem: '[ "47ff3,1@22001" ]' },
    '&scmi { arm,smc-id = <0x82000005>; };',
  );
  const whole = subjectOf({ host: domU() + device('access-controllers = <&scmi_xen 1>;'), guests: [agent3] });
  const blob = writeFlat(whole.hostTree);
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), all => {
      const hostTree = parseFlat(blob);
      for (const each of all) inflict(hostTree, each);
      const subject = { ...whole, hostTree };
      const scenario = scenarioOfSubject(subject);
      const prediction = scenario && predict(scenario);
      const found = lint({ ...subject, prediction });
      const claims = found.filter(({ consequence }) => /there is no mediator/.test(consequence));
      if (claims.length > 0) t.false(prediction?.mediator.registered, summary(claims));
      // Lint is about SCMI: a domain that Xen could not build without it either is not its matter.
      if (!domainNodes(hostTree).every(isBuildable)) return;
      if (prediction?.panic !== null || !prediction.mediator.registered) {
        t.true(
          found.some(({ severity }) => severity !== 'note'),
          prediction?.panic ?? 'no mediator',
        );
      }
    }),
    { numRuns: 300 },
  );
});

/** Whether a domain's node has of `cpus` and `memory` what Xen takes; absent, a deployment adds it. */
function isBuildable(node: DtNode): boolean {
  const cpus = node.has('cpus') ? node.u32('cpus') : 1;
  const hasMemory = !node.has('memory') || node.u32('memory', 1) !== undefined;
  return hasMemory && cpus !== undefined && cpus >= 1 && cpus <= 8;
}

test('a finding says where, what happens in the words of the model, and what to change', t => {
  const [finding, ...others] = lint(
    subjectOf({ host: '&container { scmi-secondary-agents = <0x82000002 &shm_0 0 0x82000004 &shm_2 0>; };' }),
  );
  t.deepEqual(others, []);
  t.deepEqual(finding, {
    rule: 'sci-duplicate-agent',
    severity: 'error',
    place: { node: '/chosen/xen/xen_scmi_config', property: 'scmi-secondary-agents' },
    message: 'entry 1 (0x82000004): agent 0 is that of entry 0 already',
    consequence: 'The second entry is refused with -EEXIST and the probe fails: there is no mediator.',
    predicted: ['scmi: Could not create channel for agent 0: -17'],
    hint: 'Give each agent one entry.',
    documented: ['D4', 'xen/arch/arm/firmware/scmi-smc-multiagent.c'],
  });
});

const withoutContainer = (host: string) =>
  lint(subjectOf({ host: `/delete-node/ &container; ${host}` })).find(
    ({ rule }) => rule === 'sci-no-container',
  )?.consequence;

test('a missing container is told with the node that Dom0 keeps, where there is one', t => {
  t.is(
    withoutContainer(''),
    'The mediator binds to nothing and says nothing; Dom0 keeps /firmware/scmi, and each of its calls is `Unhandled SMC/HVC`.',
  );
  t.regex(
    withoutContainer(
      '/ { scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000002>; }; }; /delete-node/ &scmi;',
    ) ?? '',
    /; Dom0 keeps \/scmi, and/,
  );
  const bound = 'The mediator binds to nothing and says nothing.';
  t.is(withoutContainer('/delete-node/ &{/firmware};'), bound);
  t.is(withoutContainer('&scmi { status = "disabled"; };'), bound);
  t.is(withoutContainer('&scmi { compatible = "arm,scmi"; };'), bound);
});

test('a compatible without its NUL before the container is the panic that it leads to', t => {
  const found = lint(subjectOf({ host: '/ { compatible = [78 65 6e]; };' }));
  t.deepEqual(idsOf(found), ['sci-foreseen-panic'], summary(found));
});

test('a finding in a configuration of xl has its line', t => {
  const [finding] = lint(subjectOf({ guests: [guest({ iomem: '[ "47ff3,1@22001" ]' })] }));
  t.deepEqual(finding?.place, { file: 'd2.cfg', property: 'iomem', line: 5 });
  t.is(placeText(finding?.place ?? {}), 'd2.cfg:5: iomem');
});

test('errors come before warnings, warnings before notes', t => {
  const host = `&container { xen,dom0-sci-agent-id = <5>; status = "disabled"; };
    &chosen { xen,xen-bootargs = "loglvl=all guest_loglvl=all"; };`;
  const found = lint(subjectOf({ host }));
  t.deepEqual(
    found.map(({ severity }) => severity),
    ['error', 'warning', 'note'],
  );
});

test('without a firmware the rules that need none still find', t => {
  const subject = {
    ...subjectOf({ host: '&container { #scmi-secondary-agents-cells = <4>; };' }),
    firmware: null,
  };
  t.deepEqual(idsOf(lint(subject)), ['sci-list-cells']);
  t.deepEqual(lint({ ...subjectOf({ guests: [guest()] }), firmware: null }), []);
});

test('places in the host tree and in partial trees name their files where those are known', t => {
  const files = { hostTree: 'host.dts', partialTrees: new Map([['d2', 'guest.dts']]) };
  const guests = [guest({}, '&scmi { arm,smc-id = <0x82000005>; };')];
  const found = lint({ ...subjectOf({ host: '&container { status = "disabled"; };', guests }), files });
  t.deepEqual(
    found.map(({ place }) => [place.file, placeText(place)]),
    [
      ['guest.dts', 'partial tree of d2, /passthrough/firmware/scmi: arm,smc-id'],
      ['host.dts', '/chosen/xen/xen_scmi_config: status'],
    ],
  );
});

/** Cases of the rules whose consequence reads so. */
function casesWhose(consequence: RegExp): (readonly [id: string, changes: Changes])[] {
  return rules
    .filter(rule => rule.severity === 'error' && consequence.test(rule.consequence))
    .flatMap(({ id }) => (cases[id] ?? []).map(changes => [id, changes] as const));
}

function predictionOf(changes: Changes): Prediction | null {
  const scenario = scenarioOfSubject(subjectOf(changes));
  return scenario === null ? null : predict(scenario);
}

/** Which property of which node is damaged, and how. */
const damage = fc.record({
  node: fc.nat(),
  property: fc.nat(),
  byte: fc.nat(),
  value: fc.nat(255),
  kind: fc.constantFrom('node', 'property', 'cut', 'byte'),
});

function inflict(tree: DeviceTree, { node: at, property, byte, value, kind }: Damage): void {
  const nodes = [...tree.root.walk()];
  const node = nodes[at % nodes.length];
  if (kind === 'node') {
    const siblings = node?.parent?.children;
    if (node !== undefined) siblings?.splice(siblings.indexOf(node), 1);
    return;
  }
  const [name, bytes] = [...(node?.properties ?? [])][property % (node?.properties.size || 1)] ?? [];
  if (node === undefined || name === undefined || bytes === undefined) return;
  if (kind === 'property') node.properties.delete(name);
  else if (kind === 'cut') node.properties.set(name, bytes.slice(0, byte % (bytes.length + 1)));
  else if (bytes.length > 0) node.properties.set(name, bytes.with(byte % bytes.length, value));
}

type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

function idsOf(found: readonly Finding[]): string[] {
  return [...new Set(found.map(({ rule }) => rule))].toSorted();
}

function describe({ rule, place, message }: Finding): string {
  return `${rule} at ${placeText(place)}: ${message}`;
}

function summary(found: readonly Finding[]): string {
  return found.map(describe).join('; ');
}
