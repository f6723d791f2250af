import { posix } from 'node:path';
import { readFileSync } from 'node:fs';
import test from 'ava';
import * as fc from 'fast-check';
import { editTree } from '../../../src/model/dt/edit.ts';
import { DtError } from '../../../src/model/dt/error.ts';
import { writeFlat } from '../../../src/model/dt/flat.ts';
import { formatSource } from '../../../src/model/dt/format.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import { dtc, testWithDtc } from './dtc.ts';

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/dt/${name}`, import.meta.url), 'utf8');

/** A cell as written, with its 64-bit value. */
const EXPRESSIONS: readonly [expression: string, value: bigint][] = [
  ['42', 42n],
  ['0x2A', 42n],
  ['052', 42n],
  ['42UL', 42n],
  ['0xffffffffffffffffULL', 0xffffffffffffffffn],
  [`'a'`, 97n],
  [String.raw`'\n'`, 10n],
  [String.raw`'\x41'`, 65n],
  [String.raw`'\''`, 39n],
  [String.raw`'\101'`, 65n],
  ['(1 + 2 * 3)', 7n],
  ['((1 + 2) * 3)', 9n],
  ['(7 / 2)', 3n],
  ['(7 % 4)', 3n],
  ['(10 - 4 - 3)', 3n],
  ['(-1)', 0xffffffffffffffffn],
  ['(-6 / 2)', 0x7ffffffffffffffdn],
  ['(~0)', 0xffffffffffffffffn],
  ['(!5)', 0n],
  ['(!0)', 1n],
  ['(- - 3)', 3n],
  ['(1 << 4 + 1)', 32n],
  ['(1 << 63)', 0x8000000000000000n],
  ['(1 << 64)', 0n],
  ['(-1 >> 60)', 15n],
  ['(1 >> 100)', 0n],
  ['(0xf0 | 0x0f)', 255n],
  ['(0xf0 & 0x3c)', 0x30n],
  ['(0xf0 ^ 0x3c)', 0xccn],
  ['(1 | 2 ^ 3 & 2)', 1n],
  ['(1 == 1)', 1n],
  ['(1 != 1)', 0n],
  ['(1 < 2)', 1n],
  ['(-1 < 2)', 0n],
  ['(2 <= 2)', 1n],
  ['(3 > 4)', 0n],
  ['(4 >= 4)', 1n],
  ['(1 < 2 == 1)', 1n],
  ['(1 && 0 || 2)', 1n],
  ['(0 || 0 && 1)', 0n],
  ['(1 ? 2 : 3)', 2n],
  ['(0 ? 2 : 0 ? 3 : 4)', 4n],
  ['(1 ? 0 ? 5 : 6 : 7)', 6n],
  ['(1 + /* two */ 2 // three\n + 3)', 6n],
];

const expressionSource = `/dts-v1/; / { v = /bits/ 64 <${EXPRESSIONS.map(([text]) => text).join(' ')}>; };`;

for (const [expression, value] of EXPRESSIONS) {
  test(`${JSON.stringify(expression)} is ${value}`, t => {
    const bytes = parseSource(`/dts-v1/; / { v = /bits/ 64 <${expression}>; };`).root.properties.get('v');
    t.is(Buffer.from(bytes ?? []).readBigUInt64BE(), value);
  });
}

testWithDtc('dtc computes the table of expressions as we do', t => {
  t.deepEqual(Buffer.from(writeFlat(parseSource(expressionSource))), dtc(expressionSource, 'dts', 'dtb'));
});

/** The meaning of source, as the plainest source that means the same. */
const MEANINGS: readonly [what: string, source: string, plain: string][] = [
  [
    'strings may be joined and escaped',
    String.raw`/ { s = "a\t\"\\\x41\0b", "ä"; };`,
    '/ { s = [61 09 22 5c 41 00 62 00 c3 a4 00]; };',
  ],
  [
    'values of every kind may be joined',
    '/ { v = "a", <1>, [02], /bits/ 16 <3 4>, /bits/ 8 <5>; };',
    '/ { v = [61 00 00000001 02 00030004 05]; };',
  ],
  [
    'negative elements are cut to their width',
    '/ { v = /bits/ 8 <(-1) 0xff>; w = /bits/ 16 <(-2)>; };',
    '/ { v = [ffff]; w = [fffe]; };',
  ],
  [
    'byte strings need no blanks',
    '/ { v = [0 1 02 a b]; };'.replace('0 1', '0001').replace('a b', 'ab'),
    '/ { v = [00 01 02 ab]; };',
  ],
  [
    'a label in cells is a phandle',
    '/ { r = <&a 7>; a: n { }; };',
    '/ { r = <1 7>; n { phandle = <1>; }; };',
  ],
  [
    'a path in cells is a phandle',
    '/ { r = <&{/n/m}>; n { m { }; }; };',
    '/ { r = <1>; n { m { phandle = <1>; }; }; };',
  ],
  [
    'a reference outside of cells is the path',
    '/ { r = &a, "x", &{/n}; n { a: m@1 { }; }; };',
    '/ { r = "/n/m@1", "x", "/n"; n { m@1 { }; }; };',
  ],
  [
    'references are replaced behind a path',
    '/ { r = &a, <&a>; a: n { }; };',
    '/ { r = "/n", <1>; n { phandle = <1>; }; };',
  ],
  [
    'explicit phandles are kept and skipped',
    '/ { r = <&a &b>; a: n { phandle = <1>; }; b: m { }; };',
    '/ { r = <1 2>; n { phandle = <1>; }; m { phandle = <2>; }; };',
  ],
  ['a node may ask for a phandle', '/ { a: n { phandle = <&a>; }; };', '/ { n { phandle = <1>; }; };'],
  [
    'phandles are given in the order of use',
    '/ { r = <&b &a>; a: n { }; b: m { }; };',
    '/ { r = <1 2>; n { phandle = <2>; }; m { phandle = <1>; }; };',
  ],
  [
    'definitions of the root merge',
    '/ { a = <1>; b; n { x; }; }; / { a = <2>; c; n { y; }; };',
    '/ { a = <2>; b; c; n { x; y; }; };',
  ],
  [
    'a node is changed by its label',
    '/ { a: n { x = <1>; }; }; &a { x = <2>; m { }; };',
    '/ { n { x = <2>; m { }; }; };',
  ],
  ['a node is changed by its path', '/ { n@1 { }; }; &{/n@1} { x; };', '/ { n@1 { x; }; };'],
  [
    'a change may give a label',
    '/ { a: n { }; }; b: &a { r = <&b>; };',
    '/ { n { r = <1>; phandle = <1>; }; };',
  ],
  ['properties are deleted', '/ { a; b; }; / { /delete-property/ a; };', '/ { b; };'],
  [
    'nodes are deleted by name, label and path',
    '/ { n { }; a: m { }; o { p { }; }; }; / { /delete-node/ n; }; /delete-node/ &a; /delete-node/ &{/o/p};',
    '/ { o { }; };',
  ],
  [
    'what is deleted and defined again is where it was',
    '/ { a; b; n { x; }; m { }; }; / { /delete-property/ a; /delete-node/ n; }; / { a; n { y; }; };',
    '/ { a; b; n { y; }; m { }; };',
  ],
  [
    'a node is left out when nothing refers to it',
    '/ { /omit-if-no-ref/ a: n { }; /omit-if-no-ref/ b: m { }; c: o { }; r = <&b>; };'
      .replace('r = <&b>; ', '')
      .replace('/ {', '/ { r = <&b>;')
      .concat('/omit-if-no-ref/ &c;'),
    '/ { r = <1>; m { phandle = <1>; }; };',
  ],
  ['a right name property is redundant', '/ { n@1 { name = "n"; x; }; };', '/ { n@1 { x; }; };'],
  [
    'labels may stand everywhere',
    '/ { p: a = x: <y: 1 z:> u:; b = s: "t"; l: k: n { }; };',
    '/ { a = <1>; b = "t"; n { }; };',
  ],
  [
    'a name may begin with a digit, or be escaped',
    String.raw`/ { 1 = <1>; \2x; 3@4 { }; };`,
    '/ { 1 = <1>; 2x; 3@4 { }; };',
  ],
  [
    'the first processor boots',
    '/ { cpus { cpu@5 { reg = <5>; }; }; };',
    '/ { cpus { cpu@5 { reg = <5>; }; }; };',
  ],
];

for (const [what, source, plain] of MEANINGS) {
  test(what, t => {
    t.is(formatSource(parseSource(`/dts-v1/; ${source}`)), formatSource(parseSource(`/dts-v1/; ${plain}`)));
  });

  testWithDtc(`${what}: dtc agrees`, t => {
    const text = `/dts-v1/; ${source}`;
    t.deepEqual(Buffer.from(writeFlat(parseSource(text))), dtc(text, 'dts', 'dtb'));
  });
}

test('a node is named by its path below a label, wherever a label may name it', t => {
  // As dtc 1.8 does; earlier ones refuse it.
  const source = `/dts-v1/;
    / { r = <&{a/b} &{a/b/c@1} &{a/}>, &{a/b}; a: n { b { c@1 { }; }; d { }; e { }; }; };
    &{a/b} { x; }; f: &{a/b/c@1} { s = &f; }; /delete-node/ &{a/d}; /omit-if-no-ref/ &{a/e};`;
  const plain = `/dts-v1/;
    / { r = <1 2 3>, "/n/b";
      n { phandle = <3>; b { x; phandle = <1>; c@1 { s = "/n/b/c@1"; phandle = <2>; }; }; }; };`;
  t.is(formatSource(parseSource(source)), formatSource(parseSource(plain)));
  const edited = editTree(
    parseSource('/dts-v1/; / { a: n { b { }; c { }; }; };', { symbols: true }),
    '&{a/b} { x; };',
  );
  t.true(edited.node('/n/b')?.has('x'));
});

test('an overlay has fragments, and says which phandles are open and which its own', t => {
  t.is(
    formatSource(parseSource(fixture('overlay.dts'))),
    formatSource(
      parseSource(`/dts-v1/; / {
        fragment@0 { target = <0xffffffff>; __overlay__ {
          timer@4000 { reg = <0x4000 0x10>; clocks = <0xffffffff 3>, <1>; status = "okay"; phandle = <2>; };
          oscillator { #clock-cells = <0>; phandle = <1>; };
        }; };
        fragment@1 { target = <0xffffffff>; __overlay__ { status = "disabled"; clocks = <1>; }; };
        fragment@2 { target-path = "/"; __overlay__ { chosen { bootargs = "console=ttyAMA0"; }; }; };
        __symbols__ { timer = "/fragment@0/__overlay__/timer@4000"; osc = "/fragment@0/__overlay__/oscillator"; };
        __fixups__ {
          soc = "/fragment@0:target:0"; clk = "/fragment@0/__overlay__/timer@4000:clocks:0"; uart0 = "/fragment@1:target:0";
        };
        __local_fixups__ {
          fragment@0 { __overlay__ { timer@4000 { clocks = <8>; }; }; };
          fragment@1 { __overlay__ { clocks = <0>; }; };
        };
      };`),
    ),
  );
});

test('symbols name every labelled node, which all get phandles', t => {
  const { root } = parseSource(fixture('base.dts'), { symbols: true });
  t.deepEqual([...(root.child('__symbols__')?.properties.keys() ?? [])], ['gic', 'soc', 'uart0', 'clk']);
  t.is(root.child('__symbols__')?.string('uart0'), '/soc/serial@10001000');
  t.is(root.child('soc')?.child('serial@10001000')?.u32('phandle'), 4);
});

test('included files are asked for by name, from the file that names them, and errors are in them', t => {
  const files: Record<string, string> = { 'a.dtsi': '/include/ "b.dtsi" n { y; };', 'b.dtsi': 'x;\n' };
  const asked: string[][] = [];
  const include = (name: string, from: string) => {
    asked.push([name, from]);
    return files[name] ?? '';
  };
  const tree = parseSource('/dts-v1/; / { /include/ "a.dtsi" };', { file: 'top.dts', include });
  t.deepEqual(asked, [
    ['a.dtsi', 'top.dts'],
    ['b.dtsi', 'a.dtsi'],
  ]);
  t.is(formatSource(tree), formatSource(parseSource('/dts-v1/; / { x; n { y; }; };')));
  files['b.dtsi'] = 'x;\n  y = ;\n';
  const error = t.throws(() => parseSource('/dts-v1/; / { /include/ "a.dtsi" };', { include }), {
    instanceOf: DtError,
  });
  t.is(error.message, 'b.dtsi:2:7: expected a value, found ";"');
});

test('line markers of a preprocessor are followed', t => {
  const text = '# 1 "board.dts"\n/dts-v1/;\n# 7 "soc.dtsi" 1\n/ { a = ; };\n';
  t.throws(() => parseSource(text), { instanceOf: DtError, message: /^soc\.dtsi:7:9: expected a value/ });
});

const WRONG: readonly [what: string, source: string, place: string, message: RegExp][] = [
  ['no version', '/ { };', '1:1', /expected "\/dts-v1\/;", found "\/"/],
  ['nothing', '', '1:1', /found end of file/],
  ['a missing semicolon', '/dts-v1/;\n/ {\n\ta = <1>\n\tb;\n};', '4:2', /expected "," or ";", found "b"/],
  [
    'a missing brace',
    '/dts-v1/; / { n { };',
    '1:21',
    /expected the name of a property or node, found end of file/,
  ],
  [
    'a property after a subnode',
    '/dts-v1/; / {\n n { };\n p;\n};',
    '3:2',
    /properties must come before subnodes \("p" comes after one\)/,
  ],
  [
    'an unknown label in cells',
    '/dts-v1/; / { a = <&b>; };',
    '1:20',
    /reference to label "b", which is not there/,
  ],
  ['an unknown label outside of cells', '/dts-v1/; / { a = &b; };', '1:19', /reference to label "b"/],
  ['an unknown path', '/dts-v1/; / { a = <&{/x}>; };', '1:20', /reference to node "\/x"/],
  ['a path below an unknown label', '/dts-v1/; / { a = <&{b/x}>; };', '1:20', /reference to node "b\/x"/],
  [
    'an unknown path below a label',
    '/dts-v1/; / { a = <&{b/x}>; b: n { }; };',
    '1:20',
    /reference to node "b\/x"/,
  ],
  [
    'a change of an unknown path below a label',
    '/dts-v1/; / { b: n { }; };\n&{b/x} { };',
    '2:1',
    /node "b\/x" not/,
  ],
  [
    'a path below the label of a deleted node',
    '/dts-v1/; / { r = <&{a/b}>; a: n { b { }; }; }; /delete-node/ &a;',
    '1:20',
    /reference to node "a\/b", which is not there/,
  ],
  [
    'a fragment for a path below a label',
    '/dts-v1/; /plugin/; &{b/x} { };',
    '1:21',
    /"b\/x" begins at a label, which a fragment of an overlay cannot/,
  ],
  [
    "a reference to a path below a base tree's label",
    '/dts-v1/; /plugin/; / { a = <&{b/x}>; };',
    '1:30',
    /reference to node "b\/x"/,
  ],
  ['a change of an unknown label', '/dts-v1/; / { };\n&b { };', '2:1', /label "b" not found/],
  ['deletion of an unknown label', '/dts-v1/; / { };\n/delete-node/ &b;', '2:15', /label "b" not found/],
  [
    'a label of a deleted node',
    '/dts-v1/; / { r = <&a>; a: n { }; }; /delete-node/ &a;',
    '1:20',
    /label "a"/,
  ],
  [
    'a label given twice',
    '/dts-v1/; / { a: n { }; a: m { }; };',
    '1:28',
    /label "a" is given twice: to \/n and to \/m/,
  ],
  ['a node given twice', '/dts-v1/; / { n { }; n { }; };', '1:22', /node \/n is there twice/],
  ['a property given twice', '/dts-v1/; / { a; a; };', '1:18', /property "a" of \/ is there twice/],
  [
    'a phandle given twice',
    '/dts-v1/; / { n { phandle = <1>; }; m { phandle = <1>; }; };',
    '1:41',
    /phandle 0x1 of \/m is that of \/n/,
  ],
  ['phandle 0', '/dts-v1/; / { phandle = <0>; };', '1:15', /"phandle" of \/ is 0x0/],
  ['two phandles that differ', '/dts-v1/; / { phandle = <1>; linux,phandle = <2>; };', '1:15', /differ/],
  ['two @ in a name', '/dts-v1/; / { a@1@2 { }; };', '1:15', /more than one "@"/],
  ['a character that no node has', '/dts-v1/; / { a#b { }; };', '1:15', /bad character "#"/],
  ['a wrong name property', '/dts-v1/; / { n { name = "m"; }; };', '1:19', /"name" property of \/n/],
  [
    'a value that does not fit',
    '/dts-v1/; / { a = <0x100000000>; };',
    '1:20',
    /out of range for a 32-bit element/,
  ],
  [
    'a value that does not fit in a byte',
    '/dts-v1/; / { a = /bits/ 8 <256>; };',
    '1:29',
    /out of range for a 8-bit/,
  ],
  ['bits that are not', '/dts-v1/; / { a = /bits/ 9 <1>; };', '1:26', /8, 16, 32 or 64 bits/],
  [
    'a reference of 64 bits',
    '/dts-v1/; / { a = /bits/ 64 <&a>; };',
    '1:30',
    /only allowed in arrays of 32-bit/,
  ],
  [
    'an integer above 64 bits',
    '/dts-v1/; / { a = <0x10000000000000000>; };',
    '1:20',
    /does not fit in 64 bits/,
  ],
  ['an octal 9', '/dts-v1/; / { a = <09>; };', '1:20', /bad integer "09"/],
  ['division by zero', '/dts-v1/; / { a = <(1 / 0)>; };', '1:23', /division by zero/],
  [
    'an operator without parentheses',
    '/dts-v1/; / { a = <1 + 2>; };',
    '1:22',
    /expected a number, found "\+"/,
  ],
  ['a macro', '/dts-v1/; / { a = <GIC_SPI 1>; };', '1:20', /expected a number, found "GIC_SPI"/],
  [
    'a directive',
    '/dts-v1/;\n#include "x.h"\n/ { };',
    '2:1',
    /found "#include" \(the C preprocessor has to be run before\)/,
  ],
  ['two characters', `/dts-v1/; / { a = <'ab'>; };`, '1:20', /character literal 'ab' is 2 characters/],
  ['half a byte', '/dts-v1/; / { a = [012]; };', '1:22', /two hexadecimal digits/],
  ['an open string', '/dts-v1/; / { a = "x; };', '1:19', /string is not terminated/],
  ['an open comment', '/dts-v1/; / { /* };', '1:15', /comment is not terminated/],
  [String.raw`an empty \x`, String.raw`/dts-v1/; / { a = "\x"; };`, '1:19', /\\x has no hexadecimal digits/],
  [
    'a file that is not given',
    '/dts-v1/; /include/ "x"',
    '1:11',
    /cannot include "x": no files are given here/,
  ],
  ['binary data', '/dts-v1/; / { a = /incbin/("x"); };', '1:19', /not supported/],
  ['a reservation too late', '/dts-v1/; / { }; /memreserve/ 1 1;', '1:18', /must come before the tree/],
  ['nesting without end', `/dts-v1/; / {${'n{'.repeat(1e5)}`, '1:140', /nested deeper than 64/],
  ['parentheses without end', `/dts-v1/; / { a = <${'('.repeat(1e5)}`, '1:221', /nested too deeply/],
  ['signs without end', `/dts-v1/; / { a = <(${'-'.repeat(1e5)}`, '1:221', /nested too deeply/],
  ['conditions without end', `/dts-v1/; / { a = <(${'1?'.repeat(1e5)}`, '1:422', /nested too deeply/],
];

for (const [what, source, place, message] of WRONG) {
  test(`${what} is refused with line and column`, t => {
    const error = t.throws(() => parseSource(source, { file: 'x.dts' }), { instanceOf: DtError });
    t.regex(error.message, message);
    t.is(`${error.line}:${error.column}`, place);
    t.true(error.message.startsWith(`x.dts:${place}: `));
  });
}

const doubling = (name: string) => (name.length > 50 ? '' : `/include/ "${name}x" /include/ "${name}x"`);

test('files that include themselves, or each other ever more often, are refused', t => {
  t.throws(() => parseSource('/include/ "x"', { include: name => `/include/ "${name}"` }), {
    instanceOf: DtError,
    message: /included too deeply/,
  });
  t.throws(() => parseSource('/include/ "x"', { include: doubling }), {
    instanceOf: DtError,
    message: /too often/,
  });
});

test('a long line is read in time that grows with it', t => {
  const { root } = parseSource(`/dts-v1/; / { v = <${'0x1 '.repeat(200_000)}>; };`);
  t.is(root.properties.get('v')?.length, 800_000);
});

/**
 * Few names and labels, so that definitions meet; what is wrong among it dtc refuses too.
 * In overlays nothing is deleted by name: dtc forgets the parent of a node that is defined after that, and writes wrong
 * fixups for it.
 */
function arbitrarySource(plugin: boolean): fc.Arbitrary<string> {
  const label = fc.constantFrom('la', 'lb', 'lc');
  const name = fc.constantFrom('a', 'b', 'c@1');
  const path = fc.constantFrom('/a', '/b', '/a/b', '/');
  const reference = fc.oneof(
    { weight: 4, arbitrary: label.map(each => `&${each}`) },
    { weight: 1, arbitrary: path.map(each => `&{${each}}`) },
  );
  const labels = fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: label.map(each => `${each}: `) },
  );
  const part = fc.oneof(
    fc
      .array(
        fc.oneof(
          label.map(each => `&${each}`),
          fc.nat(9).map(String),
        ),
        { maxLength: 3 },
      )
      .map(cells => `<${cells.join(' ')}>`),
    plugin ? fc.constant('"t"') : reference,
    fc.constantFrom('"s"', '[01 0203]', '/bits/ 16 <1 2>'),
  );
  const property = fc.oneof(
    fc
      .tuple(fc.constantFrom('p', 'q', 'xp'), fc.array(part, { minLength: 1, maxLength: 2 }))
      .map(([key, parts]) => `${key} = ${parts.join(', ')};`),
    fc.constantFrom('/delete-property/ p;', 'e;', 'phandle = <2>;'),
  );
  const body = (levels: number): fc.Arbitrary<string> => {
    const child =
      levels === 0
        ? fc.constant('')
        : fc.oneof(
            {
              weight: 5,
              arbitrary: fc
                .tuple(labels, name, body(levels - 1))
                .map(([given, own, inner]) => `${given}${own} ${inner}`),
            },
            { weight: plugin ? 0 : 1, arbitrary: name.map(own => `/delete-node/ ${own};`) },
            {
              weight: 1,
              arbitrary: fc.tuple(labels, name).map(([given, own]) => `/omit-if-no-ref/ ${given}${own} { };`),
            },
          );
    return fc
      .tuple(fc.uniqueArray(property, { maxLength: 2 }), fc.uniqueArray(child, { maxLength: 2 }))
      .map(([properties, children]) => `{ ${properties.join(' ')} ${children.join(' ')} };`);
  };
  const statement = fc.oneof(
    { weight: 3, arbitrary: body(2).map(text => `/ ${text}`) },
    { weight: 3, arbitrary: fc.tuple(reference, body(1)).map(([target, text]) => `${target} ${text}`) },
    { weight: 1, arbitrary: fc.constantFrom('&la', '&lb').map(target => `/delete-node/ ${target};`) },
    { weight: 1, arbitrary: label.map(target => `/omit-if-no-ref/ &${target};`) },
  );
  return fc
    .tuple(body(2), fc.array(statement, { maxLength: 3 }))
    .map(
      ([root, statements]) => `/dts-v1/; ${plugin ? '/plugin/; ' : ''}/ ${root}\n${statements.join('\n')}`,
    );
}

for (const [kind, plugin, symbols] of [
  ['trees', false, false],
  ['trees with symbols', false, true],
  ['overlays', true, true],
] as const) {
  testWithDtc(
    `generated source of ${kind}: dtc refuses what we refuse, and makes the same bytes of the rest`,
    t => {
      let compiled = 0;
      fc.assert(
        fc.property(arbitrarySource(plugin), source => {
          const theirs = dtc(source, 'dts', 'dtb', ...(symbols ? ['-@'] : []));
          let ours: Buffer | undefined;
          try {
            ours = Buffer.from(writeFlat(parseSource(source, { symbols })));
          } catch (error) {
            if (!(error instanceof DtError)) throw error;
          }
          if (theirs !== undefined) compiled += 1;
          return (
            (theirs === undefined) === (ours === undefined) &&
            (ours === undefined || ours.equals(theirs ?? Buffer.of()))
          );
        }),
        { numRuns: 400 },
      );
      t.true(compiled > 40, `only ${compiled} sources compiled`);
    },
  );
}

testWithDtc('the fixtures: dtc makes the same bytes', t => {
  for (const name of ['base.dts', 'overlay.dts']) {
    const blob = Buffer.from(writeFlat(parseSource(fixture(name), { symbols: true })));
    t.deepEqual(blob, dtc(fixture(name), 'dts', 'dtb', '-@'), name);
  }
});

test('what an included file includes is looked for beside that file', t => {
  const files: Record<string, string> = {
    'sub/soc.dtsi': '/include/ "cpu/cpus.dtsi"\n',
    'sub/cpu/cpus.dtsi': '/include/ "one.dtsi"\n',
    'sub/cpu/one.dtsi': '/ { one; };\n',
  };
  const include = (name: string, from: string): string => {
    const text = files[posix.join(posix.dirname(from), name)];
    if (text === undefined) throw new Error(`no ${name} beside ${from}`);
    return text;
  };
  const tree = parseSource('/dts-v1/;\n/include/ "soc.dtsi"\n', { file: 'sub/host.dts', include });
  t.not(tree.root.child('one') ?? tree.root.properties.get('one'), undefined);
});
