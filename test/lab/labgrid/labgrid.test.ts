/** Boards of a labgrid farm: with labgrid's own coordinator, exporter and client. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { projectDirectory } from '../../../src/config/project-directory.ts';
import { loadBoardType } from '../../../src/board/board-types.ts';
import type { SerialDriver } from '../../../src/lab/drivers/serial/serial.ts';
import { acquireBoard } from '../../../src/lab/acquire-place.ts';
import { Coordinator, PlaceHeldError } from '../../../src/lab/drivers/labgrid/coordinator.ts';
import { powerOfPlace } from '../../../src/lab/place-wires.ts';
import { boardOf, loadLab, virtualBoard } from '../../../src/lab/load-lab.ts';
import { openBoard } from '../../../src/lab/open.ts';
import { openPower } from '../../../src/lab/open-power.ts';
import { serialOf } from '../../../src/lab/open-serial.ts';
import { runOnBoard } from '../../../src/run/run.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';
import { scmiHil } from '../../cli/fake-process.ts';
import { boardResources, restSwitch, startFarm, until, withoutLabgrid } from './farm.ts';

/** One after the other: labgrid's programs are slow to start. */
const inFarm = withoutLabgrid === undefined ? test.serial : test.skip;
const skipped = withoutLabgrid === undefined ? '' : ` (${withoutLabgrid})`;

const scratch = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-labgrid-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

/** Milliseconds that a busy machine may take for one test. */
const patience = 240_000;
const within = () => AbortSignal.timeout(patience);

/** A lab file with one board of the farm. */
function labWith(place: object): { readonly cwd: string; readonly file: string } {
  const cwd = mkdtempSync(path.join(scratch, 'lab-'));
  writeFileSync(path.join(cwd, 'image'), 'x');
  const images = Object.fromEntries(['xen', 'kernel', 'ramdisk', 'armstub'].map(name => [name, 'image']));
  const board = {
    type: 'rpi5',
    labgrid: place,
    network: { address: '127.0.0.1', server: '127.0.0.1', tftpPort: 16_969 },
    ssh: { identity: { kind: 'agent' } },
    images,
    tree: 'shipped',
    deadlines: { powerOff: '20s', powerOn: '20s' },
  };
  const file = path.join(cwd, 'lab.yaml');
  writeFileSync(file, JSON.stringify({ schema: 1, boards: { pi: board } }));
  return { cwd, file };
}

function farmBoard(place: object) {
  const { cwd } = labWith(place);
  return boardOf(loadLab({ cwd, env: {} }), 'pi');
}

