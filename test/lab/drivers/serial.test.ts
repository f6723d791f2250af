import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import type { PowerDriver } from '../../../src/lab/drivers/power/power.ts';
import { serialCommand } from '../../../src/lab/drivers/serial/command.ts';
import { serialDevice } from '../../../src/lab/drivers/serial/device.ts';
import { openPseudoTerminal } from '../../../src/lab/drivers/serial/pseudo-terminal.ts';
import type { SerialConnection } from '../../../src/lab/drivers/serial/serial.ts';
import { serialTcp } from '../../../src/lab/drivers/serial/tcp.ts';
import { keepsItsName, returning } from '../../../src/lab/drivers/serial/returning.ts';
import { transientWith } from '../../../src/lab/drivers/serial/transient.ts';
import { typedSlowly } from '../../../src/lab/drivers/serial/typed-slowly.ts';
import { serialUnix } from '../../../src/lab/drivers/serial/unix.ts';
import { listener } from './listener.ts';

const soon = () => AbortSignal.timeout(5000);

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, index) => index));

test('every byte goes through a serial device as it is, both ways', async t => {
  const board = openPseudoTerminal();
  const [atBoard, atHost] = [listener(), listener()];
  board.onData(atBoard.data);
  const connection = await serialDevice({ path: board.path, baudRate: 115_200 }).open(atHost, soon());
  await connection.write(everyByte);
  board.write(everyByte);
  t.deepEqual(await atBoard.bytes(256), everyByte);
  t.deepEqual(await atHost.bytes(256), everyByte);
  await connection.close();
  board.close();
});

test('a board on a pseudo-terminal does not read its own output, and keeps its line while nobody listens', async t => {
  const board = openPseudoTerminal();
  const atBoard = listener();
  board.onData(atBoard.data);
  board.write(Buffer.from('U-Boot 2024.01\r\n'));
  const device = serialDevice({ path: board.path, baudRate: 921_600 });
  for (const word of ['one', 'two']) {
    const connection = await device.open(listener(), soon());
    await connection.write(Buffer.from(word));
    await connection.close();
  }

  t.is((await atBoard.bytes(6)).toString(), 'onetwo');
  board.close();
  board.close();
});

test('a device that goes away is lost once, and is not written to any more', async t => {
  const board = openPseudoTerminal();
  const atHost = listener();
  const connection = await serialDevice({ path: board.path, baudRate: 115_200 }).open(atHost, soon());
  board.close();
  await atHost.untilLost();
  t.true(atHost.errors[0] instanceof DriverError);
  t.regex(String(atHost.errors[0]), /the line is gone/);
  await t.throwsAsync(connection.write(Buffer.from('x')), {
    instanceOf: DriverError,
    message: /the line is gone/,
  });
  await connection.close();
  t.is(atHost.errors.length, 1);
});

test('a device that goes away in the middle of its output is lost, whatever was being read', async t => {
  for (let round = 0; round < 10; round += 1) {
    const board = openPseudoTerminal();
    const atHost = listener();
    const connection = await serialDevice({ path: board.path, baudRate: 115_200 }).open(atHost, soon());
    if (round % 2 === 0) {
      await new Promise(resolve => setTimeout(resolve, 1));
    }

    board.close();
    await atHost.untilLost();
    await connection.close();
    t.is(atHost.errors.length, 1);
  }
});

test('a device that was closed is not lost, and refuses to be written to', async t => {
  const board = openPseudoTerminal();
  const atHost = listener();
  const connection = await serialDevice({ path: board.path, baudRate: 115_200 }).open(atHost, soon());
  const pending = connection.write(Buffer.alloc(1_000_000)).catch((error: unknown) => error);
  await Promise.all([connection.close(), connection.close()]);
  t.true((await pending) instanceof DriverError || (await pending) === undefined);
  await t.throwsAsync(connection.write(Buffer.from('x')), { message: /it was closed/ });
  board.close();
  t.deepEqual(atHost.errors, []);
});

test('a device is had by one opener only', async t => {
  const board = openPseudoTerminal();
  const device = serialDevice({ path: board.path, baudRate: 115_200 });
  const connection = await device.open(listener(), soon());
  const thrown = await t.throwsAsync(device.open(listener(), soon()), { instanceOf: DriverError });
  t.regex(thrown.message, /held by another process, or by this one/);
  await connection.close();
  await (await device.open(listener(), soon())).close();
  board.close();
});

