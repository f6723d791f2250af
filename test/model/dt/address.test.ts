import { readFileSync } from 'node:fs';
import test from 'ava';
import { nodeReg, translateAddress } from '../../../src/model/dt/address.ts';
import { countPhandlesWithArguments, phandleWithArguments } from '../../../src/model/dt/phandle-arguments.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import type { DtNode } from '../../../src/model/dt/tree.ts';

const base = parseSource(readFileSync(new URL('../../fixtures/dt/base.dts', import.meta.url), 'utf8'));

/** The node named `n` of a tree. */
function nodeOf(source: string): DtNode {
  const { root } = parseSource(`/dts-v1/; ${source}`);
  const node = [...root.walk()].find(each => each.name === 'n');
  if (node === undefined) throw new Error('the source has no node n');
  return node;
}

const at = (path: string) => base.node(path) ?? base.root;

test('reg is translated through the ranges on the way to the root', t => {
  t.like(nodeReg(at('/interrupt-controller@8000000')), { ok: true, address: 0x8000000, size: 0x10000 });
  t.like(nodeReg(at('/soc/serial@10001000')), { ok: true, address: 0x90001000, size: 0x1000 });
  t.like(nodeReg(at('/soc/clock-controller@2000')), { ok: true, address: 0x1_0000_2000, size: 0x10 });
  t.like(nodeReg(at('/soc/clock-controller@2000'), 1), { ok: true, address: 0x1_0000_3000, size: 0x20 });
  t.like(translateAddress(at('/soc/serial@10001000'), [0x10ffffff]), { ok: true, address: 0x90ffffff });
});

const KNOWN: readonly [what: string, source: string, address: number, size: number][] = [
  ['cells default to 2 and 1', '/ { n { reg = <1 2 3>; }; };', 0x1_0000_0002, 3],
  [
    'cells are inherited from above',
    '/ { #address-cells = <1>; #size-cells = <1>; b { ranges; n { reg = <1 2>; }; }; };',
    1,
    2,
  ],
  [
    'empty ranges translate 1:1',
    '/ { b { #address-cells = <1>; #size-cells = <1>; ranges; n { reg = <0x47ff0000 0x1000>; }; }; };',
    0x47ff0000,
    0x1000,
  ],
  [
    'the first range that fits counts',
    '/ { b { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0x100 0x10>, <0 0 0x200 0x100>; n { reg = <0xf 1>; }; }; };',
    0x10f,
    1,
  ],
  [
    'the root needs no ranges, and its own count for nothing',
    '/ { ranges = <1>; #address-cells = <1>; #size-cells = <1>; n { reg = <1 2>; }; };',
    1,
    2,
  ],
  [
    'a PCI bus translates memory by its space',
    '/ { b { device_type = "pci"; ranges = <0x2000000 0 0x1000 0 0x5000 0 0x100>; n { assigned-addresses = <0x3000000 0 0x1010 0 8>; }; }; };',
    0x5010,
    8,
  ],
];

for (const [what, source, address, size] of KNOWN) {
  test(what, t => {
    t.like(nodeReg(nodeOf(source)), { ok: true, address, size, lines: [] });
  });
}

const CELLS = '#address-cells = <1>; #size-cells = <1>;';

const UNKNOWN: readonly [
  what: string,
  source: string,
  reason: string,
  bus: string | undefined,
  lines: string[],
][] = [
  ['no reg', '/ { n { }; };', 'no reg', undefined, []],
  ['half a reg', '/ { n { reg = <0 1>; }; };', 'no reg', undefined, []],
  [
    'a parent without ranges, of which Xen says nothing',
    `/ { b { ${CELLS} n { reg = <1 1>; }; }; };`,
    'no reg',
    undefined,
    [],
  ],
  [
    'a grandparent without ranges',
    `/ { chosen { b { ranges; ${CELLS} n { reg = <1 1>; }; }; }; };`,
    'not a bus',
    '/chosen',
    ['DT: /chosen is not a valid bus'],
  ],
  [
    'an address outside of ranges',
    `/ { b { ${CELLS} ranges = <0 0 0 0x10>; n { reg = <0x10 1>; }; }; };`,
    'not mapped',
    '/b',
    [],
  ],
  [
    'no size cells',
    '/ { #size-cells = <0>; n { reg = <0 1>; }; };',
    'bad cells',
    '/n',
    ['dt_read_number(,0) bad size', 'dt_parse: Bad cell count for device /n'],
  ],
  ['five address cells', '/ { #address-cells = <5>; n { reg = <0 0 0 0 1 1>; }; };', 'no reg', undefined, []],
  [
    'no size cells above',
    `/ { #size-cells = <0>; b { ranges; ${CELLS} n { reg = <1 1>; }; }; };`,
    'bad cells',
    '/b',
    ['dt_parse: Bad cell count for parent /b'],
  ],
  [
    'another number of cells above',
    `/ { b { #address-cells = <3>; #size-cells = <1>; ranges = <7 0 5 0 0x100 9>; n { reg = <6 0 5 1>; }; }; };`,
    'not mapped',
    '/b',
    Array.from({ length: 2 }, () => 'dt_read_number(,3) bad size'),
  ],
  [
    'a PCI bus without ranges',
    '/ { b { device_type = "pci"; n { assigned-addresses = <0 0 0 0 8>; }; }; };',
    'not a bus',
    '/b',
    ['DT: no ranges; cannot translate'],
  ],
  ['an address above 2^53', '/ { n { reg = <0xffffffff 0 1>; }; };', 'above 2^53', undefined, []],
  [
    'the address that means none',
    '/ { n { reg = <0xffffffff 0xffffffff 1>; }; };',
    'not mapped',
    undefined,
    [],
  ],
];

