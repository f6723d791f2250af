/** The C sources of firmware/: what includes what. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { circlesIn } from '../circles.ts';

const root = path.join(projectDirectory, 'firmware');
const files = globSync('**/*.{c,h,S}', { cwd: root });

/** Files that one may include: in its own directory, or in one that a Makefile names. */
function included(file: string): string[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  return [...text.matchAll(/^#include "(.+)"$/gm)].flatMap(([, name = '']) => {
    const beside = path.normalize(path.join(path.dirname(file), name));
    return files.includes(beside) ? [beside] : files.filter(each => each.endsWith(`/${name}`));
  });
}

test('no C files of firmware/ include each other in a circle', t => {
  const graph = new Map(files.map(file => [file, included(file)]));
  t.true([...graph.values()].flat().length > files.length);
  t.deepEqual(circlesIn(graph), []);
});

test('a circle of includes would be found', t => {
  const graph = new Map([
    ['a.h', ['b.h']],
    ['b.h', ['c.h']],
    ['c.h', ['a.h']],
    ['d.c', ['a.h']],
  ]);
  t.deepEqual(circlesIn(graph), [['a.h', 'b.h', 'c.h']]);
});
