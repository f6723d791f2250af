import test from 'ava';
import { caseDirectories } from './cases.ts';
import { compareCase } from './compare.ts';

const cases = caseDirectories();
if (cases.length > 0) {
  for (const { name, directory } of cases) {
    test(`the boot ${name} is predicted as it was recorded`, t => {
      const { undefined: open, ...comparison } = compareCase(directory);
      if (open !== null) {
        t.true(comparison.prediction.undefined.length > 0, `the model does not see that ${open}`);
        return;
      }
      t.is(comparison.xen, null);
      t.is(comparison.toolstack, null);
      t.is(comparison.xenMessages, null);
      t.is(comparison.allMessages, null);
    });
  }
} else {
  test.skip('recorded boots are predicted as they were recorded (no corpus beside the project)', t =>
    t.pass());
}
