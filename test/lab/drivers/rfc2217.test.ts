import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { openPseudoTerminal } from '../../../src/lab/drivers/serial/pseudo-terminal.ts';
import { serialRfc2217 } from '../../../src/lab/drivers/serial/rfc2217.ts';
import { serialTcp } from '../../../src/lab/drivers/serial/tcp.ts';
import { telnetDecoder } from '../../../src/lab/drivers/serial/telnet.ts';
import { listener } from './listener.ts';

const soon = () => AbortSignal.timeout(5000);
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Bytes on the wire, of RFC 854, 856 and 2217. */
const asks = hex('fffb2c fffb00 fffd00');
const settings = hex('fffa2c01 0001c200 fff0 fffa2c0208fff0 fffa2c0301fff0 fffa2c0401fff0 fffa2c0501fff0');
const grants = hex('fffd2c fffd00 fffb00');
const set = hex('fffa2c65 0001c200 fff0 fffa2c6608fff0 fffa2c6701fff0 fffa2c6801fff0 fffa2c6901fff0');

/** A port server that says `greeting`, then answers the settings with `answer`. */
async function serve(greeting: Uint8Array, answer: Uint8Array, rest: (socket: Socket) => void = () => {}) {
  const heard = listener();
  const sockets: Socket[] = [];
  const server = createServer(socket => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', heard.data);
    socket.write(greeting);
    void (async () => {
      await heard.bytes(asks.length + settings.length);
      socket.write(answer);
      rest(socket);
    })();
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    heard,
    sockets,
    driver: serialRfc2217({ host: '127.0.0.1', port, baudRate: 115_200 }),
    close: () => {
      sockets.forEach(socket => socket.destroy());
      server.close();
    },
  };
}

test('a port is asked for 8 bits, its speed and its frame, and every byte goes through it both ways', async t => {
  const peer = await serve(grants, set);
  const atHost = listener();
  const connection = await peer.driver.open(atHost, soon());
  t.deepEqual(peer.heard.all(), Buffer.concat([asks, settings]));

  await connection.write(everyByte);
  const escaped = Buffer.concat([everyByte, Buffer.of(255)]);
  t.deepEqual((await peer.heard.bytes(asks.length + settings.length + 257)).subarray(-257), escaped);
  peer.sockets[0]?.write(escaped);
  t.deepEqual(await atHost.bytes(256), everyByte);
  await connection.close();
  await t.throwsAsync(connection.write(everyByte), { message: /it was closed/ });
  t.deepEqual(atHost.errors, []);
  peer.close();
});

test('a break is switched on and off again', async t => {
  const peer = await serve(grants, set);
  const connection = await peer.driver.open(listener(), soon());
  await connection.break?.(10);
  const both = hex('fffa2c0505fff0 fffa2c0506fff0');
  t.deepEqual((await peer.heard.bytes(asks.length + settings.length + both.length)).subarray(-14), both);
  await connection.close();
  peer.close();
});

test('other options are answered once, and notices and commands torn anywhere are no data', async t => {
  // WILL ECHO twice, DO 31 (window size), NOTIFY-MODEMSTATE, NOP between data.
  const noise = hex('fffb01 fffb01 fffd1f fffa2c6b30fff0 41 fff1 42');
  const peer = await serve(Buffer.concat([noise, grants]), Buffer.alloc(0), socket => {
    void (async () => {
      for (const byte of set) {
        await new Promise(resolve => {
          socket.write(Buffer.of(byte), () => setImmediate(resolve));
        });
      }
    })();
  });
  const atHost = listener();
  const connection = await peer.driver.open(atHost, soon());
  t.is(atHost.all().toString(), 'AB');
  const answers = hex('fffd01 fffc1f');
  t.is(peer.heard.all().length, asks.length + settings.length + answers.length);
  t.true(peer.heard.all().includes(answers));
  await connection.close();
  peer.close();
});

test('a server that says stop is not written to before it says go on', async t => {
  const peer = await serve(grants, Buffer.concat([set, hex('fffa2c6cfff0')]));
  const atHost = listener();
  const connection = await peer.driver.open(atHost, soon());
  peer.sockets[0]?.write('stopped');
  await atHost.bytes(7);
  let written = false;
  const write = (async () => {
    await connection.write(Buffer.from('x'));
    written = true;
  })();
  await new Promise(resolve => setTimeout(resolve, 20));
  t.false(written);
  peer.sockets[0]?.write(hex('fffa2c6dfff0'));
  await write;
  t.is((await peer.heard.bytes(asks.length + settings.length + 1)).at(-1), 0x78);

  peer.sockets[0]?.write(hex('fffa2c6cfff0 21'));
  await atHost.bytes(8);
  const held = t.throwsAsync(connection.write(Buffer.from('y')), { message: /it was closed/ });
  await connection.close();
  await held;
  peer.close();
});

const wrongSpeed = Buffer.from(set);
wrongSpeed.set(hex('00002580'), 4);
const wrongFrame = Buffer.from(set);
wrongFrame[14] = 7;

