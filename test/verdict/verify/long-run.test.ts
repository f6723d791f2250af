import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { Expectation } from '../../../src/model/predict/prediction.ts';
import { align, alignTexts } from '../../../src/verdict/verify/align.ts';
import { Kept } from '../../../src/verdict/verify/evidence/kept.ts';
import type { SeenLine } from '../../../src/verdict/verify/observation.ts';

const project = path.resolve(import.meta.dirname, '../../..');

const expectation: Expectation = {
  id: 'boot.linux.1',
  kind: 'line',
  phase: 'boot',
  source: 'linux',
  domid: 0,
  text: 'a clock is on',
  pattern: '^a clock is on$',
  reason: { rule: 'test', because: 'a test' },
};

function keptOf(texts: Iterable<string>, of: Partial<SeenLine> = {}): readonly string[] {
  const kept = new Kept({ expectations: [expectation] });
  let line = 0;
  for (const text of texts)
    kept.line({ line: ++line, talker: 'linux', domid: 0, text, phase: 'boot', ...of }, 'main');
  return kept.lines.map(({ text }) => text);
}

const filler = (count: number) => Array.from({ length: count }, (_, index) => `a driver works: ${index}`);

function rate(one: string, other: string): number {
  if (one === other) return 1;
  return one === other.trim() ? 0.5 : 0;
}

function node(...args: readonly string[]) {
  return spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
}

test('of a run of any length few lines are kept, and what the prediction expects is among them', t => {
  const lines = keptOf([...filler(40_000), 'a clock is on', ...filler(40_000)]);
  t.true(lines.length < 10_000, `${lines.length} lines`);
  t.true(lines.includes('a clock is on'));
  t.is(lines.at(-1), 'a driver works: 39999');
});

test('a line that a rule of the verdict speaks of is kept, however late it comes', t => {
  const late = [
    ['xen', 'scmi: Agent 3 SMC 0x82000002 shmem 0x4f0000'],
    ['xen', 'd1v0 Unhandled SMC/HVC: 0x82000012'],
    ['xl', 'libxl: error: libxl_arm.c:102: failed'],
    ['linux', 'arm-scmi arm-scmi.0.auto: unable to communicate'],
    ['linux', 'Linux version 5.10.1 (a@b)'],
  ] as const;
  for (const [talker, text] of late)
    t.true(keptOf([...filler(10_000), text, ...filler(9)], { talker }).includes(text), text);
});

test('of a line that is said again and again the first ones and the last are kept', t => {
  const flood = Array.from(
    { length: 100_000 },
    (_, index) => `d1v0 Unhandled SMC/HVC: 0x8200001${index % 3}`,
  );
  const lines = keptOf([...flood, 'scmi: the end'], { talker: 'xen' });
  t.true(lines.length < 10_000, `${lines.length} lines`);
  t.is(lines.at(-1), 'scmi: the end');
});

test('a line of a kernel counts once, though dmesg prints it again', t => {
  const lines = keptOf(['a clock is on', 'a clock is on'], { stamp: 1.5 });
  t.deepEqual(lines, ['a clock is on']);
});

test('two long texts are aligned as short ones are', t => {
  const said = filler(1500).flatMap((text, index) => (index % 50 === 0 ? [text, '****'] : [text]));
  const seen = said
    .filter((_, index) => index % 97 !== 0)
    .map((text, index) => (index % 89 === 0 ? `${text} ` : text));
  const whole = align(said.length, seen.length, (e, s) => rate(said[e] ?? '', seen[s] ?? ''));
  const pairs = alignTexts(said, seen, rate);
  t.is(pairs.length, whole.length);
  t.true(pairs.every((pair, index) => index === 0 || pair.seen > (pairs[index - 1]?.seen ?? 0)));
  const same = Array.from({ length: 3000 }, () => 'the same');
  t.is(alignTexts(same, same.slice(10), rate).length, 2990);
});

test('the verdict of a long run needs little memory', t => {
  t.timeout(240_000);
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-long-'));
  try {
    t.is(node('bench/long-recording.ts', directory, '30').status, 0);
    // All of its events take 200 MB, and more with their lines.
    const verified = node('--max-old-space-size=100', 'bin/scmi-hil.js', 'verify', directory);
    t.is(verified.status, 0, verified.stderr);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