/** A program that has a device open without a lock. It inherits the pseudo-terminal's other end, and closes it. */
function holdOpen(device: string) {
  const close = 'for fd in $(ls /proc/self/fd); do [ $fd -gt 2 ] && eval "exec $fd>&-"; done';
  return spawn('bash', ['-c', `${close}; exec 3<>"$0"; echo open; exec sleep 60`, device], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

test('an error names the holder of a device', async t => {
  const board = openPseudoTerminal();
  const holder = holdOpen(board.path);
  await new Promise(resolve => holder.stdout.once('data', resolve));
  const thrown = await t.throwsAsync(
    serialDevice({ path: board.path, baudRate: 115_200 }).open(listener(), soon()),
    { instanceOf: DriverError },
  );
  t.regex(thrown.message, new RegExp(`held by \\w+ \\(process ${holder.pid}\\)`));
  holder.kill('SIGKILL');
  await new Promise(resolve => holder.once('close', resolve));
  board.close();
});

const withSocat = spawnSync('socat', ['-V']).status === 0 ? test : test.skip;

withSocat('a pseudo-terminal is not held by the program that made it', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'serial-'));
  const [one, other] = [join(directory, 'one'), join(directory, 'other')];
  const socat = spawn('socat', ['-d', '-d', `PTY,link=${one},rawer`, `PTY,link=${other},rawer`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  await new Promise<void>(resolve => {
    socat.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('starting data transfer')) resolve();
    });
  });
  const near = await serialDevice({ path: one, baudRate: 115_200 }).open(listener(), soon());
  const atFar = listener();
  const far = await serialDevice({ path: other, baudRate: 115_200 }).open(atFar, soon());
  await near.write(Buffer.from('through'));
  t.deepEqual(await atFar.bytes(7), Buffer.from('through'));
  await near.close();
  await far.close();
  socat.kill();
  await new Promise(resolve => socat.once('close', resolve));
  await rm(directory, { recursive: true });
});

test('a device that others have open without a lock is opened where the lab file says that it is shared', async t => {
  const board = openPseudoTerminal();
  const holder = holdOpen(board.path);
  await new Promise(resolve => holder.stdout.once('data', resolve));
  const device = { path: board.path, baudRate: 115_200 };
  const thrown = await t.throwsAsync(serialDevice(device).open(listener(), soon()), {
    instanceOf: DriverError,
  });
  t.regex(thrown.hint, /shared: true/);
  await (await serialDevice({ ...device, shared: true }).open(listener(), soon())).close();
  holder.kill('SIGKILL');
  await new Promise(resolve => holder.once('close', resolve));
  board.close();
});

test('a device that is missing or is no serial port is an error that says what to do', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'serial-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'file');
  await writeFile(file, '');
  for (const [path, message, hint] of [
    ['/dev/serial/by-id/none', /there is no such device/, /plug the adapter in/],
    [file, /it is no serial port/, /name a serial device/],
  ] as const) {
    const open = serialDevice({ path, baudRate: 115_200 }).open(listener(), soon());
    const thrown = await t.throwsAsync(open, { instanceOf: DriverError, message });
    t.regex(thrown instanceof DriverError ? thrown.hint : '', hint);
  }
});

test('a deadline that has passed opens nothing', async t => {
  const board = openPseudoTerminal();
  const device = serialDevice({ path: board.path, baudRate: 9600 });
  await t.throwsAsync(device.open(listener(), AbortSignal.abort()), {
    message: /interrupted while waiting for the device to open/,
  });
  await (await device.open(listener(), soon())).close();
  board.close();
});

// Raw TCP

