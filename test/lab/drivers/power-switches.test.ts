import { createHash } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { powerByHand } from '../../../src/lab/drivers/power/by-hand.ts';
import { powerHttp } from '../../../src/lab/drivers/power/http.ts';
import { powerPduDaemon } from '../../../src/lab/drivers/power/pdudaemon.ts';
import type { PowerDriver } from '../../../src/lab/drivers/power/power.ts';
import { powerRelay } from '../../../src/lab/drivers/power/relay.ts';
import { powerShelly } from '../../../src/lab/drivers/power/shelly.ts';
import { powerTasmota } from '../../../src/lab/drivers/power/tasmota.ts';
import { powerUhubctl } from '../../../src/lab/drivers/power/uhubctl.ts';
import { serialDevice } from '../../../src/lab/drivers/serial/device.ts';
import { openPseudoTerminal } from '../../../src/lab/drivers/serial/pseudo-terminal.ts';

const soon = () => AbortSignal.timeout(5000);
const credentials = { user: 'admin', password: 'pa:ss' };

interface Relay {
  on: boolean;
  /** It answers as if it switched, but does not. */
  stuck?: boolean;
}

type Device = (relay: Relay, url: URL, request: IncomingMessage, response: ServerResponse) => string;

const turn = (relay: Relay, on: boolean) => {
  relay.on = relay.stuck === true ? relay.on : on;
};
const json = (value: unknown) => JSON.stringify(value);
const refuse = (response: ServerResponse, challenge: string) => {
  response.writeHead(401, { 'www-authenticate': challenge });
  return '';
};

const shelly1: Device = (relay, { pathname, searchParams }, request, response) => {
  if (request.headers.authorization !== `Basic ${Buffer.from('admin:pa:ss').toString('base64')}`) {
    return refuse(response, 'Basic realm="SHSW-1"');
  }

  const to = searchParams.get('turn');
  if (to !== null) turn(relay, to === 'on');
  return pathname === '/relay/0' ? json({ ison: relay.on, has_timer: false }) : 'Not found';
};

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const shelly2: Device = (relay, { pathname, searchParams }, request, response) => {
  const given = (name: string) =>
    new RegExp(`${name}="?([^",]+)`).exec(request.headers.authorization ?? '')?.[1] ?? '';
  const secret = sha256('admin:shellyplus1-a1:pa:ss');
  const asked = sha256(`GET:${request.url}`);
  if (given(' response') !== sha256(`${secret}:60dc2c69:${given(' nc')}:${given(' cnonce')}:auth:${asked}`)) {
    return refuse(response, 'Digest qop="auth", realm="shellyplus1-a1", nonce="60dc2c69", algorithm=SHA-256');
  }

  const was = relay.on;
  if (pathname === '/rpc/Switch.Set') {
    turn(relay, searchParams.get('on') === 'true');
    return json({ was_on: was });
  }

  return json({ id: 0, source: 'HTTP_in', output: relay.on, apower: 4.2 });
};

const tasmota: Device = (relay, { searchParams }) => {
  if (searchParams.get('user') !== 'admin' || searchParams.get('password') !== 'pa:ss') {
    return json({ WARNING: 'Need user=<username>&password=<password>' });
  }

  const [, to] = /^Power1(?: (on|off))?$/.exec(searchParams.get('cmnd') ?? '') ?? [];
  if (to !== undefined) turn(relay, to === 'on');
  return json({ POWER: relay.on ? 'ON' : 'OFF' });
};

const rest: Device = (relay, { pathname }, request) => {
  if (request.method === 'POST') turn(relay, pathname === '/on');
  return `outlet is ${relay.on ? 'UP' : 'DOWN'}`;
};

