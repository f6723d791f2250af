import test from 'ava';
import * as fc from 'fast-check';
import { DtError } from '../../../src/model/dt/error.ts';
import { parseFlat, writeFlat } from '../../../src/model/dt/flat.ts';
import { formatSource } from '../../../src/model/dt/format.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import { DeviceTree, DtNode } from '../../../src/model/dt/tree.ts';
import { arbitraryTree } from './arbitrary-tree.ts';
import { dtc, testWithDtc } from './dtc.ts';

const BASE =
  '/dts-v1/; /memreserve/ 0x1000 0x20; / { a = "x"; my-a = <1>; one { a; two@1 { b = [01 02 03]; }; }; };';
const HEADER = 40;

/** A blob with one reservation, whose structure block is the given one. */
function blobOf(
  structure: (number | string)[],
  strings: string,
  change: Partial<Record<number, number>> = {},
): Uint8Array {
  const words = structure.flatMap(each =>
    typeof each === 'number' ? [each >>> 24, each >>> 16, each >>> 8, each] : textOf(each),
  );
  const [structOffset, stringBytes] = [HEADER + 16, Buffer.from(strings, 'latin1')];
  const stringsOffset = structOffset + words.length;
  const blob = Buffer.alloc(stringsOffset + stringBytes.length);
  const header = [
    0xd00dfeed,
    blob.length,
    structOffset,
    stringsOffset,
    HEADER,
    17,
    16,
    0,
    stringBytes.length,
    words.length,
  ];
  for (const [index, field] of header.entries()) blob.writeUInt32BE(change[index] ?? field, index * 4);
  blob.set(words, structOffset);
  blob.set(stringBytes, stringsOffset);
  return blob;
}

function textOf(text: string): number[] {
  return [...Buffer.from(text.padEnd(Math.ceil((text.length + 1) / 4) * 4, '\0'), 'latin1')];
}

const [BEGIN, END_NODE, PROPERTY, NOP, END] = [1, 2, 3, 4, 9];
const EMPTY = [BEGIN, '', END_NODE, END];
const VERSION = 5;

test('a tree is read with its names, values, order and memory reservations', t => {
  const tree = parseFlat(writeFlat(parseSource(BASE)));
  t.deepEqual(tree.reservations, [{ address: 0x1000n, size: 0x20n }]);
  t.deepEqual(
    [...tree.root.walk()].map(node => node.path),
    ['/', '/one', '/one/two@1'],
  );
  t.deepEqual([...tree.root.properties.keys()], ['a', 'my-a']);
  t.is(tree.root.string('a'), 'x');
  t.deepEqual([...(tree.node('/one/two@1')?.properties.get('b') ?? [])], [1, 2, 3]);
});

test('a version 16 tree, which does not say how long its structure is, is read', t => {
  const blob = blobOf([BEGIN, '', PROPERTY, 0, 0, END_NODE, END], 'empty\0', { [VERSION]: 16 });
  t.true(parseFlat(blob).root.has('empty'));
});

test('no-operation tokens are skipped, of equal properties the first counts, of equal nodes all are kept', t => {
  const blob = blobOf(
    [
      NOP,
      BEGIN,
      '',
      NOP,
      PROPERTY,
      4,
      0,
      7,
      NOP,
      PROPERTY,
      4,
      0,
      8,
      BEGIN,
      'n',
      NOP,
      END_NODE,
      BEGIN,
      'n',
      END_NODE,
      END_NODE,
      NOP,
      END,
    ],
    'p\0',
  );
  const { root } = parseFlat(blob);
  t.is(root.u32('p'), 7);
  t.is(root.children.length, 2);
  t.is(root.child('n'), root.children[0]);
});