async function accept(onConnection: (socket: Socket) => void) {
  const server: Server = createServer(onConnection);
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

test('every byte goes through a TCP console as it is, both ways', async t => {
  const server = await accept(socket => socket.pipe(socket));
  const atHost = listener();
  const connection = await serialTcp({ host: '127.0.0.1', port: server.port }).open(atHost, soon());
  await connection.write(everyByte);
  t.deepEqual(await atHost.bytes(256), everyByte);
  await Promise.all([connection.close(), connection.close()]);
  await t.throwsAsync(connection.write(everyByte), { message: /it was closed/ });
  t.deepEqual(atHost.errors, []);
  server.close();
});

test('a TCP console that ends is lost once, with the last words of a short life', async t => {
  const server = await accept(socket => socket.end('Port already in use\r\n'));
  const atHost = listener();
  const connection = await serialTcp({ host: '127.0.0.1', port: server.port }).open(atHost, soon());
  await atHost.untilLost();
  t.regex(String(atHost.errors[0]), /ended the connection, after it said "Port already in use"/);
  await t.throwsAsync(connection.write(everyByte), { instanceOf: DriverError });
  await connection.close();
  t.is(atHost.errors.length, 1);
  server.close();
});

test('a TCP console where nothing listens, or nothing answers, says so', async t => {
  const server = await accept(() => {});
  server.close();
  await t.throwsAsync(serialTcp({ host: '127.0.0.1', port: server.port }).open(listener(), soon()), {
    instanceOf: DriverError,
    message: /nothing listens there/,
  });
  await t.throwsAsync(
    serialTcp({ host: '127.0.0.1', port: server.port }).open(
      listener(),
      AbortSignal.abort(new Error('stop')),
    ),
    { instanceOf: DriverError, message: /interrupted while waiting for an answer/ },
  );
});

// A Unix socket

test('every byte goes through a Unix socket as it is, both ways, and its end is a loss', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'serial-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const path = join(directory, 'console');
  const server = createServer(socket => {
    socket.on('data', bytes => socket.write(bytes, () => bytes.includes('bye') && socket.end()));
  });
  await new Promise<void>(resolve => {
    server.listen(path, resolve);
  });
  const atHost = listener();
  const connection = await serialUnix({ path }).open(atHost, soon());
  await connection.write(everyByte);
  t.deepEqual(await atHost.bytes(256), everyByte);
  await connection.write(Buffer.from('bye'));
  await atHost.untilLost();
  t.regex(String(atHost.errors[0]), /the other side ended the connection/);
  await t.throwsAsync(connection.write(everyByte), { instanceOf: DriverError });
  await connection.close();
  t.is(atHost.errors.length, 1);
  server.close();
});

test('a Unix socket that is missing, or is none, says what to do', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'serial-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'file');
  await writeFile(file, '');
  for (const [path, message] of [
    [join(directory, 'none'), /there is no such socket/],
    [file, /nothing listens there|it is no socket/],
  ] as const) {
    await t.throwsAsync(serialUnix({ path }).open(listener(), soon()), { instanceOf: DriverError, message });
  }
});

// Patterns, breaks

