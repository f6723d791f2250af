/**
 * Predicts every case of the corpus and says which come out exactly as they were recorded.
 *
 *     node test/corpus/corpus.ts [DIRECTORY] [CASE...]
 *
 * Exit status 0: all of them; 1: not all; 2: there is no corpus.
 */
import { existsSync } from 'node:fs';
import { argv, exit, stdout } from 'node:process';
import { caseDirectories, corpora } from './cases.ts';
import { compareCase, type Comparison } from './compare.ts';

const [first, ...others] = argv.slice(2);
const given = first !== undefined && existsSync(first);
const directories = given ? [first] : corpora;
const names = given || first === undefined ? others : [first, ...others];
if (directories.length === 0) {
  stdout.write('there is no corpus beside the project\n');
  exit(2);
}

const compared = caseDirectories(directories)
  .filter(({ name }) => names.length === 0 || names.includes(name))
  .map(({ directory }) => compareCase(directory));
const defined = compared.filter(each => each.undefined === null);

const parts = [
  ['Xen lines', 'xen'],
  ['xl lines and exit statuses', 'toolstack'],
  ["messages of Xen's agent", 'xenMessages'],
  ['messages of all agents', 'allMessages'],
] as const;
for (const each of compared) report(each);
for (const [words, part] of parts) {
  const exact = defined.filter(each => each[part] === null).length;
  stdout.write(`${words}: ${exact} exact / ${defined.length}\n`);
}
for (const { name, undefined: why } of compared) {
  if (why !== null) stdout.write(`left out: ${name} (${why})\n`);
}
const failing = defined.filter(each => parts.some(([, part]) => each[part] !== null));
exit(failing.length === 0 ? 0 : 1);

function report({ name, undefined: open, ...comparison }: Comparison): void {
  if (open !== null) return;
  const differences = parts.flatMap(([words, part]) => {
    const difference = comparison[part];
    return difference === null ? [] : [`  ${words}: ${difference}`];
  });
  if (differences.length > 0) stdout.write(`${name}\n${differences.join('\n')}\n`);
}
