import test from 'ava';
import { faultDeadlines, stretchedDeadlines } from '../../src/lab/virtual-faults.ts';

test('the deadlines of trials follow the load of the machine, up to a limit', t => {
  t.deepEqual(stretchedDeadlines(0, 2), faultDeadlines);
  t.deepEqual(stretchedDeadlines(2, 2), faultDeadlines);
  t.is(stretchedDeadlines(8, 2).powerOn, 4 * faultDeadlines.powerOn);
  t.is(stretchedDeadlines(8, 2).settle, faultDeadlines.settle);
  t.is(stretchedDeadlines(100, 2).dom0, 6 * faultDeadlines.dom0);
});
