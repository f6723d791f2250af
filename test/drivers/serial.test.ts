import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DriverError } from '../../src/drivers/driver-error.ts';
import { serialDevice } from '../../src/drivers/serial/device.ts';
import { openPseudoTerminal } from '../../src/drivers/serial/pseudo-terminal.ts';
import { serialTcp } from '../../src/drivers/serial/tcp.ts';
import { serialUnix } from '../../src/drivers/serial/unix.ts';
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

test('who holds a device is named', async t => {
  const board = openPseudoTerminal();
  const holder = spawn('sh', ['-c', 'exec 3<>"$0"; echo open; exec sleep 60', board.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
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

test('a device that is missing or is no serial port is an error that says what to do', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'serial-'));
  const file = join(directory, 'file');
  await writeFile(file, '');
  for (const [path, message, mend] of [
    ['/dev/serial/by-id/none', /there is no such device/, /plug the adapter in/],
    [file, /it is no serial port/, /name a serial device/],
  ] as const) {
    const open = serialDevice({ path, baudRate: 115_200 }).open(listener(), soon());
    const thrown = await t.throwsAsync(open, { instanceOf: DriverError, message });
    t.regex(thrown instanceof DriverError ? thrown.mend : '', mend);
  }

  await rm(directory, { recursive: true });
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
  await rm(directory, { recursive: true });
});

test('a Unix socket that is missing, or is none, says what to do', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'serial-'));
  const file = join(directory, 'file');
  await writeFile(file, '');
  for (const [path, message] of [
    [join(directory, 'none'), /there is no such socket/],
    [file, /nothing listens there|it is no socket/],
  ] as const) {
    await t.throwsAsync(serialUnix({ path }).open(listener(), soon()), { instanceOf: DriverError, message });
  }

  await rm(directory, { recursive: true });
});