async function serve(device: Device, relay: Relay = { on: false }) {
  const urls: string[] = [];
  const server = createServer((request, response) => {
    urls.push(request.url ?? '');
    const body = device(relay, new URL(request.url ?? '', 'http://device'), request, response);
    response.end(body);
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    port,
    urls,
    relay,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const restSwitch = (host: string) =>
  powerHttp({
    on: { url: `http://${host}/on`, method: 'POST', expect: 'UP' },
    off: { url: `http://${host}/off`, method: 'POST', expect: 'DOWN' },
    state: { url: `http://${host}/`, says: { on: 'UP', off: 'DOWN' } },
  });

const devices: readonly (readonly [title: string, device: Device, driver: (host: string) => PowerDriver])[] =
  [
    ['a Shelly', shelly1, host => powerShelly({ host, generation: 1, channel: 0, credentials })],
    [
      'a Shelly of generation 2',
      shelly2,
      host => powerShelly({ host, generation: 2, channel: 0, credentials }),
    ],
    ['a Tasmota', tasmota, host => powerTasmota({ host, output: 1, credentials })],
    ['a switch with requests of its own', rest, restSwitch],
  ];

for (const [title, device, driver] of devices) {
  test(`${title} switches and says what it did`, async t => {
    const { host, relay, close } = await serve(device);
    const power = driver(host);
    t.is(await power.state(soon()), 'off');
    await power.on(soon());
    t.true(relay.on);
    t.is(await power.state(soon()), 'on');
    await power.off(soon());
    t.false(relay.on);
    close();
  });

  test(`${title} that stays as it was is reported`, async t => {
    const { host, close } = await serve(device, { on: true, stuck: true });
    await t.throwsAsync(driver(host).off(soon()), {
      instanceOf: DriverError,
      message: /the switch says that it is still on|without "DOWN"/,
    });
    close();
  });

  test(`${title} that is silent, gone, or talks nonsense says so, without secrets`, async t => {
    const nonsense = await serve(() => '<html>busy</html>');
    const silent = await serve(() => '');
    const gone = await serve(() => '');
    gone.close();
    const hang = createServer(() => {});
    await new Promise<void>(resolve => {
      hang.listen(0, '127.0.0.1', resolve);
    });
    const hanging = `127.0.0.1:${(hang.address() as AddressInfo).port}`;
    for (const [host, signal, message] of [
      [nonsense.host, soon(), /answered "<html>busy/],
      [silent.host, soon(), /answered nothing/],
      [gone.host, soon(), /nothing listens there/],
      [hanging, AbortSignal.timeout(2000), /waited for its answer until the deadline/],
    ] as const) {
      const thrown = await t.throwsAsync(driver(host).state(signal), { instanceOf: DriverError, message });
      t.notRegex(thrown.message, /pa:ss|pa%3Ass/);
    }

    nonsense.close();
    silent.close();
    hang.closeAllConnections();
    hang.close();
  });
}

test('a wrong password, or none, is told from a wrong address', async t => {
  const { host, close } = await serve(shelly2);
  const wrong = { user: 'admin', password: 'other' };
  for (const [given, message] of [
    [{ credentials: wrong }, /it refuses this user or password/],
    [{}, /it asks for a user and password/],
  ] as const) {
    const power = powerShelly({ host, generation: 2, channel: 0, ...given });
    await t.throwsAsync(power.on(soon()), { instanceOf: DriverError, message });
  }

  close();
});

test('PDUDaemon is asked by its HTTP listener, and knows no state', async t => {
  const { port, urls, close } = await serve((_relay, { pathname }, _request, response) => {
    if (pathname.endsWith('off')) response.statusCode = 500;
    return pathname.endsWith('off') ? 'Invalid request' : 'OK - accepted request';
  });
  const power = powerPduDaemon({ host: '127.0.0.1', port, pdu: 'pdu 01', outlet: '4' });
  await power.on(soon());
  t.deepEqual(urls, ['/power/control/on?hostname=pdu+01&port=4']);
  t.is(await power.state(soon()), 'unknown');
  await t.throwsAsync(power.off(soon()), { message: /answered 500: "Invalid request"/ });
  close();
});

const isInstalled = (program: string) => spawnSync('sh', ['-c', 'command -v "$0"', program]).status === 0;
const withPduDaemon = isInstalled('pdudaemon') ? test.serial : test.serial.skip;

withPduDaemon(
  'PDUDaemon itself switches what it is asked to, and refuses a PDU that it does not have',
  async t => {
    const directory = await mkdtemp(join(tmpdir(), 'pdudaemon-'));
    const port = await freePort();
    const file = join(directory, 'said');
    const configuration = {
      daemon: { hostname: '127.0.0.1', port, logging_level: 'ERROR', listener: 'http' },
      pdus: {
        lab: { driver: 'localcmdline', cmd_on: `echo on %s >> ${file}`, cmd_off: `echo off %s >> ${file}` },
      },
    };
    await writeFile(join(directory, 'configuration'), JSON.stringify(configuration));
    const words = ['--conf', join(directory, 'configuration'), '--logfile', join(directory, 'log')];
    const daemon = spawn('pdudaemon', words, { stdio: 'ignore' });
    const over = once(daemon, 'exit');
    t.teardown(async () => {
      daemon.kill();
      await over;
      await rm(directory, { recursive: true });
    });
    const power = powerPduDaemon({ host: '127.0.0.1', port, pdu: 'lab', outlet: '4' });
    await untilListening(() => power.on(soon()));
    await power.off(soon());
    t.is(await untilSaid(file, 'off 4'), 'on 4\noff 4\n');
    await t.throwsAsync(powerPduDaemon({ host: '127.0.0.1', port, pdu: 'other', outlet: '4' }).on(soon()), {
      instanceOf: DriverError,
      message: /Invalid request/,
    });
  },
);

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** A program that was started takes a while until it listens. */
async function untilListening(ask: () => Promise<void>): Promise<void> {
  for (const end = AbortSignal.timeout(20_000); ; await delay(50)) {
    try {
      await ask();
      return;
    } catch (error) {
      if (end.aborted || !/nothing listens there/.test(String(error))) throw error;
    }
  }
}

/** PDUDaemon answers before it has done what it was asked to. */
async function untilSaid(file: string, words: string): Promise<string> {
  for (const end = soon(); ; await delay(20)) {
    const said = await readFile(file, 'utf8').catch(() => '');
    if (said.includes(words) || end.aborted) return said;
  }
}

const withUhubctl = isInstalled('uhubctl') ? test.serial : test.serial.skip;

withUhubctl('uhubctl itself is asked, and a hub that is not there is told in its words', async t => {
  const power = powerUhubctl({ location: '9-9', port: 2, command: 'uhubctl' });
  for (const act of ['on', 'off', 'state'] as const) {
    await t.throwsAsync(Promise.resolve(power[act](soon())), {
      instanceOf: DriverError,
      message: /by uhubctl 9-9 port 2: exit status \d+:\n[^]*location 9-9/,
    });
  }
});

test('a port of a USB hub is switched by uhubctl, and its output is held against it', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'uhubctl-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const command = join(directory, 'uhubctl');
  await writeFile(
    command,
    `#!/bin/sh
state=${directory}/state
status() { echo "$1 status for hub 1-1 [0424:9514]"; echo "  Port 2: $(cat $state)"; echo "  Port 12: 0100 power"; }
[ -e $state ] || echo '0000 off' > $state
[ "$2" = 1-1 ] || { echo 'No compatible devices detected at location' >&2; exit 1; }
status Current
[ -e ${directory}/stuck ] || case "$6" in
  on) echo '0503 power highspeed enable connect [0403:6001]' > $state ;;
  off) echo '0000 off' > $state ;;
esac
[ -z "$6" ] || { echo "Sent power $6 request"; status New; }
`,
  );
  await chmod(command, 0o755);
  const power = powerUhubctl({ location: '1-1', port: 2, command });
  t.is(await power.state(soon()), 'off');
  await power.on(soon());
  t.is(await power.state(soon()), 'on');
  await writeFile(join(directory, 'stuck'), '');
  await t.throwsAsync(power.off(soon()), { message: /the switch says that it is still on/ });
  await t.throwsAsync(powerUhubctl({ location: '2-1', port: 2, command }).on(soon()), {
    instanceOf: DriverError,
    message: /exit status 1:\nNo compatible devices/,
  });
  await t.throwsAsync(powerUhubctl({ location: '1-1', port: 3, command }).state(soon()), {
    message: /no state of the port/,
  });
});

test('a relay on a serial port gets its bytes, and says its state where it can', async t => {
  const adapter = openPseudoTerminal();
  t.teardown(() => adapter.close());
  let on = false;
  let heard = Buffer.alloc(0);
  adapter.onData(bytes => {
    heard = Buffer.concat([heard, bytes]);
    if (heard.includes(Buffer.from('a00101a2', 'hex'))) on = true;
    if (heard.includes(Buffer.from('a00100a1', 'hex'))) on = false;
    if (heard.includes(0xff)) adapter.write(Buffer.from(`CH1: ${on ? 'ON' : 'OFF'}\r\n`));
    if (heard.length % 4 === 0 || heard.includes(0xff)) heard = Buffer.alloc(0);
  });
  const port = serialDevice({ path: adapter.path, baudRate: 9600 });
  const bytes = { on: Buffer.from('a00101a2', 'hex'), off: Buffer.from('a00100a1', 'hex') };
  const state = { ask: Buffer.of(0xff), on: 'CH1: ON', off: 'CH1: OFF' };
  const power = powerRelay(port, { ...bytes, state });
  // Opening a pseudo-terminal drops what its other end has not read yet.
  const isOn = () => on;
  const until = async (wanted: boolean) => {
    while (isOn() !== wanted) {
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  };
  await power.on(soon());
  await until(true);
  t.is(await power.state(soon()), 'on');
  await power.off(soon());
  await until(false);
  t.is(await power.state(soon()), 'off');
  t.is(await powerRelay(port, bytes).state(soon()), 'unknown');
  const mute = powerRelay(port, { ...bytes, state: { ...state, ask: Buffer.of(1) } });
  await t.throwsAsync(mute.state(AbortSignal.timeout(1500)), { message: /waited for its answer/ });
});

test('a person is asked, and nobody is where there is no terminal', async t => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const power = powerByHand('rpi5-01', { input, output, isThere: true });
  const done = power.on(soon());
  input.write('\n');
  await done;
  t.regex(String(output.read()), /Switch rpi5-01 ON, then press Enter/);
  await t.throwsAsync(power.off(AbortSignal.timeout(50)), { message: /waited for Enter until the deadline/ });
  const closed = power.off(soon());
  input.end();
  await t.throwsAsync(closed, { message: /the terminal was closed/ });
  await t.throwsAsync(powerByHand('rpi5-01', { input, output, isThere: false }).on(soon()), {
    instanceOf: DriverError,
    message: /nobody is there/,
  });
});
