import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createServer as createTlsServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { httpCaller } from '../../../src/lab/drivers/power/http-call.ts';
import { readChallenges } from '../../../src/lab/drivers/power/http-login.ts';
import { powerHttp } from '../../../src/lab/drivers/power/http.ts';
import { powerShelly } from '../../../src/lab/drivers/power/shelly.ts';
import { powerTasmota } from '../../../src/lab/drivers/power/tasmota.ts';

const soon = () => AbortSignal.timeout(20_000);

async function listening(t: ExecutionContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A switch whose answers are bytes: /on, /off, and / for its state. */
function rawSwitch(answer: (text: string) => string, end: (socket: Socket) => void = socket => socket.end()) {
  const relay = { on: false };
  const serve = (socket: Socket) => {
    let asked = '';
    socket.on('error', () => {});
    socket.on('data', bytes => {
      asked += bytes.toString();
      if (!asked.includes('\r\n\r\n')) return;
      const path = asked.split(' ')[1];
      if (path !== '/') relay.on = path === '/on';
      socket.write(Buffer.from(answer(`state ${relay.on ? 'on' : 'off'}`), 'latin1'), () => end(socket));
    });
  };
  return { relay, serve };
}

const switchAt = (host: string) =>
  powerHttp({
    on: { url: `http://${host}/on` },
    off: { url: `http://${host}/off` },
    state: { url: `http://${host}/`, says: { on: 'state on', off: 'state off' } },
  });

const odd: Readonly<Record<string, (text: string) => string>> = {
  'answers by the book': text => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  'answers by HTTP/1.0': text => `HTTP/1.0 200 OK\r\n\r\n${text}`,
  'ends header lines with LF': text => `HTTP/1.0 200 OK\nContent-Type: text/html\n\n${text}`,
  'has a blank in the name of a header': text =>
    `HTTP/1.1 200 OK\r\nContent Type: text/html\r\nContent-Length : ${text.length}\r\n\r\n${text}`,
  'has a line without a colon': text =>
    `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\nKeep-Alive\r\n\r\n${text}`,
  'gives no reason': text => `HTTP/1.1 200\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  'gives no version': text => `HTTP 200 OK\r\n\r\n${text}`,
  'announces more than it sends': text => `HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n${text}`,
  'announces less than it sends': text => `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${text}`,
  'announces two lengths': text =>
    `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  'announces a length and chunks': text =>
    `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\nTransfer-Encoding: chunked\r\n\r\n` +
    `6\r\n${text.slice(0, 6)}\r\n${(text.length - 6).toString(16)};x=y\r\n${text.slice(6)}\r\n0\r\n\r\n`,
  'has bytes above ASCII in a header': text =>
    `HTTP/1.1 200 OK\r\nServer: Ger\xe4t/1.0 \xff\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  'folds a header': text =>
    `HTTP/1.1 200 OK\r\nServer: a\r\n b\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  'says 100 Continue before': text => `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n${text}`,
};

for (const [what, answer] of Object.entries(odd)) {
  test(`a device that ${what} is read as curl reads it`, async t => {
    const { relay, serve } = rawSwitch(answer);
    const power = switchAt(await listening(t, createServer(serve)));
    await power.on(soon());
    t.true(relay.on);
    t.is(await power.state(soon()), 'on');
    await power.off(soon());
    t.is(await power.state(soon()), 'off');
  });
}

test('a device that ends its answer by a reset is read up to there', async t => {
  const { relay, serve } = rawSwitch(
    text => `HTTP/1.1 200 OK\r\n\r\n${text}`,
    socket => socket.resetAndDestroy(),
  );
  await switchAt(await listening(t, createServer(serve))).on(soon());
  t.true(relay.on);
});

test('an answer that comes in single bytes is read', async t => {
  const host = await listening(
    t,
    createServer(socket => {
      socket.setNoDelay(true);
      socket.once('data', () => {
        const bytes = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nstate on\r\n0\r\n\r\n'.split(
          '',
        );
        const next = () => {
          const byte = bytes.shift();
          if (byte !== undefined) socket.write(byte, next);
        };
        next();
      });
    }),
  );
  t.is(await switchAt(host).state(soon()), 'on');
});

for (const [what, answer, why] of [
  ['has no header (HTTP/0.9)', 'state on', /not HTTP: "state on"/],
  ['answers ICY', 'ICY 200 OK\r\n\r\nstate on', /not HTTP: "ICY 200 OK"/],
  ['ends within the header', 'HTTP/1.1 200 OK\r\nServer: x', /within the header.*"HTTP\/1\.1 200 OK"/],
  ['closes without a word', '', /closed the connection without an answer/],
] as const) {
  test(`a device that ${what} may have switched all the same, which the error says`, async t => {
    const { relay, serve } = rawSwitch(() => answer);
    const power = switchAt(await listening(t, createServer(serve)));
    const thrown = await t.throwsAsync(power.on(soon()), { instanceOf: DriverError, message: why });
    t.true(relay.on);
    t.regex(thrown.hint, /may have turned all the same.*kind: command.*curl/);
    const asked = await t.throwsAsync(Promise.resolve(power.state(soon())), { instanceOf: DriverError });
    t.notRegex(asked.hint, /may have turned/);
  });
}

