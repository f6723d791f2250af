import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import test from 'ava';

const project = resolve(import.meta.dirname, '..');

/** Which rooms a room may import from, beside itself. Absent: not restricted here. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'src/dt': [],
  'src/scmi': [],
  'src/console': [],
  'src/xen': ['src/scmi', 'src/dt', 'src/model/observation.ts'],
  'src/linux': ['src/scmi', 'src/dt', 'src/xen/guest.ts', 'src/model/observation.ts'],
  'src/probe': ['src/scmi', 'src/xen/guest.ts', 'src/scenario/scenario.ts'],
  'src/model': [
    'src/xen',
    'src/linux',
    'src/probe',
    'src/scmi',
    'src/dt',
    'src/scenario/scenario.ts',
    'src/board/board-type.ts',
  ],
  'src/lint': ['src/model', 'src/xen', 'src/linux', 'src/scmi', 'src/dt', 'src/scenario/scenario.ts'],
  'src/explore': [
    'src/model',
    'src/probe',
    'src/verify',
    'src/console',
    'src/recording/event.ts',
    'src/xen',
    'src/linux',
    'src/scmi',
    'src/dt',
    'src/scenario/scenario.ts',
    'src/board/board-type.ts',
  ],
  'src/verify': ['src/model', 'src/console', 'src/recording/event.ts', 'src/recording/bytes.ts'],
  'src/drivers': [],
  'src/recording': [],
  'src/virtual': [
    'src/drivers',
    'src/model',
    'src/probe',
    'src/linux',
    'src/xen',
    'src/scmi',
    'src/dt',
    'src/board',
  ],
  'src/run': [
    'machines',
    'src/board',
    'src/drivers',
    'src/images',
    'src/console',
    'src/recording',
    'src/model',
    'src/verify',
    'src/probe',
    'src/scenario',
    'src/linux',
    'src/dt',
  ],
  'src/doctor': [
    'src/board',
    'src/drivers',
    'src/images',
    'src/model',
    'src/recording',
    'src/run',
    'src/scenario',
    'src/verify',
    'machines/fault.ts',
  ],
  'src/init': ['src/board', 'src/report/printable.ts'],
  machines: [],
};

/** Rooms without I/O and without a clock: same input, same output. */
const pure = [
  'src/dt',
  'src/scmi',
  'src/console',
  'src/xen',
  'src/linux',
  'src/probe',
  'src/model',
  'src/lint',
  'src/explore',
  'src/verify',
  'machines',
];

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isTypeOnly: boolean;
}

test('rooms import only from the rooms that the architecture allows', t => {
  const wrong = Object.entries(allowed).flatMap(([room, targets]) =>
    importsOf(room).filter(({ target, isTypeOnly }) => {
      if (!target.startsWith('src/') && !target.startsWith('machines/')) return false;
      if (isTypeOnly && room === 'machines') return false;
      return ![room, ...targets].some(each => target === each || target.startsWith(`${each}/`));
    }),
  );
  t.deepEqual(wrong.map(describe), []);
});

test('pure rooms import nothing from Node and read no clock', t => {
  const wrong = pure.flatMap(room => importsOf(room).filter(({ target }) => target.startsWith('node:')));
  t.deepEqual(wrong.map(describe), []);
  const clocks = pure
    .flatMap(sourcesOf)
    .filter(file =>
      /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bsetTimeout\(/.test(
        readFileSync(join(project, file), 'utf8'),
      ),
    );
  t.deepEqual(clocks, []);
});

test('machines import nothing but xstate', t => {
  const packages = importsOf('machines').filter(
    ({ target, isTypeOnly }) => !isTypeOnly && !target.startsWith('machines/'),
  );
  t.deepEqual([...new Set(packages.map(({ target }) => target))], ['xstate']);
});

test('only the board room opens virtual boards', t => {
  const importers = sourcesOf('src')
    .flatMap(importsOfFile)
    .filter(({ file, target }) => target.startsWith('src/virtual/') && !file.startsWith('src/virtual/'));
  t.deepEqual([...new Set(importers.map(({ file }) => dirname(file)))], ['src/board']);
});

function describe({ file, target }: Import): string {
  return `${file} imports ${target}`;
}

function importsOf(room: string): readonly Import[] {
  return sourcesOf(room).flatMap(importsOfFile);
}

function importsOfFile(file: string): readonly Import[] {
  const text = readFileSync(join(project, file), 'utf8');
  const found = text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm,
  );
  return [...found].map(([, type, from, dynamic]) => {
    const name = from ?? dynamic ?? '';
    const target = name.startsWith('.') ? relative(project, resolve(project, dirname(file), name)) : name;
    return { file, target, isTypeOnly: type !== undefined };
  });
}

function sourcesOf(room: string): readonly string[] {
  return readdirSync(join(project, room), { recursive: true })
    .map(name => join(room, String(name)))
    .filter(name => name.endsWith('.ts') && statSync(join(project, name)).isFile());
}
