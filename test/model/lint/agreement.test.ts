/** Lint and the model tell one story of a configuration, however it is damaged. */
import test from 'ava';
import * as fc from 'fast-check';
import { parseFlat, writeFlat } from '../../../src/model/dt/flat.ts';
import type { DeviceTree, DtNode } from '../../../src/model/dt/tree.ts';
import type { Finding } from '../../../src/model/lint/finding.ts';
import { lint } from '../../../src/model/lint/lint.ts';
import { type LintSubject, scenarioOfSubject, subjectOfScenario } from '../../../src/model/lint/subject.ts';
import { predict } from '../../../src/model/predict/predict.ts';
import type { Guest } from '../../../src/model/predict/scenario.ts';
import { loadCase } from '../../../src/scenario/case.ts';
import { caseDirectories } from '../../corpus/cases.ts';
import { cases } from './cases.ts';
import { device, domU, guest, subjectOf } from './configurations.ts';

const agent3 = guest(
  { arm_sci: '"type=scmi_smc_multiagent,agent_id=3"', iomem: '[ "47ff3,1@22001" ]' },
  '&scmi { arm,smc-id = <0x82000005>; };',
  'd3',
);

/** Configurations to damage: what the tests of lint know, and what was recorded. */
const bases: readonly LintSubject[] = [
  subjectOf({ host: domU() + device('access-controllers = <&scmi_xen 1>;'), guests: [agent3] }),
  subjectOf({ guests: [guest(), agent3] }),
  ...Object.values(cases).flatMap(all => all.map(subjectOf)),
  ...caseDirectories().map(({ directory }) => subjectOfScenario(loadCase(directory))),
];

test('whatever ends a boot or refuses a domain is an error of lint, and lint claims no end that does not come', t => {
  fc.assert(
    fc.property(fc.nat(), fc.array(damage, { minLength: 1, maxLength: 3 }), (at, all) => {
      const subject = damaged(bases[at % bases.length] ?? subjectOf(), all);
      const scenario = scenarioOfSubject(subject);
      if (scenario === null) return;
      const prediction = predict(scenario);
      for (const { text, pattern } of prediction.console) t.regex(text, new RegExp(pattern));
      const errors = lint({ ...subject, prediction }).filter(({ severity }) => severity === 'error');
      const { panic, mediator, toolstack } = prediction;
      const told = [
        JSON.stringify({ at, all }),
        ...errors.map(({ rule, consequence }) => `${rule}: ${consequence}`),
      ].join('\n');
      if (panic !== null) t.true(errors.some(says(/panic/)), `${panic}\n${told}`);
      else if (toolstack.some(({ rc }) => rc !== 0)) t.true(errors.length > 0);
      else if (mediator.errno !== 0 && scenario.xen.mediator === 'multi-agent') t.true(errors.length > 0);
      if (errors.some(says(/^[^:;.]*\bXen panics/))) t.not(panic, null, told);
      if (errors.some(says(/^[^.]*there is no mediator/))) t.false(mediator.registered, told);
      if (toolstack.length === subject.guests.length && errors.some(says(/^xl [^.]*exits with 1/)))
        t.true(
          toolstack.some(({ rc }) => rc !== 0),
          told,
        );
    }),
    { numRuns: 300 },
  );
});

const says =
  (pattern: RegExp) =>
  ({ consequence }: Finding): boolean =>
    pattern.test(consequence);

const interestingCells = [
  0, 1, 2, 3, 4, 5, 254, 255, 256, 0x47ff0000, 0x47ff1000, 0x47ff2000, 0x82000003, 0x82000004, 0xffffffff,
];