test('a device that does not finish its answer is quoted when the time is over', async t => {
  const { serve } = rawSwitch(
    text => `HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n${text}`,
    () => {},
  );
  const power = switchAt(await listening(t, createServer(serve)));
  const thrown = await t.throwsAsync(power.on(AbortSignal.timeout(1000)), { instanceOf: DriverError });
  t.regex(thrown.message, /waited for the rest of its answer, which begins "HTTP\/1\.1 200 OK"/);
  t.regex(thrown.hint, /may have turned/);
});

test('a device of which nothing listens has not switched', async t => {
  const server = createServer();
  const host = await listening(t, server);
  server.close();
  await once(server, 'close');
  const thrown = await t.throwsAsync(switchAt(host).on(soon()), { message: /nothing listens there/ });
  t.notRegex(thrown instanceof DriverError ? thrown.hint : '', /may have turned/);
});

test('an endless answer is given up', async t => {
  const host = await listening(
    t,
    createServer(socket => {
      socket.on('error', () => {});
      socket.write('HTTP/1.0 200 OK\r\n\r\n');
      const more = () => socket.writable && socket.write(Buffer.alloc(256 * 1024), more);
      more();
    }),
  );
  await t.throwsAsync(switchAt(host).on(soon()), { instanceOf: DriverError, message: /longer than/ });
});

// Digest.

interface DigestOptions {
  readonly algorithm?: string;
  readonly qop?: string;
  /** Each nonce is refused once, as one that has run out. */
  readonly stale?: boolean;
  /** The same nonce in each challenge: its count has to rise. */
  readonly sameNonce?: boolean;
  readonly challenges?: (digest: string) => string | string[];
}

const [user, password, realm] = ['admin', 'pa:s"s', 'plug "3"'];

