import test from 'ava';
import { systemClock } from '../../src/run/clock.ts';
import { endGuest, rowOf } from '../../src/run/guest-end.ts';

const header = 'Name                                        ID   Mem VCPUs\tState\tTime(s)';
const row = (name: string, domid: number, state: string) =>
  `${name.padEnd(40)} ${String(domid).padStart(5)}   256     1     ${state}       0.4`;
const listing = (...rows: readonly string[]) =>
  `${[header, row('Domain-0', 0, 'r-----'), ...rows].join('\n')}\n`;

const before = row('d2', 1, '-b----');
const rows = [
  ['guest-powers-off', '', [before, ''], 'gone'],
  ['guest-powers-off', 'on_poweroff = "preserve"', [before, row('d2', 1, '---s--')], 'halted'],
  ['guest-powers-off', "on_poweroff='restart'", ['', row('d2', 2, '-b----')], 'restarted'],
  ['guest-reboots', '', [before, '', row('d2', 2, 'r-----')], 'restarted'],
  ['guest-reboots', 'on_reboot = "destroy"', [before, row('d2', 1, '---s--'), ''], 'gone'],
  ['guest-crashes', '', [], 'halted'],
  ['guest-powers-off', '', [before], 'unchanged'],
] as const;

for (const [how, setting, seen, end] of rows) {
  test(`${how} with '${setting}' after which xl list shows ${seen.length} states leaves it ${end}`, async t => {
    const listings = [before, ...seen];
    const typed: string[] = [];
    const shells = {
      read: async () => {
        const each = (listings.length > 1 ? listings.shift() : listings[0]) ?? '';
        return { status: 0, stdout: each === '' ? listing() : listing(each), stderr: '' };
      },
      run: async (domain: string, command: string) => {
        typed.push(`${domain}$ ${command}`);
        throw new Error('the connection is closed');
      },
      forget: async (domain: string) => void typed.push(`${domain} is forgotten`),
    };
    const guest = { name: 'guest', config: `name = "d2"\n${setting}\n`, origin: '', files: new Map() };
    const parts = {
      shells,
      clock: systemClock(),
      list: 'xl list',
      patience: end === 'unchanged' ? 100 : 20_000,
    };
    t.is(await endGuest(guest, how, parts, new AbortController().signal), end);
    t.regex(typed[0] ?? '', /^d2\$ (?:poweroff|reboot|echo c > \/proc\/sysrq-trigger)$/);
    t.is(typed[1], 'd2 is forgotten');
  });
}

test('a domain is found by its whole name', t => {
  const text = listing(row('d22', 4, '-b----'), row('d2', 7, 'r-----'));
  t.deepEqual(rowOf(text, 'd2'), { domid: 7, state: 'r-----' });
  t.is(rowOf(text, 'd'), undefined);
});
