/** The words of the field: sources, documents, scenarios and tests keep to them (CONTRIBUTING.md, "Words"). */
import { readFileSync, globSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';

const project = path.resolve(import.meta.dirname, '..');

const own = 'test/words.test.ts';
const files = [
  ...globSync(
    '{src,machines,bench,bin,boards,firmware,scenarios,docs,test}/**/*.{ts,js,c,h,S,dts,dtsi,yaml,md,json}',
    {
      cwd: project,
    },
  ),
  ...globSync('*.md', { cwd: project }),
]
  .filter(file => file !== own)
  .toSorted();

const lines = files.flatMap(file =>
  readFileSync(path.join(project, file), 'utf8')
    .split('\n')
    .map((text, index) => ({ file, text, place: `${file}:${index + 1}` })),
);

interface Word {
  readonly word: RegExp;
  readonly instead: string;
  /** Lines in which the word is a name that stays. */
  readonly except?: RegExp;
}

const words: readonly Word[] = [
  // Recordings of schema 1 have the field `mend`: the reader still reads it.
  { word: /\bmend(s|ed|ing)?\b/i, instead: 'hint', except: /mend\?: unknown|: mend \}|"mend":|`mend`/ },
  { word: /\bfore(see|seen|saw)/i, instead: 'predict', except: /sci-foreseen-|CHANGELOG|`foreseen`/ },
  { word: /\bwhoever\b/i, instead: 'the caller, the holder, every domain: a noun' },
  { word: /\b(came?|comes) to nothing\b/, instead: 'failed, timed out' },
  { word: /\bnothing like (it|this|that)\b/, instead: 'not found in the console log' },
  { word: /\b(made )?of matter\b/, instead: 'physical board' },
  { word: /\bnobody knows\b/i, instead: 'unknown' },
  { word: /\bthe begin\b|\bbegin of\b/, instead: 'beginning, start' },
  { word: /\boutput is another\b/, instead: 'output mismatch: expected /.../, got "..."' },
  { word: /\bin vain\b/, instead: 'timed out, failed' },
  { word: /\bown affair\b/, instead: 'is not checked, is not counted' },
  { word: /\bso many\b/i, instead: 'a number with its unit' },
  { word: /\bneeded, [\w ]+ not\b/, instead: 'needs ...; runs without ...' },
];

for (const { word, instead, except } of words) {
  test(`no ${word.source} in sources, documents and tests: write ${instead}`, t => {
    const found = lines.filter(
      ({ text, file }) => word.test(text) && !except?.test(text) && file !== 'CHANGELOG.md',
    );
    t.deepEqual(
      found.map(({ place, text }) => `${place}: ${text.trim()}`),
      [],
    );
  });
}

test('a comment begins with a noun or a verb, not with what, who, whose or such', t => {
  const opening = /(\/\*\*?|\/\/|^\s*\*) (What|Who|Whose|Whoever|Such|So many|Where it) /;
  const found = lines.filter(({ text, file }) => /\.(ts|js|c|h|S)$/.test(file) && opening.test(text));
  t.deepEqual(
    found.map(({ place, text }) => `${place}: ${text.trim()}`),
    [],
  );
});