test('a pattern opens the one device that it matches; several, or none, are named', async t => {
  const board = openPseudoTerminal();
  const directory = await mkdtemp(join(tmpdir(), 'by-id-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await symlink(board.path, join(directory, 'usb-FTDI_Quad_A1-if00-port0'));
  await symlink(board.path, join(directory, 'usb-FTDI_Quad_A1-if01-port0'));
  const open = (pattern: string) =>
    serialDevice({ path: join(directory, pattern), baudRate: 9600 }).open(listener(), soon());
  await (await open('*-if01-*')).close();
  for (const [pattern, message] of [
    ['*FTDI*', /2 devices match: .*if00-port0, .*if01-port0/],
    ['*CP210*', /no device matches; there are usb-FTDI_Quad_A1-if00-port0, /],
  ] as const) {
    const thrown = await t.throwsAsync(open(pattern), { instanceOf: DriverError, message });
    t.regex(thrown instanceof DriverError ? thrown.hint : '', /pattern/);
  }

  await t.throwsAsync(serialDevice({ path: '/nowhere/*', baudRate: 9600 }).open(listener(), soon()), {
    message: /there is nothing in \/nowhere/,
  });
  board.close();
});

test('a break on a line that cannot send one is an error that says so', async t => {
  const board = openPseudoTerminal();
  const connection = await serialDevice({ path: board.path, baudRate: 9600 }).open(listener(), soon());
  await t.throwsAsync(connection.break?.(1) ?? Promise.resolve(), {
    instanceOf: DriverError,
    message: /send a break/,
  });
  await connection.close();
  await t.throwsAsync(connection.break?.(1) ?? Promise.resolve(), { message: /it was closed/ });
  board.close();
});

// A command

test('every byte goes through a command as it is, both ways, and it is ended with all that it started', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'serial-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'pids');
  const script = `trap '' TERM; sleep 60 & echo $! $$ > ${file}; cat; wait`;
  const atHost = listener();
  const connection = await serialCommand(script).open(atHost, soon());
  await connection.write(everyByte);
  t.deepEqual(await atHost.bytes(256), everyByte);
  const pids = (await readFile(file, 'utf8')).trim().split(' ').map(Number);
  t.is(pids.length, 2);
  await Promise.all([connection.close(), connection.close()]);
  for (const pid of pids) {
    await gone(pid);
  }

  await t.throwsAsync(connection.write(everyByte), { message: /it was closed/ });
  t.deepEqual(atHost.errors, []);
});

for (const [title, command, message] of [
  ['fails', 'echo login; echo no route to host >&2; exit 255', /status 255, saying:\nno route to host/],
  ['is killed', 'kill -9 $$', /it was ended by SIGKILL/],
  ['is not there', 'no-such-command-anywhere', /status 127, saying:[^]*not found/],
] as const) {
  test(`a console command that ${title} is a line lost once, with its last words`, async t => {
    const atHost = listener();
    const connection = await serialCommand(command).open(atHost, soon());
    await atHost.untilLost();
    t.regex(String(atHost.errors[0]), message);
    await t.throwsAsync(connection.write(everyByte), { instanceOf: DriverError });
    await connection.close();
    t.is(atHost.errors.length, 1);
  });
}

test('a console command is not started when the deadline has already passed', async t => {
  const file = join(tmpdir(), `serial-never-${process.pid}`);
  await t.throwsAsync(serialCommand(`touch ${file}`).open(listener(), AbortSignal.abort()), {
    instanceOf: DriverError,
  });
  await t.throwsAsync(readFile(file), { code: 'ENOENT' });
});

// Slow typing

test('slow typing sends byte after byte, in order, no faster than told', async t => {
  const board = openPseudoTerminal();
  const atBoard = listener();
  board.onData(atBoard.data);
  const driver = typedSlowly(serialDevice({ path: board.path, baudRate: 9600 }), 200);
  t.regex(driver.name, /, 200 characters a second$/);
  const connection = await driver.open(listener(), soon());
  const began = performance.now();
  await Promise.all(['one', ' two', ' three'].map(word => connection.write(Buffer.from(word))));
  t.true(performance.now() - began > 12 * 5 - 5);
  t.is((await atBoard.bytes(13)).toString(), 'one two three');
  await connection.close();
  board.close();
});

test('a line that is closed while it is typed on refuses the rest at once', async t => {
  const board = openPseudoTerminal();
  const connection = await typedSlowly(serialDevice({ path: board.path, baudRate: 9600 }), 1).open(
    listener(),
    soon(),
  );
  const began = performance.now();
  const writes = ['first', 'second'].map(word =>
    t.throwsAsync(connection.write(Buffer.from(word)), { message: /it was closed/ }),
  );
  await connection.close();
  await Promise.all(writes);
  t.true(performance.now() - began < 900);
  board.close();
});

// A port that comes and goes with the power

/** A board whose adapter is at `path` while it has power. */
async function poweredPort(options: { readonly dead?: boolean; readonly patience?: number } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'transient-'));
  const path = join(directory, 'port');
  let terminal: ReturnType<typeof openPseudoTerminal> | undefined;
  const off = async () => {
    if (terminal !== undefined) {
      await unlink(path);
      terminal.close();
      terminal = undefined;
    }
  };
  const power: PowerDriver = {
    name: 'switch',
    on: async () => {
      if (options.dead !== true) {
        terminal = openPseudoTerminal();
        await symlink(terminal.path, path);
      }
    },
    off,
    state: () => Promise.resolve('unknown'),
  };
  const { patience = 300 } = options;
  const both = transientWith(serialDevice({ path, baudRate: 9600 }), power, { patience, interval: 10 });
  return {
    ...both,
    say: (text: string) => terminal?.write(Buffer.from(text)),
    vanish: off,
    end: async () => {
      await off();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Writes when the port is there. */
async function untilWritten(connection: SerialConnection, text: string): Promise<void> {
  const deadline = soon();
  for (;;) {
    try {
      await connection.write(Buffer.from(text));
      return;
    } catch (error) {
      if (deadline.aborted) {
        throw error;
      }

      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }
}

/** An adapter under one name, which can be unplugged. */
async function namedAdapter(patience: number) {
  const directory = await mkdtemp(join(tmpdir(), 'scmi-hil-adapter-'));
  const path = join(directory, 'usb-adapter-if00');
  let terminal: ReturnType<typeof openPseudoTerminal> | undefined;
  const unplug = async () => {
    if (terminal === undefined) return;
    await unlink(path);
    terminal.close();
    terminal = undefined;
  };
  const plugIn = async () => {
    terminal = openPseudoTerminal();
    await symlink(terminal.path, path);
  };
  await plugIn();
  return {
    driver: returning(serialDevice({ path, baudRate: 9600 }), { patience, interval: 10 }),
    unplug,
    plugIn,
    say: (text: string) => terminal?.write(Buffer.from(text)),
    end: async () => {
      await unplug();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

test('an adapter that is back under its name is opened anew, and when it was away is told', async t => {
  const adapter = await namedAdapter(20_000);
  t.teardown(adapter.end);
  const told: string[] = [];
  const back = Promise.withResolvers<number>();
  const away = Promise.withResolvers<Error>();
  const atHost = Object.assign(listener(), {
    away: (error: Error) => {
      told.push('away');
      away.resolve(error);
    },
    back: (milliseconds: number) => {
      told.push('back');
      back.resolve(milliseconds);
    },
  });
  const connection = await adapter.driver.open(atHost, soon());
  adapter.say('before');
  await atHost.bytes(6);
  await adapter.unplug();
  t.regex((await away.promise).message, /the line is gone/);
  const refused = await t.throwsAsync(connection.write(everyByte), { message: /its port is away/ });
  t.like(refused, { blames: 'lab' });
  await adapter.plugIn();
  t.true((await back.promise) > 0);
  adapter.say('after');
  t.is((await atHost.bytes(11)).toString(), 'beforeafter');
  await untilWritten(connection, 'x');
  t.deepEqual(told, ['away', 'back']);
  t.deepEqual(atHost.errors, []);
  await connection.close();
});

test('an adapter that stays away is lost once; one that is not there is refused at once', async t => {
  const adapter = await namedAdapter(300);
  t.teardown(adapter.end);
  const atHost = listener();
  const connection = await adapter.driver.open(atHost, soon());
  await adapter.unplug();
  await atHost.untilLost();
  t.regex(String(atHost.errors[0]), /for 0\.3 s its port did not come back \(/);
  await connection.close();
  t.is(atHost.errors.length, 1);
  await t.throwsAsync(adapter.driver.open(listener(), soon()), { message: /no such device/ });
});

for (const [path, keeps] of [
  ['/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0', true],
  ['/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0', true],
  ['/dev/rpi5-console', true],
  ['/dev/ttyUSB0', false],
  ['/dev/pts/5', false],
] as const) {
  test(`${path} is ${keeps ? '' : 'not '}one adapter's name`, t => {
    t.is(keepsItsName(path), keeps);
  });
}

test('a port that comes and goes with the power is heard each time, and its absence is no loss', async t => {
  const patience = 3000;
  const board = await poweredPort({ patience });
  t.teardown(board.end);
  const atHost = listener();
  const connection = await board.serial.open(atHost, soon());
  await t.throwsAsync(connection.write(everyByte), { instanceOf: DriverError, message: /its port is away/ });
  for (const [index, word] of ['boot1', 'boot2'].entries()) {
    await board.power.on(soon());
    await untilWritten(connection, 'x');
    board.say(word);
    t.is((await atHost.bytes(5 * (index + 1))).toString().slice(-5), word);
    await board.power.off(soon());
    // Longer than a powered board may be without its port.
    await new Promise(resolve => setTimeout(resolve, patience + 100));
  }

  t.deepEqual(atHost.errors, []);
  await connection.close();
  await t.throwsAsync(connection.write(everyByte), { message: /it was closed/ });
});

test('a port that a powered board does not bring, or takes away, is lost once, after a patience', async t => {
  const dead = await poweredPort({ dead: true });
  t.teardown(dead.end);
  const [atDead, atAlive] = [listener(), listener()];
  const first = await dead.serial.open(atDead, soon());
  await dead.power.on(soon());
  await atDead.untilLost();
  t.regex(
    String(atDead.errors[0]),
    /switched on, but for 0\.3 s its port did not come back .*no such device/,
  );
  await t.throwsAsync(first.write(everyByte), { message: /did not come back/ });
  await first.close();

  const alive = await poweredPort();
  t.teardown(alive.end);
  const second = await alive.serial.open(atAlive, soon());
  await alive.power.on(soon());
  await untilWritten(second, 'x');
  await alive.vanish();
  await atAlive.untilLost();
  await second.close();
  t.is(atAlive.errors.length, 1);
});

/** Waits until a process is no more, or only a zombie that its new parent has yet to collect. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (status === '' || / Z /.test(status)) {
      return;
    }

    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