for (const [title, greeting, answer, message, hint] of [
  ['without RFC 2217', hex('fffe2c'), '', /it has no RFC 2217/, /telnet\(rfc2217\)/],
  ['of 7 bits', hex('fffd2c fffe00'), '', /7 bits only/, /accepter/],
  ['that cannot do the speed', grants, wrongSpeed, /it runs at 9600, not at 115200/, /speeds/],
  ['that cannot do the frame', grants, wrongFrame, /8 data bits/, /connector/],
] as const) {
  test(`a port server ${title} is an error that says what to do`, async t => {
    const peer = await serve(greeting, Buffer.from(answer));
    const atHost = listener();
    const thrown = await t.throwsAsync(peer.driver.open(atHost, soon()), {
      instanceOf: DriverError,
      message,
    });
    t.regex(thrown instanceof DriverError ? thrown.hint : '', hint);
    t.deepEqual(atHost.errors, []);
    peer.close();
  });
}

test('a port server that says nothing, or hangs up with a word, ends the wait', async t => {
  const silent = await serve(Buffer.alloc(0), Buffer.alloc(0));
  await t.throwsAsync(silent.driver.open(listener(), AbortSignal.timeout(100)), {
    instanceOf: DriverError,
    message: /waited for its word on the option, binary to it, .* until the deadline/,
  });
  silent.close();
  const server = createServer(socket => socket.end('Port already in use\r\n'));
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const driver = serialRfc2217({ host: '127.0.0.1', port, baudRate: 9600 });
  const thrown = await t.throwsAsync(driver.open(listener(), soon()), {
    instanceOf: DriverError,
    message: /after it said "Port already in use"/,
  });
  t.regex(thrown instanceof DriverError ? thrown.hint : '', /kickolduser/);
  server.close();
});

test('the decoder never gives more bytes than came, and keeps no more than a command', t => {
  const decode = telnetDecoder({ negotiation: () => {}, subnegotiation: () => {} });
  decode(hex('fffa2c'));
  t.is(decode(Buffer.alloc(1_000_000)).length, 0);
  decode(hex('fff0'));
  t.is(decode(everyByte.subarray(0, 255)).length, 255);
});

// The real one

const hasSer2net = spawnSync('ser2net', ['-v']).error === undefined;
const withSer2net = hasSer2net ? test : test.skip;

withSer2net(
  'ser2net sets the speed, carries every byte, refuses a second client, and lets it in with kickolduser',
  async t => {
    const board = openPseudoTerminal();
    const atBoard = listener();
    board.onData(atBoard.data);
    for (const kick of [false, true]) {
      const { port, stop } = await startSer2net(board.path, kick);
      t.teardown(stop);
      const driver = serialRfc2217({ host: '127.0.0.1', port, baudRate: 921_600 });
      const atHost = listener();
      const connection = await untilServed(() => driver.open(atHost, soon()));
      const before = atBoard.all().length;
      await connection.write(everyByte);
      t.deepEqual((await atBoard.bytes(before + 256)).subarray(before), everyByte);
      board.write(everyByte);
      t.deepEqual(await atHost.bytes(256), everyByte);
      await connection.break?.(5);
      if (kick) {
        const second = await driver.open(listener(), soon());
        await atHost.untilLost();
        t.is(atHost.errors.length, 1);
        await second.close();
      } else {
        await t.throwsAsync(driver.open(listener(), soon()), { instanceOf: DriverError, message: /in use/i });
      }

      await connection.close();
      await stop();
    }

    board.close();
  },
);

withSer2net('a raw port of ser2net carries every byte, and its end is a loss', async t => {
  const board = openPseudoTerminal();
  const atBoard = listener();
  board.onData(atBoard.data);
  const { port, stop } = await startSer2net(board.path, false, 'tcp');
  t.teardown(stop);
  const driver = serialTcp({ host: '127.0.0.1', port });
  const atHost = listener();
  const connection = await untilServed(() => driver.open(atHost, soon()));
  await connection.write(everyByte);
  t.deepEqual(await atBoard.bytes(256), everyByte);
  board.write(everyByte);
  t.deepEqual(await atHost.bytes(256), everyByte);
  t.false('break' in connection, 'a raw socket has none');
  await stop();
  await atHost.untilLost();
  t.is(atHost.errors.length, 1);
  board.close();
});

async function startSer2net(device: string, kick: boolean, accepter = 'telnet(rfc2217),tcp') {
  const directory = await mkdtemp(join(tmpdir(), 'ser2net-'));
  const file = join(directory, 'ser2net.yaml');
  const port = await freePort();
  await writeFile(
    file,
    `connection: &console
  accepter: ${accepter},127.0.0.1,${port}
  connector: serialdev,${device},9600n81,local
  options: { kickolduser: ${kick} }
`,
  );
  const server: ChildProcess = spawn('ser2net', ['-n', '-c', file, '-d'], { stdio: 'ignore' });
  const over = new Promise(resolve => server.once('close', resolve));
  return {
    port,
    stop: async () => {
      server.kill('SIGKILL');
      await over;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** Tries until something listens. */
async function untilServed<T>(open: () => Promise<T>): Promise<T> {
  const deadline = soon();
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (deadline.aborted || !/nothing listens there/.test(String(error))) {
        throw error;
      }
    }
  }
}
