import test from 'ava';
import { faultTable } from '../../../src/lab/virtual-faults.ts';
import { faultGroups, faultTests } from './fault-trial.ts';

test('every fault of the table is tried', t => {
  const tried: readonly string[] = Object.values(faultGroups).flat();
  t.deepEqual(tried.toSorted(), faultTable.map(({ name }) => name).toSorted());
});

faultTests(faultGroups.slow, 9);
