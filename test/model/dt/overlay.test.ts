import { readFileSync } from 'node:fs';
import test from 'ava';
import * as fc from 'fast-check';
import { editTree } from '../../../src/model/dt/edit.ts';
import { DtError } from '../../../src/model/dt/error.ts';
import { parseFlat, writeFlat } from '../../../src/model/dt/flat.ts';
import { formatSource } from '../../../src/model/dt/format.ts';
import { applyOverlay } from '../../../src/model/dt/overlay.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import type { DeviceTree } from '../../../src/model/dt/tree.ts';
import { fdtoverlay, testWithDtc } from './dtc.ts';

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/dt/${name}`, import.meta.url), 'utf8');
const base = parseSource(fixture('base.dts'), { symbols: true });
const overlay = parseSource(fixture('overlay.dts'));

const tree = (source: string, symbols = true) => parseSource(`/dts-v1/; ${source}`, { symbols });
const plugin = (source: string) => parseSource(`/dts-v1/; /plugin/; ${source}`);

test('an overlay is merged: properties replaced, nodes added, phandles moved behind those of the base', t => {
  const { root } = applyOverlay(base, overlay);
  const soc = root.child('soc');
  const timer = soc?.child('timer@4000');
  const oscillator = soc?.child('oscillator');
  const clock = soc?.child('clock-controller@2000');
  t.deepEqual(timer?.cells('clocks'), [clock?.u32('phandle'), 3, oscillator?.u32('phandle')]);
  t.is(soc?.child('serial@10001000')?.string('status'), 'disabled');
  t.deepEqual(soc?.child('serial@10001000')?.cells('clocks'), [oscillator?.u32('phandle')]);
  t.is(root.child('chosen')?.string('bootargs'), 'console=ttyAMA0');
  const phandles = [...root.walk()].flatMap(node => node.u32('phandle') ?? []);
  t.is(new Set(phandles).size, phandles.length);
});

test('the symbols of an overlay join those of the base, so that the next overlay can use them', t => {
  const once = applyOverlay(base, overlay);
  t.is(once.root.child('__symbols__')?.string('osc'), '/soc/oscillator');
  const twice = applyOverlay(once, plugin('&osc { clock-frequency = <24>; };'));
  t.is(twice.node('/soc/oscillator')?.u32('clock-frequency'), 24);
});

test('base and overlay stay as they are', t => {
  const before = [base, overlay].map(writeFlat);
  applyOverlay(base, overlay);
  t.deepEqual([base, overlay].map(writeFlat), before);
});

test('a fragment may name its target by path or alias, a node may be named without its unit address', t => {
  const applied = applyOverlay(
    base,
    tree(`/ {
      fragment@0 { target-path = "serial0"; __overlay__ { a; }; };
      fragment@1 { target-path = "/soc"; __overlay__ { serial { b; }; }; };
      other { c; };
    };`),
  );
  t.true(applied.node('/soc/serial@10001000')?.has('a'));
  t.true(applied.node('/soc/serial@10001000')?.has('b'));
  t.is(applied.node('/other'), undefined);
});

test('a base node keeps its phandle when the overlay labels it again', t => {
  const applied = applyOverlay(
    tree('/ { r = <&a>; s: s { a: n { }; }; };'),
    plugin('&s { again: n { q; }; m { r = <&again>; }; };'),
  );
  t.is(applied.root.u32('r'), applied.node('/s/n')?.u32('phandle'));
  t.is(applied.node('/s/m')?.u32('r'), applied.root.u32('r'));
});

const UNAPPLICABLE: readonly [what: string, base: DeviceTree, overlay: DeviceTree, message: RegExp][] = [
  [
    'a base without symbols',
    tree('/ { a: n { }; };', false),
    plugin('&a { };'),
    /label "a", but the base tree has no \/__symbols__/,
  ],
  [
    'a label that is not there',
    tree('/ { a: n { }; };'),
    plugin('&b { };'),
    /refers to label "b", which the base tree does not have/,
  ],
  [
    'a symbol of a node that is gone',
    tree('/ { __symbols__ { a = "/n"; }; };'),
    plugin('&a { };'),
    /label "a", whose node \/n the base tree/,
  ],
  [
    'a symbol of a node without phandle',
    tree('/ { n { }; __symbols__ { a = "/n"; }; };'),
    plugin('&a { };'),
    /label "a", whose node \/n has no phandle/,
  ],
  [
    'a path that is not there',
    tree('/ { };'),
    plugin('&{/n} { };'),
    /target \/n of \/fragment@0 is not in the base tree/,
  ],
  [
    'a phandle that is not there',
    tree('/ { };'),
    tree('/ { f { target = <9>; __overlay__ { }; }; };'),
    /target phandle 0x9 of \/f is not/,
  ],
  [
    'a fragment without target',
    tree('/ { };'),
    tree('/ { f { __overlay__ { }; }; };'),
    /\/f has neither "target" nor "target-path"/,
  ],
  [
    'a target of two cells',
    tree('/ { };'),
    tree('/ { f { target = <1 2>; __overlay__ { }; }; };'),
    /"target" of \/f is not a phandle/,
  ],
  [
    'malformed fixups',
    tree('/ { a: n { }; };'),
    tree('/ { __fixups__ { a = "/x"; }; };'),
    /malformed entry "\/x" in __fixups__ of label "a"/,
  ],
  [
    'fixups of nothing',
    tree('/ { a: n { }; };'),
    tree('/ { p; __fixups__ { a = "/:p:0"; }; };'),
    /entry "\/:p:0" in __fixups__ of label "a" names nothing/,
  ],
  [
    'local fixups of nothing',
    tree('/ { };'),
    tree('/ { p = <1>; __local_fixups__ { p = <1>; }; };'),
    /\/__local_fixups__ names offset 1 of "p"/,
  ],
  [
    'local fixups of no node',
    tree('/ { };'),
    tree('/ { __local_fixups__ { n { }; }; };'),
    /\/__local_fixups__\/n names a node that the overlay/,
  ],
  [
    'no phandle left',
    tree('/ { phandle = <0xfffffffe>; };'),
    tree('/ { n { phandle = <1>; }; };'),
    /no phandle is left for \/n/,
  ],
];

for (const [what, onto, changes, message] of UNAPPLICABLE) {
  test(`${what}: the overlay is refused`, t => {
    t.throws(() => applyOverlay(onto, changes), { instanceOf: DtError, message });
  });
}

test('any damaged overlay gives a tree or a DtError', t => {
  const good = writeFlat(overlay);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      changes => {
        const blob = Uint8Array.from(good);
        for (const [at, byte] of changes) blob[at] = byte;
        try {
          applyOverlay(base, parseFlat(blob));
          return true;
        } catch (error) {
          return error instanceof DtError;
        }
      },
    ),
    { numRuns: 2000 },
  );
  t.pass();
});

testWithDtc('fdtoverlay makes the same tree of the fixtures', t => {
  const theirs = fdtoverlay(writeFlat(base), writeFlat(overlay));
  t.is(formatSource(applyOverlay(base, overlay)), formatSource(parseFlat(theirs ?? new Uint8Array())));
});

/** Overlays whose fragments meet nodes of the base and new ones; new nodes only are labelled. */
const arbitraryOverlay = fc
  .array(
    fc.record({
      target: fc.constantFrom('&soc', '&clk', '&gic', '&unknown', '&{/}', '&{/cpus}', '&{/none}'),
      properties: fc.uniqueArray(
        fc.constantFrom(
          'status = "okay";',
          'reg = <1>;',
          'r = <&clk 1>;',
          'q = <2 &gic>, <&uart0>;',
          'own = <&n0>, "x";',
          'interrupt-parent = <&n1>;',
        ),
        { maxLength: 3 },
      ),
      children: fc.uniqueArray(
        fc.constantFrom(
          'n0: first { a; };',
          'n1: second@1 { b; c: third { r = <&n0>; }; };',
          'serial@10001000 { new = <&soc>; };',
          'cpu { x; };',
          'clock-controller@2000 { deep { }; };',
        ),
        { maxLength: 3 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map(fragments =>
    fragments
      .map(
        ({ target, properties, children }) => `${target} { ${properties.join(' ')} ${children.join(' ')} };`,
      )
      .join('\n'),
  );

testWithDtc(
  'generated overlays: fdtoverlay refuses what we refuse, and makes the same tree of the rest',
  t => {
    let applied = 0;
    const blob = writeFlat(base);
    fc.assert(
      fc.property(arbitraryOverlay, source => {
        const changes = attempt(() => plugin(source));
        if (changes === undefined) return;
        const ours = attempt(() => applyOverlay(base, changes));
        const theirs = fdtoverlay(blob, writeFlat(changes));
        t.is(ours && formatSource(ours), theirs && formatSource(parseFlat(theirs)), source);
        if (ours !== undefined) applied += 1;
      }),
      { numRuns: 150 },
    );
    t.true(applied > 15, `only ${applied} overlays were applied`);
  },
);

function attempt<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof DtError) return undefined;
    throw error;
  }
}

const SMALL =
  '/dts-v1/; / { r = <&a>; a: n@1 { phandle = <1>; x; }; b: m { phandle = <2>; y; o { z = <5>; }; }; };';

const EDITS: readonly [what: string, edit: string][] = [
  ['nothing', ''],
  ['a property by label', '&a { x = "new"; w; };'],
  ['a property by path', '&{/m/o} { z = <6>; };'],
  ['a node of the root', '/ { m { q { }; }; };'],
  ['a deleted property', '&b { /delete-property/ y; };'],
  ['deleted nodes', '/delete-node/ &b; &a { k { }; };'],
  ['a definition after a deletion', '/delete-node/ &{/m/o}; &b { o { v; }; };'],
  ['references to the base', '&b { r = <&a 7 &b>; p = &a; };'],
  ['a new label and references to it', '&b { l = <&c>; c: o { r = <&c>; }; };'],
  ['a label for a change', 'd: &{/m/o} { r = <&d>; };'],
];

for (const [what, edit] of EDITS) {
  test(`an edit means what it means at the end of the source: ${what}`, t => {
    const expected = parseSource(`${SMALL} ${edit}`, { symbols: true });
    const edited = editTree(parseSource(SMALL, { symbols: true }), edit);
    t.is(formatSource(edited), formatSource(expected));
  });
}

test('an edit refers to base nodes by the phandles they have, gives free ones to others, adds its labels', t => {
  const edited = editTree(base, '&soc { n: n { c = <&clk 1>; }; m { r = <&n>; p = &uart0; }; };');
  t.is(edited.node('/soc/n')?.u32('c'), base.node('/soc/clock-controller@2000')?.u32('phandle'));
  t.is(edited.node('/soc/m')?.u32('r'), edited.node('/soc/n')?.u32('phandle'));
  t.is(edited.node('/soc/n')?.u32('phandle'), 5);
  t.is(edited.node('/soc/m')?.string('p'), '/soc/serial@10001000');
  t.is(edited.root.child('__symbols__')?.string('n'), '/soc/n');
});

test('symbols of deleted nodes go, the base stays', t => {
  const before = writeFlat(base);
  const edited = editTree(base, '/delete-node/ &uart0;');
  t.false(edited.root.child('__symbols__')?.has('uart0'));
  t.is(edited.node('/soc/serial@10001000'), undefined);
  t.deepEqual(writeFlat(base), before);
});

test('a mistake in an edit is told with its line and column', t => {
  const error = t.throws(() => editTree(base, '\n &uart1 { };', { file: 'edit' }), { instanceOf: DtError });
  t.is(error.message, 'edit:2:2: label "uart1" not found');
  t.notThrows(() => editTree(base, '/dts-v1/; &uart0 { };'));
  t.throws(() => editTree(base, '/dts-v1/; /plugin/; &uart0 { };'), {
    instanceOf: DtError,
    message: /an overlay/,
  });
});
