/** A run whose recording lacks its secrets has the same verdict. */
import test from 'ava';
import { passedRun } from './passed-run.ts';

test('passwords that the prediction contains fail no run, and other secrets are not recorded', async t => {
  t.timeout(120_000);
  const secrets = ['scmi-hil', 'dom0-and-guest', 'virtual-v4h', '/root/scmi', 'clk_summary', 'Tr0ub4dor&3'];
  const { events } = await passedRun('dom0-and-guest', 'virtual-v4h', secrets);
  const text = JSON.stringify(events);
  t.true(text.includes('/root/scmi-hil/guest.cfg'));
  t.false(text.includes('[redacted]'));
});
