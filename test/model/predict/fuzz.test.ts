import test from 'ava';
import * as fc from 'fast-check';
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import type { DeviceTree } from '../../../src/model/dt/tree.ts';
import { predict } from '../../../src/model/predict/predict.ts';
import { faults } from '../../../src/model/scmi/faults.ts';
import { hostTree } from '../xen/boot.ts';

const profile = loadFirmwareProfile('reference');

/** One property of one node gets another value, goes, or comes. */
const change = fc.record({
  node: fc.nat(),
  property: fc.constantFrom(
    'compatible',
    'reg',
    'ranges',
    'shmem',
    'status',
    'arm,smc-id',
    'access-controllers',
    '#access-controller-cells',
    '#address-cells',
    '#size-cells',
    'scmi-secondary-agents',
    '#scmi-secondary-agents-cells',
    'xen,dom0-sci-agent-id',
    'xen,passthrough',
    'xen,sci_type',
    'xen,xen-bootargs',
    'phandle',
    'interrupts',
  ),
  value: fc.oneof(
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
    fc
      .array(fc.constantFrom(0, 1, 2, 3, 4, 5, 0x1000, 0x47ff0000, 0x47ff1000, 0x82000003, 0xffffffff), {
        maxLength: 9,
      })
      .map(cells),
    fc
      .constantFrom(
        'xen,sci',
        'xen,domain',
        'arm,scmi-smc',
        'arm,scmi-shmem',
        'scmi_smc_multiagent',
        'disabled',
      )
      .map(text),
  ),
});

function cells(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  for (const [index, value] of values.entries()) new DataView(bytes.buffer).setUint32(4 * index, value);
  return bytes;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

function changed(
  changes: readonly { node: number; property: string; value: Uint8Array | null }[],
): DeviceTree {
  const tree = hostTree({ atRoot: 'dev { access-controllers = <&scmi_xen 1>; };', inChosen: 'domU1 { };' });
  const nodes = [...tree.root.walk()];
  for (const { node, property, value } of changes) {
    const properties = nodes[node % nodes.length]?.properties;
    if (value === null) properties?.delete(property);
    else properties?.set(property, value);
  }
  return tree;
}

test('every tree has a prediction, with a reason for each line', t => {
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.constantFrom('multi-agent', 'single-agent', 'none'),
      fc.boolean(),
      fc.subarray([...faults.keys()], { maxLength: 2 }),
      (changes, mediator, debug, given) => {
        const prediction = predict({
          name: 'fuzz',
          title: 'fuzz',
          claims: [],
          xen: { mediator, debug },
          linux: '6.12',
          firmware: { profile, faults: given },
          hostTree: changed(changes),
          dom0less: new Map(),
          guests: new Map(),
          steps: [],
          statements: [],
        });
        for (const { text: line, pattern, reason } of prediction.console) {
          if (!new RegExp(pattern).test(line) || reason.because === '') return false;
        }
        return prediction.expectations.length > 0;
      },
    ),
    { numRuns: 300 },
  );
  t.pass();
});
