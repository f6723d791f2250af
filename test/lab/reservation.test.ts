import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createHash, randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { claimsOf } from '../../src/lab/claims.ts';
import { DriverError } from '../../src/lab/drivers/driver-error.ts';
import { boardOf, loadLab } from '../../src/lab/load-lab.ts';
import { holderOfBoard } from '../../src/lab/holder.ts';
import { allHolders, holderOf, reserve } from '../../src/lab/reservation.ts';

/** A claim of no other test's. */
function claim(): string {
  return `serial port /dev/${randomUUID()}`;
}

const me = holderOfBoard('rpi5-01', 'scmi-hil run good');

test('the second controller that wants a board is told who holds what of it, since when and for what', async t => {
  const port = claim();
  await using _ = await reserve([port], me);
  const other = holderOfBoard('bench', 'scmi-hil run other');
  const error = await t.throwsAsync(reserve([claim(), port], other), { instanceOf: DriverError });
  t.true(
    error.message.startsWith(
      `reserve bench: ${me.user}@${me.host} holds its ${port} as rpi5-01 since ${me.since}`,
    ),
  );
  t.regex(error.message, /: process \d+, scmi-hil run good$/);
  t.regex(error.hint, /^wait for it \(run --wait 30m\), or use another board/);
});

test('a reservation that fails holds nothing', async t => {
  const [free, taken] = [claim(), claim()];
  await using _ = await reserve([taken], me);
  await t.throwsAsync(reserve([free, taken], me));
  t.is(await holderOf([free]), undefined);
});

test('a board is free again once it was given back, also twice', async t => {
  const port = claim();
  const first = await reserve([port], me);
  t.like(await holderOf([claim(), port]), { pid: process.pid, board: 'rpi5-01' });
  await first.release();
  await first.release();
  await using _ = await reserve([port], me);
});

test('all boards that are held on this machine are known', async t => {
  const board = `board-${randomUUID()}`;
  await using _ = await reserve([claim(), claim()], holderOfBoard(board, 'x'));
  t.is((await allHolders()).filter(holder => holder.board === board).length, 1);
});

test('a controller that is killed holds nothing', async t => {
  const port = claim();
  const code = `import { reserve } from ${JSON.stringify(path.resolve('src/lab/reservation.ts'))};
    import { holderOfBoard } from ${JSON.stringify(path.resolve('src/lab/holder.ts'))};
    await reserve([${JSON.stringify(port)}], holderOfBoard('v4h-01', 'doomed'));
    console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  t.like(await holderOf([port]), { pid: child.pid, command: 'doomed' });
  await t.throwsAsync(reserve([port], me), { message: /doomed/ });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await using _ = await reserve([port], me);
  t.pass();
});

for (const [what, answer] of Object.entries({ nothing: '', 'no JSON': '{"pid":', 'another thing': '[1]' })) {
  test(`another program that has the name and says ${what} is told of`, async t => {
    const port = claim();
    const name = createHash('sha256').update(port).digest('hex').slice(0, 32);
    const server = createServer(socket => void socket.end(answer)).listen(`\0scmi-hil.${name}`);
    await once(server, 'listening');
    const error = await t.throwsAsync(reserve([port], me), { instanceOf: DriverError });
    t.regex(error.message, /another process holds its serial port .* and does not say who it is/);
    server.close();
  });
}

test('the words of another user are shown without escape sequences', async t => {
  const port = claim();
  await using _ = await reserve([port], { ...me, command: 'run \u001b[2J' });
  t.is((await holderOf([port]))?.command, 'run ?[2J');
});

test('of many that want a board at a time, one gets it', async t => {
  for (let round = 0; round < 10; round++) {
    const claims = [claim(), claim()];
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => reserve(claims, me)));
    const got = all.filter(each => each.status === 'fulfilled');
    t.is(got.length, 1);
    for (const { value } of got) await value.release();
  }
});

async function claimsOfLab(t: ExecutionContext, board: string) {
  const directory = await mkdtemp(path.join(tmpdir(), 'scmi-hil-claims-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await writeFile(path.join(directory, 'tty'), '');
  await symlink('tty', path.join(directory, 'by-id'));
  const lab = path.join(directory, 'lab.yaml');
  await writeFile(
    lab,
    `schema: 1
boards:
  one:
    type: rcar-v4h-white-hawk
    ${board.replaceAll('@', directory)}
    ssh: { identity: { kind: agent } }
    images: { xen: x, kernel: k, ramdisk: r }
`,
  );
  const found = await claimsOf(boardOf(loadLab({ lab, cwd: directory, env: {} }), 'one'));
  return found.map(each => each.replaceAll(directory, '@'));
}

const network = 'network: { address: 192.0.2.7, server: 192.0.2.1 }';

test('a board is held by its ports, its outlet and its address, by whichever of its names', async t => {
  const serial = 'serial: { kind: device, path: @/by-id }';
  const power = 'power: { kind: shelly, host: plug, generation: 2, channel: 1 }';
  t.deepEqual(await claimsOfLab(t, `${serial}\n    ${power}\n    ${network}`), [
    'serial port @/by-id',
    'serial port @/tty',
    'board address 192.0.2.7',
    'power switch plug channel 1',
  ]);
});

test('programs of this machine share its loopback address', async t => {
  const local = network.replace('192.0.2.7', '127.0.0.1');
  t.deepEqual(
    await claimsOfLab(
      t,
      `serial: { kind: tcp, host: lab, port: 4001 }\n    power: { kind: ask }\n    ${local}`,
    ),
    ['serial port lab:4001'],
  );
});

test('a virtual board is made by its controller, and held by nobody', async t => {
  const virtual = loadLab({ cwd: '/', env: { HOME: '/', XDG_CONFIG_HOME: '/' } });
  t.deepEqual(await claimsOf(boardOf(virtual, 'virtual-v4h')), []);
});