/** A device with a digest login that holds its clients to RFC 7616. */
function digestDevice({ algorithm, qop, stale, sameNonce, challenges = each => each }: DigestOptions) {
  const nonces = new Map<string, { used: number; fresh: boolean }>();
  const relay = { on: false, bad: '' };
  const newNonce = () => (sameNonce ? 'MDEyMzQ1Njc4OQ==' : randomBytes(16).toString('base64'));
  const name = (algorithm ?? 'MD5')
    .replace(/-sess$/, '')
    .replaceAll('-', '')
    .toLowerCase();
  const hash = (...parts: string[]) => createHash(name).update(parts.join(':')).digest('hex');
  const judge = (request: IncomingMessage): 'ok' | 'stale' | 'refused' => {
    const [login] = readChallenges([request.headers.authorization ?? '']);
    const given = (field: string) => login?.parameters.get(field) ?? '';
    const nonce = nonces.get(given('nonce'));
    if (login?.scheme !== 'digest' || nonce === undefined) return 'refused';
    const account = hash(user, realm, password);
    const secret = algorithm?.endsWith('-sess') ? hash(account, given('nonce'), given('cnonce')) : account;
    const asked =
      given('qop') === 'auth-int'
        ? hash(request.method ?? '', request.url ?? '', hash(''))
        : hash(request.method ?? '', request.url ?? '');
    const middle = qop === undefined ? [] : [given('nc'), given('cnonce'), given('qop')];
    if (given('response') !== hash(secret, given('nonce'), ...middle, asked)) return 'refused';
    if (stale === true && nonce.fresh && nonces.size % 2 === 1) return 'stale';
    if (qop !== undefined && Number.parseInt(given('nc'), 16) !== nonce.used + 1) relay.bad = given('nc');
    nonce.used += 1;
    return 'ok';
  };
  const server = createHttpServer((request, response) => {
    const judged = judge(request);
    if (judged === 'ok') {
      if (request.url === '/on') relay.on = true;
      response.end(relay.on ? 'state on' : 'state off');
      return;
    }
    const nonce = newNonce();
    if (!nonces.has(nonce)) nonces.set(nonce, { used: 0, fresh: true });
    const fields = [
      `realm="${realm.replaceAll('"', String.raw`\"`)}"`,
      `nonce="${nonce}"`,
      ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
      ...(qop === undefined ? [] : [`qop="${qop}"`]),
      ...(judged === 'stale' ? ['stale=TRUE'] : []),
    ];
    response.writeHead(401, { 'WWW-Authenticate': challenges(`Digest ${fields.join(', ')}`) }).end();
  });
  return { relay, server };
}

const basic = 'Basic realm="plug, 3"';

for (const [what, options] of [
  ['MD5 without qop (RFC 2069)', {}],
  ['MD5', { algorithm: 'MD5', qop: 'auth' }],
  ['MD5-sess', { algorithm: 'MD5-sess', qop: 'auth' }],
  ['SHA-256', { algorithm: 'SHA-256', qop: 'auth' }],
  ['SHA-256-sess', { algorithm: 'SHA-256-sess', qop: 'auth' }],
  ['qop auth-int', { algorithm: 'SHA-256', qop: 'auth-int' }],
  ['qop auth-int,auth', { algorithm: 'SHA-256', qop: 'auth-int,auth' }],
  ['nonces that run out (stale)', { algorithm: 'SHA-256', qop: 'auth', stale: true }],
  ['one nonce for all requests', { algorithm: 'SHA-256', qop: 'auth', sameNonce: true }],
  ['Basic and Digest in one header', { qop: 'auth', challenges: (each: string) => `${basic}, ${each}` }],
  ['Digest and Basic in one header', { qop: 'auth', challenges: (each: string) => `${each}, ${basic}` }],
  ['Basic and Digest in two headers', { qop: 'auth', challenges: (each: string) => [basic, each] }],
  ['Digest and Basic in two headers', { qop: 'auth', challenges: (each: string) => [each, basic] }],
  [
    'an unknown algorithm before one that is known',
    { qop: 'auth', challenges: (each: string) => [`Digest realm="x", nonce="y", algorithm=SHA-1024`, each] },
  ],
] as const) {
  test(`a digest login is made: ${what}`, async t => {
    const { relay, server } = digestDevice(options);
    const host = await listening(t, server);
    const call = httpCaller({ credentials: { user, password } });
    t.is((await call({ url: `http://${host}/on` }, 'power on', soon())).body, 'state on');
    t.is((await call({ url: `http://${host}/` }, 'ask for the power', soon())).body, 'state on');
    t.true(relay.on);
    t.is(relay.bad, '');
    const wrong = httpCaller({ credentials: { user, password: 'other' } });
    const refused = wrong({ url: `http://${host}/on` }, 'power on', soon());
    await t.throwsAsync(refused, { instanceOf: DriverError, message: /refuses this user or password/ });
  });
}

test('a login of another kind is named', async t => {
  const server = createHttpServer((_, response) =>
    response.writeHead(401, { 'WWW-Authenticate': 'Negotiate' }).end(),
  );
  const host = await listening(t, server);
  const call = httpCaller({ credentials: { user, password } });
  await t.throwsAsync(call({ url: `http://${host}/` }, 'power on', soon()), {
    message: /it offers negotiate/,
  });
});

// TLS.

const withOpenssl = spawnSync('openssl', ['version']).status === 0 ? test : test.skip;

withOpenssl('a device with a certificate of its own is trusted where the lab file names it', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'http-tls-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const [keyFile, certFile] = [join(directory, 'key'), join(directory, 'cert')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const files = ['-keyout', keyFile, '-out', certFile];
  spawnSync('openssl', ['req', '-x509', ...curve, '-nodes', '-days', '30', ...files, '-subj', '/CN=pdu']);
  const [key, cert] = [readFileSync(keyFile, 'utf8'), readFileSync(certFile, 'utf8')];
  const { relay, serve } = rawSwitch(text => `HTTP/1.0 200 OK\r\n\r\n${text}`);
  const host = await listening(t, createTlsServer({ key, cert }, serve));
  const url = `https://${host}/on`;
  // It calls itself by another name than the address.
  t.is((await httpCaller({ authority: cert })({ url }, 'power on', soon())).body, 'state on');
  t.true(relay.on);
  const thrown = await t.throwsAsync(httpCaller({})({ url }, 'power on', soon()), {
    instanceOf: DriverError,
    message: /certificate is not trusted/,
  });
  t.regex(thrown.hint, /power\.tls: \{ authority: FILE \}/);
  const plain = await listening(
    t,
    createServer(socket => socket.end('HTTP/1.0 400 Bad Request\r\n\r\n')),
  );
  await t.throwsAsync(httpCaller({})({ url: `https://${plain}/on` }, 'power on', soon()), {
    message: /does not speak TLS/,
  });
});

// Secrets.

