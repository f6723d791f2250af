/** The ways of docs/architecture.md: short, and along files and functions that exist. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';

const project = path.resolve(import.meta.dirname, '..');
const page = readFileSync(path.join(project, 'docs/architecture.md'), 'utf8');
const ways = page.split(/^### /m).slice(1);

const most: readonly (readonly [way: RegExp, stops: number])[] = [
  [/^One virtual run/, 30],
  [/^`scmi-secondary-agents`/, 16],
  [/^A byte of the serial port/, 15],
];

for (const [title, limit] of most) {
  test(`the way "${title.source}" of docs/architecture.md has at most ${limit} stops, and each exists`, t => {
    const way = ways.find(each => title.test(each)) ?? '';
    const stops = [...way.matchAll(/^\d+\. `([^`]+)`: `([^`]+)`/gm)];
    t.true(stops.length >= 5 && stops.length <= limit, `${stops.length} stops`);
    for (const [, file = '', name = ''] of stops) {
      const text = existsSync(path.join(project, file)) ? readFileSync(path.join(project, file), 'utf8') : '';
      t.true(
        isDeclared(text, name),
        `${file} has no ${name}: name the stop that took its place in docs/architecture.md, "Ways through the code"`,
      );
    }
  });
}

/** A function, class, type or machine of that name, a method, or a key of a table. */
function isDeclared(text: string, name: string): boolean {
  const escaped = name.replaceAll('.', String.raw`\.`);
  return new RegExp(
    String.raw`(function|class|const|interface|type) ${escaped}\b|^  (async )?#?${escaped}\(|'${escaped}':`,
    'm',
  ).test(text);
}
