import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { dhcpConfiguration, raspberryPiBoot } from '../../src/lab/dhcp-config.ts';

const board = {
  name: 'rpi5-01',
  asks: 'eeprom',
  macAddress: 'D8:3A:DD:01:02:03',
  address: '192.168.7.12',
  server: '192.168.7.1',
  netmask: '255.255.255.0',
} as const;

test('a Raspberry Pi gets the option 43 that its EEPROM waits for', t => {
  t.is(
    Buffer.from(raspberryPiBoot()).toString('latin1'),
    '\x06\x01\x03\x0a\x04\x00PXE\x09\x14\x00\x00\x11Raspberry Pi Boot\xff',
  );
});

test('a Raspberry Pi gets its address, a boot file name and the server', t => {
  const lines = dhcpConfiguration(board);
  t.true(lines.includes('dhcp-range=192.168.7.0,static,255.255.255.0,1h'));
  t.true(lines.includes('dhcp-host=d8:3a:dd:01:02:03,set:rpi5-01,192.168.7.12'));
  t.true(lines.includes('dhcp-boot=tag:rpi5-01,config.txt,,192.168.7.1'));
  t.true(
    lines.some(line => line.startsWith('dhcp-option-force=tag:rpi5-01,43,06:01:03:0a:04:00:50:58:45:09:14')),
  );
});

test('a board with U-Boot gets no boot file and no PXE menu', t => {
  const text = dhcpConfiguration({ ...board, asks: 'u-boot' }).join('\n');
  t.regex(text, /dhcp-host=d8:3a:dd:01:02:03/);
  t.notRegex(text, /dhcp-boot|,43,/);
});

test('without an Ethernet address the range is the one address', t => {
  const text = dhcpConfiguration({ ...board, macAddress: undefined }).join('\n');
  t.notRegex(text, /dhcp-host/);
  t.regex(text, /dhcp-range=set:rpi5-01,192\.168\.7\.12,192\.168\.7\.12,/);
});

const hasDnsmasq = spawnSync('dnsmasq', ['--version']).status === 0;
for (const asks of ['u-boot', 'eeprom'] as const) {
  for (const macAddress of [board.macAddress, undefined]) {
    const title = `dnsmasq takes the lines for ${asks} ${macAddress === undefined ? 'without' : 'with'} an Ethernet address`;
    (hasDnsmasq ? test : test.skip)(title, t => {
      const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-dhcp-'));
      t.teardown(() => rmSync(directory, { recursive: true }));
      const file = path.join(directory, 'dnsmasq.conf');
      writeFileSync(file, `${dhcpConfiguration({ ...board, asks, macAddress }).join('\n')}\n`);
      const { status, stderr } = spawnSync('dnsmasq', ['--test', `--conf-file=${file}`], { timeout: 5000 });
      t.is(status, 0, stderr.toString());
    });
  }
}
