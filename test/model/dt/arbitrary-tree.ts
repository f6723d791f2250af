import * as fc from 'fast-check';
import { DeviceTree, DtNode } from '../../../src/model/dt/tree.ts';

interface Drawn {
  readonly name: string;
  readonly properties: readonly (readonly [string, Uint8Array])[];
  readonly children: readonly Drawn[];
}

const nodeName = fc.stringMatching(/^[a-z][a-z0-9,._+-]{0,9}(@[0-9a-f]{1,4})?$/);
const propertyName = fc
  .stringMatching(/^[#a-z?][a-z0-9,._+*#?-]{0,9}$/)
  .filter(name => !['name', 'phandle', 'reg'].includes(name));
const value = fc.oneof(
  fc.constant(new Uint8Array()),
  fc.uint8Array({ maxLength: 20 }),
  fc
    .array(fc.nat(), { maxLength: 5 })
    .map(cells => new Uint8Array(cells.flatMap(each => [0, 0, each >> 8, each]))),
  fc
    .array(fc.stringMatching(/^[ -~]{0,8}$/), { maxLength: 3 })
    .map(texts => new TextEncoder().encode(`${texts.join('\0')}\0`)),
);
const someProperties = fc.uniqueArray(fc.tuple(propertyName, value), {
  selector: ([name]) => name,
  maxLength: 5,
});

function arbitraryNode(levels: number): fc.Arbitrary<Drawn> {
  const children =
    levels === 0
      ? fc.constant([])
      : fc.uniqueArray(arbitraryNode(levels - 1), { selector: ({ name }) => name, maxLength: 3 });
  return fc.record({ name: nodeName, properties: someProperties, children });
}

const reservation = fc.record({
  address: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  size: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
});

/** Trees that dtc reads without complaint, every kind of value in them. */
export const arbitraryTree: fc.Arbitrary<DeviceTree> = fc
  .tuple(arbitraryNode(3), fc.array(reservation, { maxLength: 3 }))
  .map(([root, reservations]) => new DeviceTree(nodeOf({ ...root, name: '' }, null), reservations));

function nodeOf({ name, properties, children }: Drawn, parent: DtNode | null): DtNode {
  const node = new DtNode(name, parent);
  for (const [property, bytes] of properties) node.properties.set(property, bytes);
  for (const child of children) node.children.push(nodeOf(child, node));
  return node;
}