const settings = [
  'memory = 0',
  'memory = 4000000',
  'maxmem = 4096',
  'vcpus = 129',
  'vcpus = 1000000000',
  'name = ""',
  'type = "pv"',
  'irqs = [ 40 ]',
  'irqs = [ 5000 ]',
  'nr_spis = 5000',
  'dtdev = [ "/dev@9030000" ]',
  'passthrough = "disabled"',
  'iomem = [ "47ff3,1@22001" ]',
  'iomem = [ "47ff2,2@22001" ]',
  'iomem = [ "47ff2,0@22001" ]',
  'iomem = [ "x" ]',
  'iomem = []',
  'arm_sci = "type=scmi_smc_multiagent,agent_id=254"',
  'arm_sci = "type=scmi_smc_multiagent,agent_id=255"',
  'arm_sci = "type=scmi_smc_multiagent,agent_id=0x2"',
  'arm_sci = "type=scmi_smc_multiagent, agent_id=2"',
  'arm_sci = "type=scmi_smc"',
  'arm_sci = "agent_id=2"',
  'arm_sci = [ "type=none" ]',
  'device_tree = "/nowhere"',
  'on_crash = "x"',
  'tee = "x"',
  'sve = "hw"',
  'disk = [ "" ]',
  'x = ',
];

const damage = fc.record({
  what: fc.constantFrom('host', 'host', 'guest', 'guest tree', 'dom0less'),
  kind: fc.constantFrom('remove node', 'copy node', 'remove', 'cut', 'cell', 'double', 'cells', 'counts'),
  node: fc.nat(),
  property: fc.nat(),
  at: fc.nat(),
  cell: fc.constantFrom(...interestingCells),
  setting: fc.constantFrom(...settings),
});

type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

function damaged(subject: LintSubject, all: readonly Damage[]): LintSubject {
  const hostTree = copyOf(subject.hostTree);
  const dom0less = new Map([...subject.dom0less].map(([name, tree]) => [name, copyOf(tree)]));
  const guests = [...subject.guests];
  for (const each of all) {
    const index = each.at % (guests.length || 1);
    const own = guests[index];
    if (each.what === 'host' || (own === undefined && each.what !== 'dom0less')) damageTree(hostTree, each);
    else if (each.what === 'dom0less') for (const tree of dom0less.values()) damageTree(tree, each);
    else if (own !== undefined) guests[index] = damagedGuest(own, each);
  }
  return { ...subject, hostTree, dom0less, guests };
}

function damagedGuest(own: Guest, each: Damage): Guest {
  if (each.what === 'guest') {
    const name = each.setting.replace(/ =.*/, '');
    const others = own.config.split('\n').filter(line => !line.replace(/ *=.*/, '').startsWith(name));
    return { ...own, config: `${others.join('\n')}\n${each.setting}\n` };
  }
  const files = [...own.files].map(([name, blob]) => {
    const tree = parseFlat(blob);
    damageTree(tree, each);
    return [name, writeFlat(tree)] as const;
  });
  return { ...own, files: new Map(files) };
}

function damageTree(tree: DeviceTree, { kind, node: which, property, at, cell }: Damage): void {
  const nodes = [...tree.root.walk()];
  const node = nodes[which % nodes.length];
  const siblings = node?.parent?.children;
  if (node === undefined) return;
  if (kind === 'remove node') siblings?.splice(siblings.indexOf(node), 1);
  if (kind === 'copy node') siblings?.push(node);
  if (kind === 'counts') node.properties.set(at % 2 === 0 ? '#address-cells' : '#size-cells', cells(cell));
  damageProperty(node, kind, { property, at, cell });
}

function damageProperty(
  { properties }: DtNode,
  kind: Damage['kind'],
  { property, at, cell }: Pick<Damage, 'property' | 'at' | 'cell'>,
): void {
  const [name, bytes] = [...properties][property % (properties.size || 1)] ?? [];
  if (name === undefined || bytes === undefined) return;
  if (kind === 'remove') properties.delete(name);
  if (kind === 'cut') properties.set(name, bytes.slice(0, at % (bytes.length + 1)));
  if (kind === 'double') properties.set(name, new Uint8Array([...bytes, ...bytes]));
  if (kind === 'cells') properties.set(name, cells(cell, at % 7, cell));
  if (kind !== 'cell' || bytes.length < 4) return;
  const changed = bytes.slice();
  changed.set(cells(cell), (at % (bytes.length >> 2)) * 4);
  properties.set(name, changed);
}

const copyOf = (tree: DeviceTree): DeviceTree => parseFlat(writeFlat(tree));

function cells(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  for (const [index, value] of values.entries()) new DataView(bytes.buffer).setUint32(4 * index, value);
  return bytes;
}
