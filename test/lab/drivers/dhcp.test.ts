/** dnsmasq with the lines of `scmi-hil dhcp-config`, asked as boards ask, in network namespaces. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { boardTypeNames, loadBoardType } from '../../../src/board/board-types.ts';
import { raspberryPiBoot } from '../../../src/lab/dhcp-config.ts';
import { imageNames } from '../../../src/lab/needed-images.ts';
import { scmiHil } from '../../cli/fake-process.ts';
import type { DhcpAsk, DhcpReply } from './dhcp-client.ts';

const run = promisify(execFile);
const canHaveNamespaces =
  spawnSync('unshare', ['-n', 'ip', 'link', 'add', 'type', 'veth'], { timeout: 5000 }).status === 0;
const withServer = canHaveNamespaces && spawnSync('dnsmasq', ['--version']).status === 0 ? test : test.skip;

const macAddress = 'd8:3a:dd:01:02:03';
const [address, server] = ['192.168.7.12', '192.168.7.1'];
const ascii = (text: string) => Buffer.from(text).toString('hex');

/** As the EEPROM of a Raspberry Pi 5 asks (raspberrypi/documentation, "Network booting"). */
const raspberryPi: DhcpAsk = {
  macAddress,
  wanted: [1, 3, 43, 60, 66, 67, 128, 129, 130, 131, 132, 133, 134, 135],
  options: {
    60: ascii('PXEClient:Arch:00000:UNDI:002001'),
    93: '0000',
    94: '010201',
    97: `00${ascii('RPi5')}0004c170dd01020389abcdef`,
  },
};
/** As U-Boot asks (net/bootp.c, dhcp_extended). */
const uBoot: DhcpAsk = {
  macAddress,
  wanted: [1, 3, 6, 12, 15, 17],
  options: { 57: '0240', 93: '0016', 94: '010000', 60: ascii('U-Boot.armv8') },
};

/** A server with these lines at one end of a wire, and at the other a board that asks it. */
async function ask(
  t: ExecutionContext,
  lines: readonly string[],
  board: DhcpAsk,
  timeout = 20_000,
): Promise<{ readonly offer: DhcpReply; readonly acknowledged: DhcpReply }> {
  const directory = mkdtempSync(join(tmpdir(), 'scmi-hil-dhcp-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const [lab, here] = [await namespace(t), await namespace(t)];
  await within(lab, `ip link add lab type veth peer name board netns ${here}`);
  await within(lab, `ip address add ${server}/24 dev lab`);
  await within(lab, 'ip link set lab up');
  await within(here, `ip link set board address ${board.macAddress}`);
  await within(here, 'ip link set board up');
  await within(here, 'ip route add default dev board');

  const file = join(directory, 'dnsmasq.conf');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const own = [
    '--keep-in-foreground',
    '--user=root',
    '--pid-file=',
    `--dhcp-leasefile=${join(directory, 'leases')}`,
  ];
  const words = ['-t', String(lab), '-n', 'dnsmasq', `--conf-file=${file}`, ...own, '--log-facility=-'];
  const dnsmasq = spawn('nsenter', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => ended(dnsmasq));
  let log = '';
  dnsmasq.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const client = [process.execPath, join(import.meta.dirname, 'dhcp-client.ts'), JSON.stringify(board)];
  try {
    const { stdout } = await run('nsenter', ['-t', String(here), '-n', ...client], { timeout });
    const [offer, acknowledged] = JSON.parse(stdout) as [DhcpReply, DhcpReply];
    return { offer, acknowledged };
  } catch (error) {
    throw new Error(`no answer: ${String(error)}\n${log}`, { cause: error });
  }
}

const within = (pid: number, command: string) =>
  run('nsenter', ['-t', String(pid), '-n', ...command.split(' ')]);

/** @returns a process that keeps a network namespace */
async function namespace(t: ExecutionContext): Promise<number> {
  const keeper = spawn('unshare', ['-n', 'sh', '-c', 'echo made; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => ended(keeper));
  await new Promise<void>((resolve, reject) => {
    keeper.stdout.once('data', () => resolve());
    keeper.once('exit', () => reject(new Error('no namespace')));
  });
  return keeper.pid ?? 0;
}

async function ended(child: ReturnType<typeof spawn>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise(resolve => {
    child.once('exit', resolve);
  });
  child.kill('SIGKILL');
  await gone;
}

/** dnsmasq ends texts with a NUL, for clients that expect one. */
function textOf(option: string | undefined): string {
  return Buffer.from(option ?? '', 'hex')
    .toString()
    .replace(/\0$/, '');
}

/** Output of the command for a board of a lab. */
async function configuration(t: ExecutionContext, type: string): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'scmi-hil-lab-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const images = Object.fromEntries(imageNames(loadBoardType(type)).map(name => [name, name]));
  const board = {
    type,
    serial: { kind: 'tcp', host: '127.0.0.1', port: 7001 },
    power: { kind: 'ask' },
    network: { address, server, macAddress },
    ssh: { identity: { kind: 'agent' } },
    images,
  };
  const lab = join(directory, 'lab.yaml');
  writeFileSync(lab, JSON.stringify({ schema: 1, boards: { 'board-01': board } }));
  const { code, out, err } = await scmiHil(['dhcp-config', 'board-01', '--lab', lab], { cwd: directory });
  t.is(code, 0, err);
  return out.split('\n');
}

for (const type of boardTypeNames().filter(name => loadBoardType(name).emulator === undefined)) {
  withServer(`dnsmasq serves a ${type} with the lines of dhcp-config`, async t => {
    const board = type === 'rpi5' ? raspberryPi : uBoot;
    const { offer, acknowledged } = await ask(t, await configuration(t, type), board);
    for (const reply of [offer, acknowledged]) {
      t.is(reply.address, address);
      t.is(reply.options[1], 'ffffff00');
      t.is(reply.options[3], undefined);
      t.is(textOf(reply.options[66]), server);
    }
  });
}

withServer('the EEPROM of a Raspberry Pi gets all without which it does not go on', async t => {
  const { offer, acknowledged } = await ask(t, await configuration(t, 'rpi5'), raspberryPi);
  for (const { nextServer, file, options } of [offer, acknowledged]) {
    t.is(nextServer, server);
    // In the field, or in option 67 for who asks for it.
    t.is(
      file ||
        Buffer.from(options[67] ?? '', 'hex')
          .toString()
          .replace(/\0$/, ''),
      'config.txt',
    );
    t.is(options[43], Buffer.from(raspberryPiBoot()).toString('hex'));
    t.true(options[43]?.startsWith('0601030a0400505845091400001152617370'));
  }
});

withServer("a board that is not the lab's gets no answer", async t => {
  const other = { ...uBoot, macAddress: 'd8:3a:dd:99:99:99' };
  await t.throwsAsync(ask(t, await configuration(t, 'rpi5'), other, 3000), {
    message: /no address available/,
  });
});