/** A console over TCP, as ser2net's raw port is. */
async function consoleServer(serial: SerialDriver) {
  const server = createServer(socket => {
    socket.on('error', () => undefined);
    void (async () => {
      await using connection = await serial.open(
        { data: bytes => void socket.write(bytes), lost: () => socket.destroy() },
        within(),
      );
      const lines: Promise<void>[] = [];
      socket.on('data', bytes => void lines.push(connection.write(bytes).catch(() => undefined)));
      await once(socket, 'close');
      await Promise.all(lines);
    })().catch(() => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>(resolve => server.close(() => resolve())),
  };
}

const silent = async () => {
  const sockets = new Set<NodeJS.WritableStream>();
  const server = createServer(socket => void sockets.add(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.end();
      await new Promise(resolve => server.close(resolve));
    },
  };
};

inFarm(`a run on a board of a farm is met, by the place's console and switch${skipped}`, async t => {
  t.timeout(patience);
  const entry = virtualBoard('virtual-rpi5');
  const scenario = loadScenario(findScenario('dom0-and-guest', process.cwd()).file, entry.type);
  const { firmware, linux, xen } = scenario;
  await using virtual = await openBoard(entry, { env: {}, software: { firmware, linux, xen } });
  await using console = await consoleServer(virtual.serial);
  await using power = await restSwitch(on => (on ? virtual.power.on(within()) : virtual.power.off(within())));
  await using farm = await startFarm([boardResources('pi-1', console.port, power.port)]);
  const told: string[] = [];
  const acquired = await acquireBoard(farmBoard({ place: 'pi-1', coordinator: farm.address }), {
    env: {},
    signal: within(),
    told: words => told.push(words),
  });
  const { setup } = acquired.board;
  if (!('ssh' in setup)) throw new Error('a physical board was expected');
  t.deepEqual(setup.serial, {
    kind: 'tcp',
    host: '127.0.0.1',
    port: console.port,
    charactersPerSecond: undefined,
  });
  t.is(setup.ssh.host, '127.0.0.1');
  t.regex(farm.client('who'), /\.scmi-hil\.\d+\.\d+ .*pi-1/);
  const board = {
    ...virtual,
    serial: serialOf(setup.serial, 115_200),
    power: openPower('pi', setup.power, {}).power,
  };
  const { verdict } = await runOnBoard({
    board,
    scenario,
    runs: path.join(scratch, 'runs'),
    signal: within(),
    controller: 'test',
    command: 'a test',
  });
  t.is(verdict.outcome, 'met', JSON.stringify(verdict.faults));
  await acquired[Symbol.asyncDispose]();
  t.notRegex(farm.client('who'), /pi-1/);
  t.deepEqual(told, []);
});

inFarm(`of two that want one place the second is told who has it, or waits for it${skipped}`, async t => {
  t.timeout(patience);
  await using farm = await startFarm([boardResources('pi-1', 1, 1)]);
  await using other = await Coordinator.open({
    address: farm.address,
    name: 'other/someone',
    signal: within(),
  });
  await other.acquire('pi-1');
  const board = farmBoard({ place: 'pi-1' });
  const env = { LG_COORDINATOR: farm.address };
  await t.throwsAsync(acquireBoard(board, { env, signal: within() }), {
    instanceOf: PlaceHeldError,
    message: /pi-1 is other\/someone's/,
  });
  const told: string[] = [];
  await t.throwsAsync(acquireBoard(board, { env, signal: within(), wait: 2000 }), {
    instanceOf: PlaceHeldError,
    message: /its time is over/,
  });
  const waiting = acquireBoard(board, {
    env,
    signal: within(),
    wait: patience,
    told: words => {
      told.push(words);
      void other.release('pi-1', 'other/someone');
    },
  });
  await using acquired = await waiting;
  t.is(acquired.held?.place, 'pi-1');
  t.deepEqual(told, ["waiting for a labgrid place: pi-1 is other/someone's"]);
});

inFarm(
  `tags take whichever place is free; what the user has acquired is used, and kept${skipped}`,
  async t => {
    t.timeout(patience);
    await using farm = await startFarm([boardResources('pi-1', 1, 1), boardResources('pi-2', 1, 1)]);
    const board = farmBoard({ tags: { board: 'rpi5' }, coordinator: farm.address });
    await using other = await Coordinator.open({
      address: farm.address,
      name: 'other/someone',
      signal: within(),
    });
    await other.acquire('pi-1');
    const first = await acquireBoard(board, { env: {}, signal: within() });
    t.is(first.held?.place, 'pi-2');
    await first[Symbol.asyncDispose]();
    const env = { LG_HOSTNAME: 'desk', LG_USERNAME: 'me' };
    await using mine = await Coordinator.open({ address: farm.address, name: 'desk/me', signal: within() });
    await mine.acquire('pi-2');
    const second = await acquireBoard(board, { env, signal: within() });
    t.is(second.held, undefined);
    await second[Symbol.asyncDispose]();
    await mine.sync(within());
    t.is(mine.places.get('pi-2')?.acquired, 'desk/me');
    await t.throwsAsync(
      acquireBoard(farmBoard({ place: 'pi-3' }), { env: { LG_COORDINATOR: farm.address }, signal: within() }),
      {
        message: /there is no labgrid place pi-3/,
      },
    );
  },
);

inFarm(
  `a place that a dead run has left is taken over, and given back by farm release${skipped}`,
  async t => {
    t.timeout(patience);
    await using farm = await startFarm([boardResources('pi-1', 1, 1)]);
    const env = { LG_COORDINATOR: farm.address, LG_HOSTNAME: 'desk', LG_USERNAME: 'me' };
    const leave = async () => {
      await using dead = await Coordinator.open({
        address: farm.address,
        name: 'desk/me.scmi-hil.4194303.1',
        signal: within(),
      });
      await dead.acquire('pi-1');
    };
    await leave();
    const acquired = await acquireBoard(farmBoard({ place: 'pi-1' }), { env, signal: within() });
    t.is(acquired.held?.place, 'pi-1');
    await acquired[Symbol.asyncDispose]();
    await leave();
    const listed = await scmiHil(['farm'], { cwd: scratch, env });
    t.regex(listed.out, /pi-1 .*board=rpi5 .*desk\/me.* \(its run is gone\)/, listed.err);
    const released = await scmiHil(['farm', 'release'], { cwd: scratch, env });
    t.is(released.out, 'pi-1: released\n', released.err);
    t.regex((await scmiHil(['farm'], { cwd: scratch, env })).out, /pi-1 .*free/);
    t.is(
      (await scmiHil(['farm', 'release'], { cwd: scratch, env })).out,
      'no place was left by a run that is gone\n',
    );
  },
);

inFarm(`kill -9 of a run: its guard switches the board off and gives the place back${skipped}`, async t => {
  t.timeout(patience);
  await using console = await silent();
  const states: boolean[] = [];
  await using power = await restSwitch(on => Promise.resolve(void states.push(on)));
  await using farm = await startFarm([boardResources('pi-1', console.port, power.port)]);
  const { cwd } = labWith({ place: 'pi-1', coordinator: farm.address });
  const bin = path.join(projectDirectory, 'bin/scmi-hil.js');
  const run = spawn(process.execPath, [bin, 'run', 'dom0-and-guest', '--board', 'pi'], {
    cwd,
    env: { ...process.env, HOME: cwd, SSH_AUTH_SOCK: '/nowhere' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [run.stdout, run.stderr]) stream.on('data', text => (said += String(text)));
  await until(() => states.at(-1) === true || run.exitCode !== null);
  t.is(run.exitCode, null, said);
  t.regex(farm.client('who'), /pi-1/);
  run.kill('SIGKILL');
  await until(() => states.at(-1) === false && !farm.client('who').includes('pi-1'));
  mkdirSync(path.join(cwd, 'runs'), { recursive: true });
  t.true(existsSync(path.join(cwd, 'runs', readdirSync(path.join(cwd, 'runs'))[0] ?? 'none')));
});

inFarm(`a coordinator that does not answer, or goes away, is named${skipped}`, async t => {
  t.timeout(patience);
  const board = farmBoard({ place: 'pi-1', coordinator: '127.0.0.1:1' });
  await t.throwsAsync(acquireBoard(board, { env: {}, signal: within() }), {
    message: /labgrid coordinator 127\.0\.0\.1:1: /,
  });
  const farm = await startFarm([boardResources('pi-1', 1, 1)]);
  const told: string[] = [];
  const acquired = await acquireBoard(farmBoard({ place: 'pi-1', coordinator: farm.address }), {
    env: {},
    signal: within(),
    told: words => told.push(words),
  });
  await farm[Symbol.asyncDispose]();
  await acquired[Symbol.asyncDispose]();
  t.regex(told.join(), /labgrid place pi-1 was not given back: .*scmi-hil farm release/);
});

test('a name of a place is one word for the shell', t => {
  const place = "pi'; touch taken; '";
  const resource = { path: 'lab/pi/p', name: 'p', extra: {}, place };
  const parameters = { model: 'sispm', host: 'h', index: 1 };
  const power = powerOfPlace({ coordinator: 'c:1', place }, [
    { ...resource, kind: 'NetworkPowerPort', parameters },
  ]);
  if (power.kind !== 'command') throw new Error('a command was expected');
  const said = execFileSync('sh', ['-c', power.on.replace('labgrid-client', String.raw`printf '%s\n'`)], {
    encoding: 'utf8',
  });
  t.deepEqual(said.trimEnd().split('\n'), ['-x', 'c:1', '-p', place, 'power', 'on']);
});

test('a board of a lab file needs a console and a switch, or a place', t => {
  const cwd = mkdtempSync(path.join(scratch, 'lab-'));
  const { labgrid: _, ...bare } = JSON.parse(
    JSON.stringify({
      type: 'rpi5',
      labgrid: {},
      network: { address: '10.0.0.2', server: '10.0.0.1' },
      ssh: { identity: { kind: 'agent' } },
    }),
  );
  writeFileSync(path.join(cwd, 'lab.yaml'), JSON.stringify({ schema: 1, boards: { pi: bare } }));
  t.throws(() => boardOf(loadLab({ cwd, env: {} }), 'pi'), { message: /boards\.pi\.serial: is missing/ });
  t.is(loadBoardType('rpi5').type, 'rpi5');
});
