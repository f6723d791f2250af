import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { connectAsync } from 'mqtt';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { powerMqtt } from '../../../src/lab/drivers/power/mqtt.ts';

const hasBroker = spawnSync('mosquitto', ['-h']).error === undefined;
const withBroker = hasBroker ? test : test.skip;
const credentials = { user: 'hil', password: 'pa:ss' };
const soon = () => AbortSignal.timeout(10_000);
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** The broker itself, on a loopback port, with an account. */
async function openBroker(t: ExecutionContext, more: readonly string[] = []) {
  const directory = mkdtempSync(join(tmpdir(), 'scmi-hil-mqtt-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const passwords = join(directory, 'passwords');
  spawnSync('mosquitto_passwd', ['-b', '-c', passwords, credentials.user, credentials.password]);
  const port = await freePort();
  const file = join(directory, 'mosquitto.conf');
  const settings = [
    `listener ${port} 127.0.0.1`,
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    'allow_anonymous false',
    `password_file ${passwords}`,
    'persistence false',
    ...more,
  ];
  writeFileSync(file, `${settings.join('\n')}\n`);
  const broker = spawn('mosquitto', ['-c', file], { stdio: 'ignore' });
  const gone = new Promise(resolve => {
    broker.once('exit', resolve);
  });
  t.teardown(async () => {
    broker.kill();
    await gone;
  });
  await listening(port);
  return { broker: `127.0.0.1:${port}`, stop: () => broker.kill() };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => {
    server.close(resolve);
  });
  return port;
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connectTcp(port, '127.0.0.1');
    const isThere = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isThere) return;
    await wait(25);
  }
  throw new Error(`nothing listens on port ${port}`);
}

interface Plug {
  on: boolean;
  /** It answers, but does not switch. */
  readonly stuck?: boolean;
  /** Name of the output in a device of one output. */
  readonly power?: string;
}

/** Behaviour of Tasmota for its power commands. */
async function openPlug(t: ExecutionContext, broker: string, plug: Plug, output = 1) {
  const { power = `POWER${output}` } = plug;
  const client = await connectAsync(`mqtt://${broker}`, {
    username: credentials.user,
    password: credentials.password,
    will: { topic: 'tele/plug-3/LWT', payload: Buffer.from('Offline'), retain: true, qos: 1 },
  });
  t.teardown(() => client.endAsync(true));
  client.on('message', (topic, payload) => {
    if (topic !== `cmnd/plug-3/POWER${output}`) return;
    const to = payload.toString();
    if (to !== '' && plug.stuck !== true) plug.on = to === 'ON';
    const says = plug.on ? 'ON' : 'OFF';
    client.publish('stat/plug-3/RESULT', JSON.stringify({ [power]: says }));
    client.publish(`stat/plug-3/${power}`, says, { retain: true });
  });
  await client.subscribeAsync('cmnd/plug-3/+');
  await client.publishAsync('tele/plug-3/LWT', 'Online', { retain: true, qos: 1 });
  return client;
}

for (const power of ['POWER1', 'POWER']) {
  withBroker(`a Tasmota that says ${power} is switched over MQTT and says what it did`, async t => {
    const { broker } = await openBroker(t);
    const plug: Plug = { on: false, power };
    await openPlug(t, broker, plug);
    const driver = powerMqtt({ broker, topic: 'plug-3', output: 1, credentials });
    t.is(await driver.state(soon()), 'off');
    await driver.on(soon());
    t.true(plug.on);
    t.is(await driver.state(soon()), 'on');
    await driver.off(soon());
    t.false(plug.on);
    t.is(await driver.state(soon()), 'off');
  });
}

withBroker('the second output is switched, not the first', async t => {
  const { broker } = await openBroker(t);
  const plug: Plug = { on: false };
  await openPlug(t, broker, plug, 2);
  await powerMqtt({ broker, topic: 'plug-3', output: 2, credentials }).on(soon());
  t.true(plug.on);
});

withBroker('an MQTT plug that stays as it was is reported', async t => {
  const { broker } = await openBroker(t);
  await openPlug(t, broker, { on: true, stuck: true });
  await t.throwsAsync(powerMqtt({ broker, topic: 'plug-3', output: 1, credentials }).off(soon()), {
    instanceOf: DriverError,
    message: /the switch says that it is still on/,
  });
});

