import { existsSync } from 'node:fs';
import test from 'ava';
import { spawnSync } from 'node:child_process';
import { qemuCommandLine } from '../../../src/lab/drivers/qemu/command-line.ts';
import { openEmulatedBoard, tryNamespace } from '../../../src/lab/drivers/qemu/emulated-board.ts';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';

const why = await cannotEmulate();
const wires = {
  console: '/t/c',
  uarts: new Map([['secure', '/t/a,b']]),
  monitor: '/t/m',
  network: { kind: 'tap', tap: 'tap0' },
  macAddress: '52:54:00:00:00:01',
} as const;

test('the command line has the machine, then its wires; a comma in a path is doubled', t => {
  const machine = { program: 'qemu', arguments: ['-machine', 'virt', '-bios', '${firmware}'] };
  const line = qemuCommandLine(machine, new Map([['firmware', '/x/el3,1.bin']]), wires);
  t.deepEqual(line.slice(0, 5), ['qemu', '-machine', 'virt', '-bios', '/x/el3,,1.bin']);
  const rest = line.join(' ');
  t.regex(rest, /-chardev socket,id=console,path=\/t\/c -serial chardev:console/);
  t.regex(
    rest,
    /-serial chardev:console -chardev socket,id=uart-secure,path=\/t\/a,,b -serial chardev:uart-secure/,
  );
  t.regex(rest, /-netdev tap,id=net,ifname=tap0,script=no,downscript=no/);
});

test("QEMU's own network serves a directory, and a port of this machine leads to the board's SSH server", t => {
  const line = qemuCommandLine({ program: 'qemu', arguments: [] }, new Map(), {
    ...wires,
    network: {
      kind: 'user',
      server: '10.82.0.1',
      prefixLength: 24,
      directory: '/t/tf,tp',
      forward: { address: '127.3.2.1', port: 4711, host: '10.82.0.2', hostPort: 22 },
    },
  });
  t.true(
    line.includes(
      'user,id=net,net=10.82.0.1/24,host=10.82.0.1,tftp=/t/tf,,tp,hostfwd=tcp:127.3.2.1:4711-10.82.0.2:22',
    ),
  );
});

test('an image without a path is named', t => {
  const machine = { program: 'qemu', arguments: ['-bios', '${firmware}'] };
  t.throws(() => qemuCommandLine(machine, new Map(), wires), { message: /firmware/ });
});

(why === undefined ? test : test.skip)(`a board of QEMU is made, switched and gone${why ?? ''}`, async t => {
  const settings = {
    machine: { program: 'qemu-system-aarch64', arguments: ['-machine', 'virt', '-S'] },
    uarts: ['secure'],
    images: new Map<string, string>(),
    server: '10.82.0.1',
    prefixLength: 24,
    macAddress: '52:54:00:00:00:01',
    ssh: { host: '10.82.0.2', port: 22 },
  };
  const signal = AbortSignal.timeout(30_000);
  let pid: string;
  {
    await using board = await openEmulatedBoard(settings);
    t.is(await board.power.state(signal), 'off');
    await board.power.on(signal);
    t.is(await board.power.state(signal), 'on');
    pid = emulators(board.serial.name);
    t.not(pid, '');
    await board.power.off(signal);
    t.is(await board.power.state(signal), 'off');
    await board.power.on(signal);
    pid = emulators(board.serial.name);
  }
  t.false(existsSync(`/proc/${pid}`));
});

(why === undefined ? test : test.skip)(
  `a machine that QEMU refuses is told with its words${why ?? ''}`,
  async t => {
    await using board = await openEmulatedBoard({
      machine: { program: 'qemu-system-aarch64', arguments: ['-machine', 'no-such-machine'] },
      uarts: [],
      images: new Map(),
      server: '10.82.0.1',
      prefixLength: 24,
      macAddress: '52:54:00:00:00:01',
      ssh: { host: '10.82.0.2', port: 22 },
    });
    const error = await t.throwsAsync(board.power.on(AbortSignal.timeout(30_000)), {
      instanceOf: DriverError,
    });
    t.regex(
      error?.message ?? '',
      /start qemu-system-aarch64: it ended with status 1: .*unsupported machine type/s,
    );
  },
);

async function cannotEmulate(): Promise<string | undefined> {
  const without = await tryNamespace().then(
    () => undefined,
    (error: unknown) => String(error),
  );
  if (without !== undefined) return ` (skipped: ${without})`;
  return spawnSync('qemu-system-aarch64', ['--version']).status === 0
    ? undefined
    : ' (skipped: qemu-system-aarch64 is not installed)';
}

/** Process id of the QEMU that is at the other end of a console. */
function emulators(console: string): string {
  const directory = console.replace(/^unix (.*)\/console$/, '$1');
  return (
    spawnSync('pgrep', ['-f', `qemu-system-aarch64.*${directory}/`])
      .stdout.toString()
      .trim()
      .split('\n')[0] ?? ''
  );
}
