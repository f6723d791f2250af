import test from 'ava';
import { emptyPrediction } from '../../../src/model/predict/prediction.ts';
import { linesOf } from '../../../src/verdict/verify/evidence/text-lines.ts';
import { judgeConsole } from '../../../src/verdict/verify/judge.ts';

/** Far more than linear time takes on a machine that is loaded many times over, far less than quadratic time. */
const most = 10_000;

function milliseconds(act: () => void): number {
  const { user } = process.cpuUsage();
  act();
  return (process.cpuUsage().user - user) / 1000;
}

test('lines are split as before, without the carriage returns before a newline', t => {
  t.deepEqual(linesOf('one\r\r\ntwo\nth\rree\r'), ['one', 'two', 'th\rree\r']);
});

test('a million carriage returns are split in linear time', t => {
  const flood = '\r'.repeat(1_000_000);
  t.true(milliseconds(() => linesOf(`${flood}x${flood}\n`)) < most);
});

for (const [what, text] of [
  ['carriage returns', '\r'],
  ['colons', ':'],
  ['at signs', 'a@'],
  ['blanks', ' '],
  ['hashes', '# '],
  ['prefixes of Xen', '(XEN) '],
  ['digits', '[ 1.000000] '],
] as const) {
  test(`a console log of ${what} is judged in linear time`, t => {
    const log = new TextEncoder().encode(
      `(XEN) Freed 400kB init memory.\r\n${text.repeat(200_000 / text.length)}`,
    );
    const spent = milliseconds(() => judgeConsole({ prediction: emptyPrediction, log }));
    t.true(spent < most, `${spent} ms`);
  });
}
