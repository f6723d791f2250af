import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { circlesIn } from './circles.ts';

const project = path.resolve(import.meta.dirname, '..');

/** The rooms from the top down. A room imports from the rooms below it, types included, never from one above or beside it. */
const floors: readonly (readonly string[])[] = [
  ['bench'],
  ['src/cli'],
  ['src/trials', 'src/doctor', 'src/serve'],
  ['src/run'],
  ['machines'],
  ['src/lab'],
  ['src/verdict'],
  ['src/scenario'],
  ['src/board'],
  ['src/model'],
  ['src/config'],
];

/** The same inside the rooms that have rooms of their own; `.` is the files directly in it. */
const innerFloors: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'src/model': [['lint'], ['predict'], ['linux', 'probe', 'xl'], ['xen'], ['dt', 'trace'], ['scmi']],
  'src/verdict': [['history'], ['report'], ['verify', 'diagnosis'], ['recording', 'console']],
  'src/trials': [['mutants', 'faults'], ['explore']],
  'src/lab': [['init'], ['.'], ['virtual', 'images'], ['drivers']],
};

/** Rooms without I/O and without a clock: same input, same output. */
const pure = [
  'src/model',
  'src/verdict/console',
  'src/verdict/verify',
  'src/trials/explore',
  'src/trials/mutants',
  'machines',
];

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isTypeOnly: boolean;
}

test('every source file stands in a room of the order', t => {
  const rooms = new Set(floors.flat());
  t.deepEqual(
    sources.filter(file => !rooms.has(roomOf(file))),
    [],
  );
});

test('rooms import only from the rooms below them', t => {
  const wrong = imports.filter(({ file, target }) => {
    const [from, to] = [floorOf(roomOf(file)), floorOf(roomOf(target))];
    return roomOf(file) !== roomOf(target) && from >= to;
  });
  t.deepEqual(wrong.map(describe), []);
});

test('rooms inside a room import only from those below them', t => {
  const wrong = imports.filter(({ file, target }) => {
    const inner = innerFloors[roomOf(file)];
    if (inner === undefined || roomOf(file) !== roomOf(target)) return false;
    const [from, to] = [innerRoomOf(file), innerRoomOf(target)];
    const floor = (room: string) => inner.findIndex(each => each.includes(room));
    return from !== to && floor(from) >= floor(to);
  });
  t.deepEqual(wrong.map(describe), []);
});

test('no files import each other in a circle, not even types', t => {
  t.deepEqual(circles(), []);
});

test('pure rooms import nothing from Node and read no clock', t => {
  const wrong = imports.filter(({ file, target }) => isPure(file) && target.startsWith('node:'));
  t.deepEqual(wrong.map(describe), []);
  const clocks = sources.filter(
    file =>
      isPure(file) && /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bsetTimeout\(/.test(textOf(file)),
  );
  t.deepEqual(clocks, []);
});

test('machines import xstate, types, and the pure vocabulary of consoles', t => {
  const targets = imports
    .filter(({ file, target, isTypeOnly }) => {
      return roomOf(file) === 'machines' && !isTypeOnly && !target.startsWith('machines/');
    })
    .map(({ target }) => target)
    .filter(target => !target.startsWith('src/verdict/console/vocabulary/'));
  t.deepEqual([...new Set(targets)], ['xstate']);
});

test('only the lab opens virtual boards', t => {
  const importers = imports.filter(
    ({ file, target }) =>
      file.startsWith('src/') &&
      target.startsWith('src/lab/virtual/') &&
      !file.startsWith('src/lab/virtual/'),
  );
  t.deepEqual([...new Set(importers.map(({ file }) => path.dirname(file)))], ['src/lab']);
});

const sources: readonly string[] = ['src', 'machines', 'bench']
  .flatMap(directory =>
    readdirSync(path.join(project, directory), { recursive: true }).map(name =>
      path.join(directory, String(name)),
    ),
  )
  .filter(name => name.endsWith('.ts'))
  .toSorted();

const imports: readonly Import[] = sources.flatMap(importsOfFile);

function textOf(file: string): string {
  return readFileSync(path.join(project, file), 'utf8');
}

function importsOfFile(file: string): readonly Import[] {
  const found = textOf(file).matchAll(
    /^\s*(?:import|export)\s+(type\s)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm,
  );
  return [...found].map(([, type, from, dynamic]) => {
    const name = from ?? dynamic ?? '';
    const target = name.startsWith('.')
      ? path.relative(project, path.resolve(project, path.dirname(file), name))
      : name;
    return { file, target, isTypeOnly: type !== undefined };
  });
}

/** `src/lab` of `src/lab/virtual/board.ts`, `machines` of `machines/run.ts`. */
function roomOf(file: string): string {
  const parts = file.split('/');
  return parts[0] === 'src' ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

/** `virtual` of `src/lab/virtual/board.ts`, `.` of `src/lab/lab.ts`. */
function innerRoomOf(file: string): string {
  const [, , room, ...rest] = file.split('/');
  return rest.length > 0 && room !== undefined ? room : '.';
}

/** Packages, which every room may import, lie below all rooms. */
function floorOf(room: string): number {
  const floor = floors.findIndex(each => each.includes(room));
  return floor === -1 ? floors.length : floor;
}

/** The groups of files that reach each other by imports. */
function circles(): readonly (readonly string[])[] {
  const targets = new Map(sources.map(file => [file, [] as string[]]));
  for (const { file, target } of imports) if (targets.has(target)) targets.get(file)?.push(target);
  return circlesIn(targets);
}

function isPure(file: string): boolean {
  return pure.some(room => file.startsWith(`${room}/`));
}

function describe({ file, target }: Import): string {
  return `${file} imports ${target}`;
}