test('of three cells, which a debug build asserts are none, the first is read', t => {
  const source =
    '/ { b { #address-cells = <3>; #size-cells = <1>; ranges = <7 0 5 0 0x100 9>; n { reg = <7 0 5 1>; }; }; };';
  const line = { level: 'error', text: 'dt_read_number(,3) bad size', unreachable: true } as const;
  t.like(nodeReg(nodeOf(source)), { ok: true, address: 0x100, size: 1, lines: [line, line] });
});

for (const [what, source, reason, bus, lines] of UNKNOWN) {
  test(`no address: ${what}`, t => {
    const result = nodeReg(nodeOf(source));
    t.like(result, { ok: false, reason, bus });
    t.deepEqual(
      result.lines.map(line => line.text),
      lines,
    );
  });
}

test('a bus named pcie without device_type is taken for PCI, with a warning each time Xen looks', t => {
  const result = nodeReg(
    nodeOf(
      '/ { pcie@1 { ranges = <0x2000000 0 0 0 0 0 0x100>; n { assigned-addresses = <0x2000000 0 1 0 8>; }; }; };',
    ),
  );
  t.like(result, { ok: true, address: 1 });
  const warning = { level: 'warning', text: '/pcie@1: Missing device_type' } as const;
  t.deepEqual(result.lines, [warning, warning]);
});

const lists = parseSource(`/dts-v1/; / {
  one: one { #c-cells = <1>; };
  two: two { #c-cells = <2>; };
  bare: bare { };
  n { list = <&one 7>, <0>, <&two 8 9>; short = <&one 7 &two 8>; unknown = <0x99 1>; uncounted = <&one 1 &bare>; none; };
};`);

test('a list of phandles with arguments is read entry by entry', t => {
  const node = lists.node('/n') ?? lists.root;
  const entry = (list: string, index: number) => phandleWithArguments(lists, node, list, '#c-cells', index);
  t.like(entry('list', 0), { ok: true, node: lists.node('/one'), arguments: [7] });
  t.like(entry('list', 1), { ok: false, errno: 'ENOENT' });
  t.like(entry('list', 2), { ok: true, node: lists.node('/two'), arguments: [8, 9] });
  t.like(entry('list', 3), { ok: false, errno: 'ENOENT' });
  t.like(entry('absent', 0), { ok: false, errno: 'ENOENT' });
  t.like(entry('short', 0), { ok: true, arguments: [7] });
  const failures = [
    ['short', 1, '/n: arguments longer than property'],
    ['unknown', 0, '/n: could not find phandle'],
    ['uncounted', 1, '/n: could not get #c-cells for /bare'],
  ] as const;
  for (const [list, index, text] of failures) {
    const result = entry(list, index);
    t.like(result, { ok: false, errno: 'EINVAL' });
    t.deepEqual(result.ok ? [] : result.lines.map(line => line.text), [text]);
  }
});

test('the entries of a list are counted, empty ones too', t => {
  const node = lists.node('/n') ?? lists.root;
  t.deepEqual(countPhandlesWithArguments(lists, node, 'list', '#c-cells'), { ok: true, count: 3 });
  t.deepEqual(countPhandlesWithArguments(lists, node, 'none', '#c-cells'), { ok: true, count: 0 });
  t.like(countPhandlesWithArguments(lists, node, 'absent', '#c-cells'), { ok: false, errno: 'ENOENT' });
  t.like(countPhandlesWithArguments(lists, node, 'unknown', '#c-cells'), { ok: false, errno: 'EINVAL' });
});