const MALFORMED: readonly [what: string, blob: Uint8Array, message: RegExp][] = [
  ['nothing', new Uint8Array(), /^x\.dtb: offset 0x0: not a flattened device tree/],
  ['another file', Buffer.from('MZ\0\0'), /begins with "4d 5a 00 00"/],
  ['half a header', blobOf(EMPTY, '').subarray(0, 20), /truncated in its header/],
  ['half a file', blobOf(EMPTY, 'x\0').subarray(0, 60), /truncated: total size \d+, but only 60 bytes/],
  ['a claimed size of 1 GiB', blobOf(EMPTY, '', { 1: 2 ** 30 }), /truncated: total size 1073741824/],
  [
    'a structure outside',
    blobOf(EMPTY, '', { 2: 0x7ffffffc }),
    /offset 0x8: structure block at 0x7ffffffc is outside/,
  ],
  ['a structure in the header', blobOf(EMPTY, '', { 2: 0 }), /structure block at 0x0 is outside/],
  [
    'a structure that is too long',
    blobOf(EMPTY, '', { 9: 0xfffffff0 }),
    /structure block of 4294967280 bytes/,
  ],
  ['strings outside', blobOf(EMPTY, '', { 3: 0xffffffff }), /strings block/],
  ['strings that are too long', blobOf(EMPTY, '', { 8: 0xffffffff }), /strings block of 4294967295 bytes/],
  ['reservations outside', blobOf(EMPTY, '', { 4: 0x1000 }), /memory reservation block/],
  ['reservations that do not end', blobOf(EMPTY, '', { 4: 56 }), /memory reservation/],
  [
    'version 3',
    blobOf(EMPTY, '', { 5: 3, 6: 2 }),
    /version 3, last compatible version 2; only versions 16 and 17/,
  ],
  ['version 18 only', blobOf(EMPTY, '', { 5: 18, 6: 18 }), /version 18/],
  ['no structure', blobOf([], ''), /ends without its end token/],
  ['no root', blobOf([END], ''), /no root node/],
  ['no end', blobOf([BEGIN, '', END_NODE], ''), /ends without its end token/],
  ['an open node', blobOf([BEGIN, '', END], ''), /ends inside of \//],
  ['an end too many', blobOf([BEGIN, '', END_NODE, END_NODE, END], ''), /end of a node that was not begun/],
  ['two roots', blobOf([BEGIN, '', END_NODE, BEGIN, '', END_NODE, END], ''), /second root/],
  ['an unknown token', blobOf([BEGIN, '', 5, END_NODE, END], ''), /unknown token 0x5/],
  ['a property outside of nodes', blobOf([PROPERTY, 0, 0, END], 'p\0'), /property outside of a node/],
  [
    'a property of 4 GiB',
    blobOf([BEGIN, '', PROPERTY, 0xffffffff, 0, END_NODE, END], 'p\0'),
    /"p" of \/ claims 4294967295 bytes/,
  ],
  ['a property cut off', blobOf([BEGIN, '', PROPERTY, 0], 'p\0'), /property is truncated/],
  [
    'a property name outside',
    blobOf([BEGIN, '', PROPERTY, 0, 2, END_NODE, END], 'p\0'),
    /name at 0x2 is outside/,
  ],
  [
    'a property name without end',
    blobOf([BEGIN, '', PROPERTY, 0, 0, END_NODE, END], 'p'),
    /property name is not terminated/,
  ],
  [
    'a property after a subnode',
    blobOf([BEGIN, '', BEGIN, 'n', END_NODE, PROPERTY, 0, 0, END_NODE, END], 'p\0'),
    /after a subnode/,
  ],
  ['a node name without end', blobOf([BEGIN, '', BEGIN, 0x61616161], ''), /node name is not terminated/],
  ['a root with a name', blobOf([BEGIN, 'n', END_NODE, END], ''), /root node has the name "n"/],
  ['a slash in a name', blobOf([BEGIN, '', BEGIN, 'a/b', END_NODE, END_NODE, END], ''), /has a slash/],
  [
    'a name of a megabyte',
    blobOf([BEGIN, '', BEGIN, 'n'.repeat(2 ** 20), END_NODE, END_NODE, END], ''),
    /longer than 255/,
  ],
  [
    'a hundred thousand levels',
    blobOf(Array.from({ length: 1e5 }, (_, index) => [BEGIN, index === 0 ? '' : 'n']).flat(), ''),
    /nested deeper than 64/,
  ],
];

for (const [what, blob, message] of MALFORMED) {
  test(`${what} is refused with file, place and reason`, t => {
    const error = t.throws(() => parseFlat(blob, 'x.dtb'), { instanceOf: DtError });
    t.regex(error.message, message);
    t.is(error.file, 'x.dtb');
    t.is(typeof error.offset, 'number');
  });
}

test('a blob in which every property shares one huge name is refused before it takes memory', t => {
  const properties = Array.from({ length: 20_000 }, (_, index) => [PROPERTY, 0, index]).flat();
  const blob = blobOf([BEGIN, '', ...properties, END_NODE, END], `${'p'.repeat(100_000)}\0`);
  t.throws(() => parseFlat(blob), { instanceOf: DtError, message: /longer than 255/ });
});

test('a good blob with bytes changed, cut or added gives a tree or a DtError, and soon', t => {
  const good = writeFlat(parseSource(BASE, { symbols: true }));
  const mutation = fc.record({
    changes: fc.array(
      fc.tuple(fc.nat(good.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0xff))),
      { maxLength: 6 },
    ),
    length: fc.oneof(fc.constant(good.length), fc.nat(good.length + 64)),
  });
  const start = process.hrtime.bigint();
  fc.assert(
    fc.property(mutation, ({ changes, length }) => {
      const blob = new Uint8Array(length);
      blob.set(good.subarray(0, length));
      for (const [at, byte] of changes) if (at < length) blob[at] = byte;
      try {
        writeFlat(parseFlat(blob));
        return true;
      } catch (error) {
        return error instanceof DtError;
      }
    }),
    { numRuns: 5000 },
  );
  t.true(process.hrtime.bigint() - start < 20_000_000_000n);
});