test('an error shows neither the query of a URL, nor an answer that repeats it, nor a header', async t => {
  const server = createHttpServer((request, response) => {
    response.writeHead(404).end(`not found: ${request.url}, ${String(request.headers['x-key'])}`);
  });
  const host = await listening(t, server);
  const headers = { 'X-Key': 'header-secret' };
  const power = powerHttp({
    on: { url: `http://${host}/on?token=query-secret`, headers },
    off: { url: `http://${host}/off?token=query-secret` },
  });
  const thrown = await t.throwsAsync(power.on(soon()), { instanceOf: DriverError });
  t.regex(thrown.message, /^power on by http:\/\/127\.0\.0\.1:\d+\/on: it answered 404: "not found: \/on/);
  t.notRegex(`${thrown.message} ${thrown.hint} ${power.name}`, /secret/);
});

// Tasmota's words.

const tasmotaAnswers: Readonly<
  Record<string, readonly [off: unknown, on: unknown, status?: (on: boolean) => unknown]>
> = {
  'ON and OFF': ['OFF', 'ON'],
  'StateText 0 and 1': ['0', '1'],
  'StateText off and on': ['off', 'on'],
  'an object': [{ STATE: 'OFF' }, { STATE: 'ON' }],
  'StateText of two other words, and a status with a number': [
    'AUS',
    'EIN',
    on => ({ Status: { Power: on ? 3 : 2 } }),
  ],
  'StateText the wrong way round, and a status with a text': [
    '1',
    '0',
    on => ({ Status: { Power: on ? '1' : '0' } }),
  ],
};

for (const [what, [off, on, status]] of Object.entries(tasmotaAnswers)) {
  test(`Tasmota's answers are understood: ${what}`, async t => {
    let isOn = false;
    const server = createHttpServer((request, response) => {
      const command = new URL(request.url ?? '', 'http://x').searchParams.get('cmnd') ?? '';
      if (command === 'Power1 on') isOn = true;
      if (command === 'Power1 off') isOn = false;
      const answer = command === 'Status' && status ? status(isOn) : { POWER: isOn ? on : off };
      response.end(JSON.stringify(answer));
    });
    const power = powerTasmota({ host: await listening(t, server), output: 1 });
    await power.on(soon());
    t.is(await power.state(soon()), 'on');
    await power.off(soon());
    t.is(await power.state(soon()), 'off');
  });
}

for (const [what, answer] of Object.entries<(json: string) => string>({
  'by the book': json => json,
  'behind the name of its topic': json => `RESULT = ${json}`,
  'behind a byte order mark': json => `\uFEFF${json}`,
  'in front of more text': json => `${json}\r\n<!-- served by ESP8266 -->`,
  'with numbers that JSON does not have': json => json.replace('}', ',"Power":nan,"Factor":-inf}'),
  'with a comma too many': json => json.replace('}', ',}'),
})) {
  test(`a state in JSON is read ${what}`, async t => {
    let isOn = false;
    const server = createHttpServer(({ url = '' }, response) => {
      const asked = decodeURIComponent(url);
      if (/Power1 (on|off)|on=(true|false)/.test(asked)) isOn = /Power1 on|on=true/.test(asked);
      response.end(
        answer(JSON.stringify({ POWER: isOn ? 'ON' : 'OFF', output: isOn, note: 'is "nan", off' })),
      );
    });
    const host = await listening(t, server);
    for (const power of [
      powerTasmota({ host, output: 1 }),
      powerShelly({ host, generation: 2, channel: 0 }),
    ]) {
      await power.on(soon());
      t.is(await power.state(soon()), 'on');
      await power.off(soon());
      t.is(await power.state(soon()), 'off');
    }
  });
}

test('an answer that is compressed unasked is read', async t => {
  let isOn = false;
  const server = createHttpServer(({ url = '' }, response) => {
    if (url !== '/') isOn = url === '/on';
    response.setHeader('Content-Encoding', 'gzip');
    response.end(gzipSync(`state ${isOn ? 'on' : 'off'}`));
  });
  const power = switchAt(await listening(t, server));
  await power.on(soon());
  t.is(await power.state(soon()), 'on');
});

test("words of one's own without a status name StateText; a refused login names the password", async t => {
  const words = createHttpServer((_, response) => response.end('{"POWER":"EIN"}'));
  const foreign = powerTasmota({ host: await listening(t, words), output: 1 });
  const thrown = await t.throwsAsync(foreign.on(soon()), { instanceOf: DriverError, message: /"EIN"/ });
  t.regex(thrown.hint, /StateText1/);
  const login = createHttpServer((_, response) => response.end('{"WARNING":"Need user=<username>"}'));
  const locked = powerTasmota({ host: await listening(t, login), output: 1 });
  const refused = await t.throwsAsync(locked.on(soon()), { instanceOf: DriverError });
  t.regex(refused.hint, /power\.user and power\.passwordFile/);
});

test('a Shelly with a digest login is worked twice in a row', async t => {
  const { server } = digestDevice({ algorithm: 'SHA-256', qop: 'auth', stale: true });
  const power = powerShelly({
    host: await listening(t, server),
    generation: 2,
    channel: 0,
    credentials: { user, password },
  });
  // It answers texts, which is as far as this device goes.
  await t.throwsAsync(power.on(soon()), { message: /answered "state off", which is neither/ });
});
