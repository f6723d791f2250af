/** Every digit of a predicted line or answer is pinned, unless the prediction names it as free. */
import test from 'ava';
import { loadBoardType } from '../../../src/board/board-types.ts';
import { predict } from '../../../src/model/predict/predict.ts';
import type { FreePart } from '../../../src/model/trace/observation.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';

interface Predicted {
  readonly text: string;
  readonly pattern: string;
  readonly free?: readonly FreePart[];
}

/** Digits from `start` on that may be another one and the pattern still matches, without being named as free. */
function looseDigits({ text, pattern, free = [] }: Predicted, start = 0): string[] {
  const form = new RegExp(pattern);
  return [...text.matchAll(/\d/g)].flatMap(({ index, 0: digit }) => {
    if (index < start || free.some(({ from, to }) => index >= from && index < to)) return [];
    const other = text.slice(start, index) + ((Number(digit) + 1) % 10) + text.slice(index + 1);
    return form.test(other) ? [other] : [];
  });
}

const isNamed = (text: string, { from, to, because }: FreePart): boolean =>
  from < to && to <= text.length && because !== '';

const board = loadBoardType('rpi5');
for (const name of [
  'dom0-and-guest',
  'guest-asks-for-taken-agent',
  'two-cell-list',
  'guest-without-page',
  'dom0-doorbell-not-rewritten',
]) {
  test(`digits of ${name}: what is not named as free is pinned, and what is named is free`, t => {
    const { console } = predict(loadScenario(findScenario(name, '.').file, board));
    t.true(console.some(({ free }) => free !== undefined));
    for (const line of console) {
      t.regex(line.text, new RegExp(line.pattern));
      t.deepEqual(looseDigits(line), []);
      t.true(line.free?.every(part => isNamed(line.text, part)) ?? true, line.text);
    }
  });
}

const virtualMachine = loadBoardType('qemu-virt');
for (const name of [
  'firmware-alone-smc-not-supported',
  'firmware-alone-wrong-length',
  'probe-rings-another-doorbell',
]) {
  test(`answers of the probe in ${name}: what is not named as free is pinned`, t => {
    const { expectations } = predict(loadScenario(findScenario(name, '.').file, virtualMachine));
    const answers = expectations.filter(
      ({ source, pattern, claim }) => source === 'probe' && pattern !== '' && claim === undefined,
    );
    t.true(answers.some(({ free }) => free !== undefined));
    for (const answer of answers) {
      const before = '` with ';
      const start = answer.text.indexOf(before) + before.length;
      t.regex(answer.text.slice(start), new RegExp(answer.pattern));
      t.deepEqual(looseDigits(answer, start), []);
      t.true(answer.free?.every(part => isNamed(answer.text, part)) ?? true, answer.text);
    }
  });
}