test('a written tree is read back unchanged, also by way of source', t => {
  fc.assert(
    fc.property(arbitraryTree, tree => {
      const blob = writeFlat(tree);
      t.deepEqual(writeFlat(parseFlat(blob)), blob);
      t.deepEqual(writeFlat(parseSource(formatSource(tree))), blob);
    }),
  );
  t.pass();
});

test('memory reservations of all 64 bits are kept exactly', t => {
  const source =
    '/dts-v1/; /memreserve/ 0xfedcba9876543211 0x20000000000001; /memreserve/ 0x20000000000001 1; / { };';
  const tree = parseFlat(writeFlat(parseSource(source)));
  t.deepEqual(tree.reservations, [
    { address: 0xfedc_ba98_7654_3211n, size: 0x20_0000_0000_0001n },
    { address: 0x20_0000_0000_0001n, size: 1n },
  ]);
  t.regex(formatSource(tree), /0xfedcba9876543211 0x0020000000000001;\n/);
});

test('source shows strings, cells and bytes as what they look like', t => {
  const tree = parseSource(
    String.raw`/dts-v1/; /memreserve/ 0x10 0x20; / { s = "a\n\"", "b"; c = <1 0xabcdef>; b = [00 ff 10]; e; n@1 { }; };`,
  );
  t.is(
    formatSource(tree),
    String.raw`/dts-v1/;

/memreserve/	0x0000000000000010 0x0000000000000020;
/ {
	s = "a\n\"", "b";
	c = <0x01 0xabcdef>;
	b = [00 ff 10];
	e;

	n@1 {
	};
};
`,
  );
});

test('a tree that the format cannot hold is refused', t => {
  const root = new DtNode('', null);
  root.properties.set('p\u0100', new Uint8Array());
  t.throws(() => writeFlat(new DeviceTree(root)), { instanceOf: DtError, message: /cannot be written/ });
});

testWithDtc('dtc writes the bytes that we write, from our blob and from our source', t => {
  fc.assert(
    fc.property(arbitraryTree, tree => {
      const blob = Buffer.from(writeFlat(tree));
      t.deepEqual(dtc(blob, 'dtb', 'dtb'), blob);
      t.deepEqual(dtc(formatSource(tree), 'dts', 'dtb'), blob);
    }),
    { numRuns: 60 },
  );
});

testWithDtc('we compile what dtc decompiles as dtc does', t => {
  fc.assert(
    fc.property(arbitraryTree, tree => {
      const source = String(dtc(writeFlat(tree), 'dtb', 'dts'));
      t.deepEqual(Buffer.from(writeFlat(parseSource(source))), dtc(source, 'dts', 'dtb'));
    }),
    { numRuns: 60 },
  );
});