withBroker('a retained message of the broker is not taken for an answer', async t => {
  const { broker } = await openBroker(t);
  const plug: Plug = { on: false };
  const device = await openPlug(t, broker, plug);
  await device.publishAsync('stat/plug-3/POWER1', 'ON', { retain: true, qos: 1 });
  t.is(await powerMqtt({ broker, topic: 'plug-3', output: 1, credentials }).state(soon()), 'off');
});

withBroker('a device that is offline is told by its last will, also while it is waited for', async t => {
  const { broker } = await openBroker(t);
  const device = await openPlug(t, broker, { on: false });
  const driver = powerMqtt({ broker, topic: 'plug-3', output: 7, credentials });
  const asked = t.throwsAsync(driver.state(soon()), {
    message: /the broker says that the device is offline/,
  });
  // Not its disconnection, which would take the will back.
  device.stream.destroy();
  await asked;
  await t.throwsAsync(driver.on(soon()), { message: /the broker says that the device is offline/ });
});

withBroker('a device that does not answer is told from a topic that no device has', async t => {
  const { broker } = await openBroker(t);
  await openPlug(t, broker, { on: false });
  for (const [topic, output, message, hint] of [
    ['plug-3', 7, /waited for its answer on stat\/plug-3\/POWER7 until/, /has power/],
    ['plug-4', 1, /nothing is on tele\/plug-4\/LWT/, /power\.topic/],
  ] as const) {
    const silent = powerMqtt({ broker, topic, output, credentials });
    const thrown = await t.throwsAsync(silent.state(AbortSignal.timeout(500)), { instanceOf: DriverError });
    t.regex(thrown.message, message);
    t.regex(thrown.hint, hint);
  }
});

withBroker('a login that the broker refuses is reported, without the password', async t => {
  const { broker } = await openBroker(t);
  for (const login of [{ credentials: { user: 'hil', password: 'se:cret' } }, {}]) {
    const thrown = await t.throwsAsync(
      powerMqtt({ broker, topic: 'plug-3', output: 1, ...login }).on(soon()),
      { instanceOf: DriverError, message: /refuses this user or password/ },
    );
    t.regex(thrown.hint, /power\.passwordFile/);
    t.notRegex(`${thrown.message} ${String(thrown.cause)}`, /se:cret/);
  }
});

withBroker('a broker that goes away while it is waited for is told', async t => {
  const { broker, stop } = await openBroker(t);
  const observer = await openPlug(t, broker, { on: false });
  observer.on('message', topic => {
    if (topic === 'cmnd/plug-3/POWER7') stop();
  });
  await t.throwsAsync(powerMqtt({ broker, topic: 'plug-3', output: 7, credentials }).on(soon()), {
    instanceOf: DriverError,
    message: /broke the connection off|offline/,
  });
});

test('a broker that is not there, or is none, is told', async t => {
  const mute = createServer();
  await new Promise<void>(resolve => {
    mute.listen(0, '127.0.0.1', resolve);
  });
  t.teardown(() => mute.close());
  const { port } = mute.address() as AddressInfo;
  for (const [broker, signal, message] of [
    [`127.0.0.1:${await freePort()}`, soon(), /nothing listens there/],
    [`127.0.0.1:${port}`, AbortSignal.timeout(200), /waited for an answer of the broker until the deadline/],
  ] as const) {
    const thrown = await t.throwsAsync(powerMqtt({ broker, topic: 'plug-3', output: 1 }).state(signal), {
      instanceOf: DriverError,
      message,
    });
    t.regex(thrown.hint, /power\.broker/);
  }
});

(hasBroker && hasOpenssl ? test : test.skip)(
  'over TLS, a broker is trusted whose certificate the given authority has signed, and no other',
  async t => {
    const directory = mkdtempSync(join(tmpdir(), 'scmi-hil-tls-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')];
    const request =
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=broker ' +
      `-addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${certificate}`;
    const made = spawnSync('openssl', request.split(' '));
    t.is(made.status, 0, String(made.stderr));
    const port = await freePort();
    const { broker } = await openBroker(t, [
      `listener ${port} 127.0.0.1`,
      `certfile ${certificate}`,
      `keyfile ${key}`,
    ]);
    await openPlug(t, broker, { on: true });
    const device = { broker: `127.0.0.1:${port}`, topic: 'plug-3', output: 1, credentials };
    const authority = readFileSync(certificate, 'utf8');
    t.is(await powerMqtt({ ...device, tls: { authority } }).state(soon()), 'on');
    await t.throwsAsync(powerMqtt({ ...device, tls: {} }).state(soon()), {
      instanceOf: DriverError,
      message: /self-signed certificate/,
    });
  },
);
