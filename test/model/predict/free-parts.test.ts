/** Every digit of a predicted line of Xen, of the kernels and of the toolstack is pinned, unless it is named as free. */
import test from 'ava';
import { loadBoardType } from '../../../src/board/board-types.ts';
import { predict } from '../../../src/model/predict/predict.ts';
import type { Prediction } from '../../../src/model/predict/prediction.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';

/** Digits that may be another one and the pattern still matches, without being named as free. */
function loose({ console }: Prediction): string[] {
  return console.flatMap(({ text, pattern, free = [] }) => {
    const form = new RegExp(pattern);
    return [...text.matchAll(/\d/g)].flatMap(({ index, 0: digit }) => {
      if (free.some(({ from, to }) => index >= from && index < to)) return [];
      const other = text.slice(0, index) + ((Number(digit) + 1) % 10) + text.slice(index + 1);
      return form.test(other) ? [`${other} for ${text}`] : [];
    });
  });
}

const board = loadBoardType('rpi5');
for (const name of [
  'dom0-and-guest',
  'guest-asks-for-taken-agent',
  'two-cell-list',
  'guest-without-page',
  'dom0-doorbell-not-rewritten',
]) {
  test(`digits of ${name}: what is not named as free is pinned, and what is named is free`, t => {
    const prediction = predict(loadScenario(findScenario(name, '.').file, board));
    t.deepEqual(loose(prediction), []);
    t.true(prediction.console.some(({ free }) => free !== undefined));
    for (const { text, pattern, free = [] } of prediction.console) {
      t.regex(text, new RegExp(pattern));
      for (const { from, to, because } of free)
        t.true(from < to && to <= text.length && because !== '', text);
    }
  });
}

const virt = loadBoardType('qemu-virt');
for (const name of [
  'firmware-alone-smc-not-supported',
  'firmware-alone-wrong-length',
  'probe-rings-another-doorbell',
]) {
  test(`answers of the probe in ${name}: what is not named as free is pinned`, t => {
    const { expectations } = predict(loadScenario(findScenario(name, '.').file, virt));
    const answers = expectations.filter(
      ({ kind, source, pattern, claim }) =>
        kind === 'answer' && source === 'probe' && pattern !== '' && claim === undefined,
    );
    t.true(answers.some(({ free }) => free !== undefined));
    for (const { text, pattern, free = [] } of answers) {
      const start = text.indexOf('` with ') + '` with '.length;
      const form = new RegExp(pattern);
      t.regex(text.slice(start), form);
      for (const { from, to, because } of free)
        t.true(start < from && from < to && to <= text.length && because !== '', text);
      const loose = [...text.slice(start).matchAll(/\d/g)].flatMap(({ index, 0: digit }) => {
        const at = start + index;
        if (free.some(({ from, to }) => at >= from && at < to)) return [];
        const other = text.slice(start, at) + ((Number(digit) + 1) % 10) + text.slice(at + 1);
        return form.test(other) ? [other] : [];
      });
      t.deepEqual(loose, [], text);
    }
  });
}
