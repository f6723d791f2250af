import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, open, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { fetchTftp, TftpFetchError } from '../../../src/lab/drivers/tftp/client.ts';
import { agree } from '../../../src/lab/drivers/tftp/options.ts';
import { readPacket } from '../../../src/lab/drivers/tftp/packet.ts';
import { listenTftp } from '../../../src/lab/drivers/tftp/server.ts';
import { acquireTftp } from '../../../src/lab/drivers/tftp/shared.ts';
import type { TftpBoard, TftpEvent, TftpServer } from '../../../src/lab/drivers/tftp/tftp.ts';
import { createWindow } from '../../../src/lab/drivers/tftp/window.ts';
import { acknowledgement, bootLoaderFetch, error, openRawClient, request } from './boot-loader-client.ts';
import { type LinkFaults, openLossyLink } from '../../../src/lab/virtual/lossy-link.ts';

const host = '127.0.0.1';
const listen = (retransmit = 40, retries = 3) => listenTftp({ address: host, port: 0, retransmit, retries });
const within = (milliseconds: number) => AbortSignal.timeout(milliseconds);

type Files = Readonly<Record<string, string | Uint8Array>>;

/** Serves files to every client, and keeps the events. */
async function serve(server: TftpServer, files: Files, board: Partial<TftpBoard> = {}) {
  const events: TftpEvent[] = [];
  const waiting = new Set<() => void>();
  const handle = await server.serve({
    name: 'board',
    files: new Map(Object.entries(files)),
    onEvent: event => {
      events.push(event);
      waiting.forEach(look => look());
    },
    ...board,
  });
  /** The event of a kind, by number. */
  const seen = <Kind extends TftpEvent['kind']>(
    kind: Kind,
    number = 1,
  ): Promise<Extract<TftpEvent, { kind: Kind }>> =>
    new Promise(resolve => {
      const look = () => {
        const event = events.filter(candidate => candidate.kind === kind)[number - 1];
        if (event !== undefined) {
          waiting.delete(look);
          resolve(event as Extract<TftpEvent, { kind: Kind }>);
        }
      };
      waiting.add(look);
      look();
    });
  return { events, seen, handle };
}

async function refusalOf(server: TftpServer, bytes: Uint8Array, from = host) {
  const client = await openRawClient(from);
  client.send(bytes, server.port);
  const answer = await client.next();
  await client.close();
  return answer?.opcode === 5 ? answer.word : undefined;
}

// Option negotiation

for (const [asked, size, wanted] of [
  [{}, 5, {}],
  [{ blksize: '1468', tsize: '0' }, 5, { blksize: '1468', tsize: '5' }],
  [{ blksize: '8' }, 5, { blksize: '8' }],
  [{ blksize: '7' }, 5, {}],
  [{ blksize: '100000' }, 5, { blksize: '65464' }],
  [{ blksize: '-1', windowsize: 'x', timeout: '1e1' }, 5, {}],
  [{ windowsize: '0' }, 5, {}],
  [{ windowsize: '65535' }, 5, { windowsize: '64' }],
  [{ timeout: '30' }, 5, { timeout: '30' }],
  [{ timeout: '31' }, 5, {}],
  [{ timeout: '255' }, 5, {}],
  [{ timeout: '3000' }, 5, {}],
  [{ tsize: '1' }, 5, { tsize: '5' }],
  [{ rollover: '0', constructor: '1', __proto__x: '2' }, 5, {}],
] as const) {
  test(`the options ${JSON.stringify(asked)} are answered with ${JSON.stringify(wanted)}`, t => {
    t.deepEqual(Object.fromEntries(agree(new Map(Object.entries(asked)), size).accepted), wanted);
  });
}

test('option names and modes are read whatever their case, and of a name that comes twice the first counts', t => {
  const packet = readPacket(Buffer.from('\0\u0001Image\0OCTET\0BLKSIZE\x001024\0blksize\x00512\0'));
  t.like(packet, { kind: 'read', file: 'Image', mode: 'octet' });
  t.deepEqual(packet?.kind === 'read' && [...packet.options], [['blksize', '1024']]);
});

test('a request without its last zero byte is read, but for an option that may be cut short', t => {
  t.like(readPacket(Buffer.from('\0\u0001Image\0octet')), { file: 'Image', mode: 'octet' });
  const cut = readPacket(Buffer.from('\0\u0001Image\0octet\0tsize\x000\0blksize\x0014'));
  t.deepEqual(cut?.kind === 'read' && [...cut.options], [['tsize', '0']]);
  t.is(readPacket(Buffer.from('\0\u0001Image\0oct')), undefined);
});

test('a malformed packet is refused', t => {
  for (const bytes of [
    '',
    '\0',
    '\0\u0001',
    '\0\u0001a',
    '\0\u0001\0octet\0',
    '\0\u0001a\0',
    '\0\u0009a\0b\0',
  ]) {
    t.is(readPacket(Buffer.from(bytes)), undefined, JSON.stringify(bytes));
  }
});

test('a window goes back to what is missing, forward on news, and nowhere on a duplicate', t => {
  const window = createWindow(8 * 10 - 1, 8, 4);
  t.is(window.total, 10);
  [1, 2, 3, 4].forEach(block => window.markSent(block));
  t.false(window.acknowledge(0));
  t.false(window.acknowledge(5));
  t.true(window.acknowledge(2));
  t.false(window.acknowledge(2));
  t.false(window.acknowledge(1));
  t.is(window.last, 6);
  [3, 4, 5, 6].forEach(block => window.markSent(block));
  t.is(window.resent, 2);
  t.true(window.acknowledge(6));
  t.is(window.last, 10);
});

test('a window counts on after 65535 blocks', t => {
  const window = createWindow(8 * 70_000, 8, 1);
  for (let block = 1; block <= 65_537; block += 1) {
    window.markSent(block);
    if (!window.acknowledge(block & 0xffff)) {
      t.fail(`block ${block}`);
    }
  }

  t.is(window.acknowledged, 65_537);
});

// Files that arrive

const sizes = [0, 1, 511, 512, 513, 1468, 1468 * 3, 300_000];

test('node-tftp gets files of every size, from memory and from disk, and they are reported', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'tftp-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await using server = await listen(5000);
  const contents = new Map(sizes.map(size => [`f${size}`, randomBytes(size)]));
  const files: Record<string, string | Uint8Array> = {};
  for (const [name, bytes] of contents) {
    files[name] = bytes;
    files[`disk/${name}`] = join(directory, name);
    await writeFile(join(directory, name), bytes);
  }

  const { events, seen } = await serve(server, files);
  for (const name of Object.keys(files)) {
    for (const blockSize of [512, 1468]) {
      const progress: number[] = [];
      const bytes = await fetchTftp({
        server: host,
        port: server.port,
        file: name,
        blockSize,
        signal: within(5000),
        onProgress: got => progress.push(got),
      });
      t.deepEqual(Buffer.from(bytes), contents.get(name.replace('disk/', '')), name);
      t.is(progress.at(-1) ?? 0, bytes.length);
    }
  }

  await seen('done', Object.keys(files).length * 2);
  const done = events.filter(event => event.kind === 'done');
  t.true(done.every(({ resent }) => resent === 0));
  t.is(done.at(-1)?.blocks, Math.floor(300_000 / 1468) + 1);
  // Each of the four largest is told of once its bytes are many, or sooner by the clock of a busy machine.
  const told = events.filter(event => event.kind === 'progress');
  t.true(new Set(told.map(({ transfer }) => transfer)).size >= 4);
  t.true(told.filter(({ bytes }) => bytes >= 262_144).every(({ size }) => size === 300_000));
});

test('a file of more than 65535 blocks arrives whole with a window', async t => {
  await using server = await listen(500);
  const bytes = randomBytes(8 * 66_000 + 3);
  await serve(server, { big: bytes });
  const got = await bootLoaderFetch(server.port, 'big', { blockSize: 8, windowSize: 32, silence: 500 });
  t.true(got.equals(bytes));
});

for (const blockSize of [1024, 1468]) {
  test(`more than 65535 blocks of ${blockSize} bytes arrive as a Raspberry Pi asks for them`, async t => {
    const directory = await mkdtemp(join(tmpdir(), 'tftp-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const file = join(directory, 'kernel8.img');
    const size = 65_537 * blockSize + 9;
    await writeFile(file, '');
    await truncate(file, size);
    // Where the number on the wire goes from 65535 to 0 and on, each block is its own.
    const turn = randomBytes(size - 65_533 * blockSize);
    await using handle = await open(file, 'r+');
    await handle.write(turn, 0, turn.length, size - turn.length);
    await using server = await listen(1000);
    const { seen } = await serve(server, { 'kernel8.img': file }, { prefixes: ['bd989ae1/'] });
    const got = await bootLoaderFetch(server.port, 'bd989ae1//kernel8.img', { blockSize, silence: 1000 });
    t.is(got.length, size);
    t.true(got.subarray(size - turn.length).equals(turn));
    t.deepEqual((await seen('request')).options, { blksize: String(blockSize), tsize: '0' });
    t.like(await seen('done'), { bytes: size, blocks: 65_538, file: 'kernel8.img' });
  });
}

const links: readonly (readonly [string, LinkFaults])[] = [
  ['loses', { drop: 0.05 }],
  ['doubles', { duplicate: 0.05 }],
  ['reorders', { reorder: 0.05 }],
  ['loses, doubles and reorders', { drop: 0.03, duplicate: 0.05, reorder: 0.05 }],
];
for (const [name, faults] of links) {
  for (const windowSize of [1, 8]) {
    test(`a link that ${name} packets delays files, window ${windowSize}, and never changes them`, async t => {
      await using server = await listen(150, 20);
      const bytes = randomBytes(200_000);
      const { seen } = await serve(server, { Image: bytes });
      const link = await openLossyLink(server.port, 7 + windowSize, faults);
      const [first, second] = await Promise.all([
        bootLoaderFetch(link.port, 'Image', { windowSize }),
        bootLoaderFetch(link.port, 'Image', { windowSize, blockSize: 512 }),
      ]);
      t.true(first.equals(bytes));
      t.true(second.equals(bytes));
      const { dropped, duplicated, reordered } = link.counts;
      t.true(dropped + duplicated + reordered > 5);
      t.is((await seen('request')).options?.['tsize'], '0');
      await link.close();
    });
  }
}

test('duplicates on the way do not make the server send more', async t => {
  await using server = await listen(2000);
  const { seen } = await serve(server, { Image: randomBytes(1468 * 100) });
  const link = await openLossyLink(server.port, 1, { duplicate: 0.3 });
  await bootLoaderFetch(link.port, 'Image', { silence: 2000 });
  t.is((await seen('done')).resent, 0);
  await link.close();
});

test('node-tftp gets its file over a link that doubles packets', async t => {
  await using server = await listen(40, 250);
  const bytes = randomBytes(200_000);
  await serve(server, { Image: bytes });
  const link = await openLossyLink(server.port, 3, { duplicate: 0.05 });
  const got = await fetchTftp({ server: host, port: link.port, file: 'Image', signal: within(40_000) });
  t.true(bytes.equals(got));
  await link.close();
});

const run = promisify(execFile);
const clients: readonly (readonly [
  command: string,
  arguments_: (port: number, file: string) => readonly string[],
])[] = [
  ['curl', (port, file) => ['-sS', '--tftp-blksize', '1468', '-o', file, `tftp://${host}:${port}/Image`]],
  ['tftp', (port, file) => ['-m', 'binary', host, String(port), '-c', 'get', 'Image', file]],
  [
    'atftp',
    (port, file) => ['--option', 'windowsize 8', '-g', '-r', 'Image', '-l', file, host, String(port)],
  ],
];
for (const [command, argumentsOf] of clients) {
  const installed = (process.env['PATH'] ?? '').split(delimiter).some(directory => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  (installed ? test : test.skip)(`${command} gets a file`, async t => {
    const directory = await mkdtemp(join(tmpdir(), 'tftp-'));
    t.teardown(() => rm(directory, { recursive: true }));
    await using server = await listen(1000);
    const bytes = randomBytes(500_000);
    await serve(server, { Image: bytes });
    const file = join(directory, 'got');
    await run(command, argumentsOf(server.port, file), { timeout: 20_000 });
    const { readFile } = await import('node:fs/promises');
    t.true(bytes.equals(await readFile(file)));
  });
}

// Misbehaviour

test('short and senseless packets to a transfer are ignored', async t => {
  await using server = await listen(1000);
  await serve(server, { Image: Buffer.alloc(600) });
  const client = await openRawClient();
  client.send(request('Image'), server.port);
  const first = await client.next();
  t.is(first?.word, 1);
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(1), Buffer.from([0, 4]), Buffer.from([9, 9, 9, 9])]) {
    client.send(bytes, first?.port ?? 0);
    client.send(bytes, server.port);
  }

  client.send(acknowledgement(1), first?.port ?? 0);
  t.is((await client.next())?.word, 2);
  await client.close();
});

test('a duplicate acknowledgement is not answered', async t => {
  await using server = await listen(5000);
  await serve(server, { Image: Buffer.alloc(512 * 5) });
  const client = await openRawClient();
  client.send(request('Image'), server.port);
  const port = (await client.next())?.port ?? 0;
  for (const block of [1, 1, 1, 0, 9]) {
    client.send(acknowledgement(block), port);
  }

  t.is((await client.next())?.word, 2);
  t.is(await client.next(100), undefined);
  await client.close();
});

test('an acknowledgement from somewhere else gets error 5 and moves nothing', async t => {
  await using server = await listen(5000);
  await serve(server, { Image: Buffer.alloc(512 * 5) });
  const [client, stranger] = await Promise.all([openRawClient(), openRawClient()]);
  client.send(request('Image'), server.port);
  const port = (await client.next())?.port ?? 0;
  stranger.send(acknowledgement(1), port);
  t.like(await stranger.next(), { opcode: 5, word: 5 });
  t.is(await client.next(100), undefined);
  client.send(acknowledgement(1), port);
  t.is((await client.next())?.word, 2);
  await Promise.all([client.close(), stranger.close()]);
});

test('a request that comes twice starts one transfer', async t => {
  await using server = await listen(5000);
  const { events } = await serve(server, { Image: Buffer.alloc(100) });
  const client = await openRawClient();
  client.send(request('Image'), server.port);
  client.send(request('Image'), server.port);
  const first = await client.next();
  client.send(request('Image'), server.port);
  t.is(await client.next(100), undefined);
  client.send(acknowledgement(1), first?.port ?? 0);
  t.is(events.filter(({ kind }) => kind === 'request').length, 1);
  await client.close();
});

test('a client that asks for something else from the same port has given up what it had', async t => {
  await using server = await listen(5000);
  const { seen } = await serve(server, { a: Buffer.alloc(2000), b: Buffer.from('b') });
  const client = await openRawClient();
  client.send(request('a'), server.port);
  t.is((await client.next())?.word, 1);
  client.send(request('b'), server.port);
  t.like(await seen('ended'), { why: 'client-error', file: 'a' });
  t.is((await client.next())?.rest.toString(), 'b');
  await client.close();
});

test('a board that was reset and asks again from the same port gets its file from the start', async t => {
  await using server = await listen(50, 100);
  const { events } = await serve(server, { a: Buffer.alloc(2000) });
  const client = await openRawClient();
  client.send(request('a'), server.port);
  const first = await client.next();
  client.send(acknowledgement(1), first?.port ?? 0);
  // Three times the second block: more than one retransmission interval of silence.
  for (let seconds = 0; seconds < 3; ) {
    seconds += (await client.next())?.word === 2 ? 1 : 0;
  }

  client.send(request('a'), server.port);
  let packet = first;
  while (packet?.port === first?.port) {
    packet = await client.next();
  }

  t.like(packet, { opcode: 3, word: 1 });
  t.is(events.filter(({ kind }) => kind === 'request').length, 2);
  await client.close();
});

test('a client that stops in mid-file is given up, and what it had is reported', async t => {
  await using server = await listen(20, 3);
  const { seen } = await serve(server, { Image: Buffer.alloc(512 * 5) });
  const client = await openRawClient();
  client.send(request('Image'), server.port);
  client.send(acknowledgement(1), (await client.next())?.port ?? 0);
  const ended = await seen('ended');
  t.like(ended, { why: 'timeout', bytes: 512, file: 'Image' });
  t.regex(ended.detail, /block 2 was sent 4 times, 20 ms apart/);
  const words: (number | undefined)[] = [];
  for (let packet = await client.next(); packet?.opcode === 3; packet = await client.next()) {
    words.push(packet.word);
  }

  // The first may have been sent again before its acknowledgement came.
  t.deepEqual(
    words.filter(word => word !== 1),
    [2, 2, 2, 2],
  );
  await client.close();
});

test('the time-out that the client asks for is kept to', async t => {
  await using server = await listen(20);
  await serve(server, { Image: Buffer.alloc(100) });
  const client = await openRawClient();
  client.send(request('Image', { timeout: 1 }), server.port);
  t.like(await client.next(), { opcode: 6 });
  t.is(await client.next(200), undefined);
  t.like(await client.next(), { opcode: 6 });
  await client.close();
});

test('the error of a client that only wanted to know the size is a normal end', async t => {
  await using server = await listen(1000);
  const { seen } = await serve(server, { Image: Buffer.alloc(4321) });
  const client = await openRawClient();
  client.send(request('Image', { tsize: 0 }), server.port);
  const answer = await client.next();
  t.is(answer?.opcode, 6);
  client.send(error(0, 'Early terminate'), answer?.port ?? 0);
  t.like(await seen('ended'), { why: 'client-error', detail: 'Early terminate (error 0)', bytes: 0 });
  await client.close();
});

test('a file that becomes shorter while it is sent ends the transfer with an error', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'tftp-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'Image');
  await writeFile(file, Buffer.alloc(4 * 1024 * 1024));
  await using server = await listen(1000);
  const { seen } = await serve(server, { Image: file });
  const client = await openRawClient();
  client.send(request('Image', { blksize: 65464 }), server.port);
  const port = (await client.next())?.port ?? 0;
  await truncate(file, 1000);
  client.send(acknowledgement(0), port);
  t.like(await client.next(), { opcode: 5, word: 0 });
  t.like(await seen('ended'), { why: 'read-error' });
  await client.close();
});

// Names and boards

test('names that a board may not have are refused, each with its code, and recorded', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'tftp-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await symlink('/nonexistent', join(directory, 'broken'));
  await using server = await listen();
  const { events } = await serve(server, {
    Image: Buffer.from('x'),
    'boot/dtb': Buffer.from('y'),
    broken: join(directory, 'broken'),
    directory,
  });
  const refused: readonly (readonly [string, number, number?])[] = [
    ['nope', 1],
    ['../Image', 2],
    ['boot/../../etc/passwd', 2],
    ['boot\\..\\x', 2],
    ['/etc/passwd', 2],
    ['..', 2],
    ['boot', 1],
    ['constructor', 1],
    ['__proto__', 1],
    ['broken', 1],
    ['directory', 2],
    ['Image', 2, 2],
    ['anything', 2, 2],
  ];
  for (const [name, code, opcode] of refused) {
    t.is(await refusalOf(server, request(name, {}, opcode)), code, name);
  }

  t.deepEqual(
    events.map(event => event.kind === 'refused' && [event.file, event.code, event.client]),
    refused.map(([name, code]) => [name, code, host]),
  );
  t.is(await refusalOf(server, Buffer.from('\0\u0001Image\0netascii\0')), 4);
});

test('a name is found with doubled slashes, a leading slash, and after the board prefixes', async t => {
  await using server = await listen();
  await serve(
    server,
    { 'boot/dtb': Buffer.from('y'), 'bd989ae1/own': Buffer.from('z') },
    { prefixes: ['bd989ae1/'] },
  );
  const found = [
    'boot/dtb',
    '/boot/dtb',
    'boot//dtb',
    './boot/./dtb',
    'bd989ae1/boot/dtb',
    'bd989ae1//boot/dtb',
  ];
  for (const name of [...found, 'bd989ae1/own']) {
    t.is((await bootLoaderFetch(server.port, name)).length, 1, name);
  }

  await t.throwsAsync(bootLoaderFetch(server.port, 'bd989ae2/boot/dtb'), { message: /error 1/ });
});

test('each board gets its own files by its address, and not those of another', async t => {
  await using server = await listenTftp({ address: '0.0.0.0', port: 0 });
  const strangers: TftpEvent[] = [];
  const onStranger = (event: TftpEvent) => strangers.push(event);
  const first = await serve(
    server,
    { Image: Buffer.from('one'), one: Buffer.from('1') },
    { name: 'one', clients: ['127.0.0.1'], onStranger },
  );
  await serve(
    server,
    { Image: Buffer.from('two'), two: Buffer.from('2') },
    { name: 'two', clients: ['127.0.0.2'] },
  );

  const ask = async (from: string, file: string) => {
    const client = await openRawClient(from);
    client.send(request(file), server.port);
    const answer = await client.next();
    client.send(acknowledgement(1), answer?.port ?? 0);
    await client.close();
    return answer?.opcode === 5 ? answer.word : answer?.rest.toString();
  };

  t.is(await ask('127.0.0.1', 'Image'), 'one');
  t.is(await ask('127.0.0.2', 'Image'), 'two');
  t.is(await ask('127.0.0.1', 'two'), 1);
  t.regex((await first.seen('refused')).why, /it is one of two's/);
  t.is(await refusalOf(server, request('Image'), '127.0.0.3'), undefined);
  t.like(strangers, [{ kind: 'refused', client: '127.0.0.3', file: 'Image' }]);
  await t.throwsAsync(serve(server, {}, { name: 'three', clients: ['127.0.0.2'] }), {
    message: /three and two/,
  });
});

test('files that were taken away end their transfers, and are not found afterwards', async t => {
  await using server = await listen(1000);
  const { handle, seen } = await serve(server, { Image: Buffer.alloc(2000) });
  const client = await openRawClient();
  client.send(request('Image'), server.port);
  t.like(await client.next(), { opcode: 3 });
  await handle[Symbol.asyncDispose]();
  t.like(await seen('ended'), { why: 'closed' });
  t.like(await client.next(), { opcode: 5, word: 0 });
  // Its address is no board's any more: no answer.
  t.is(await refusalOf(server, request('Image')), undefined);
  await client.close();
});

// Under attack

test('the same file asked for again after the last acknowledgement was lost is sent again at once', async t => {
  await using server = await listen(60_000);
  const { events } = await serve(server, { Image: Buffer.alloc(512, 'x') });
  const client = await openRawClient();
  client.send(request('Image'), server.port);
  const first = await client.next();
  client.send(acknowledgement(1), first?.port ?? 0);
  t.like(await client.next(), { opcode: 3, word: 2 });
  client.send(request('Image'), server.port);
  const again = await client.next(20_000);
  t.like(again, { opcode: 3, word: 1 });
  t.not(again?.port, first?.port);
  t.like(
    events.map(({ kind }) => kind).filter(kind => kind !== 'progress'),
    ['request', 'ended', 'request'],
  );
  await client.close();
});

test('a client that never answers gets three packets, of the least size, and no more', async t => {
  await using server = await listen(20, 5);
  const { seen } = await serve(server, { Image: Buffer.alloc(5000) });
  const client = await openRawClient();
  client.send(request('Image'), server.port);
  const packets = [];
  const end = await seen('ended');
  t.like(end, { why: 'timeout' });
  t.regex(end.detail, /block 1 was sent 3 times/);
  for (let packet = await client.next(20_000); packet !== undefined; packet = await client.next(200)) {
    packets.push([packet.opcode, packet.word, packet.rest.length]);
  }
  t.deepEqual(
    packets,
    Array.from({ length: 3 }, () => [3, 1, 512]),
  );
  await client.close();
});

test.serial(
  'a flood of requests that are never acknowledged keeps no board out, and takes no memory',
  async t => {
    const directory = await mkdtemp(join(tmpdir(), 'flood-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const file = join(directory, 'Image');
    const bytes = randomBytes(2_000_000);
    await writeFile(file, bytes);
    await using server = await listen(1000, 5);
    const { events } = await serve(server, { Image: file }, { name: 'flooded', clients: [host] });
    await serve(server, { Image: file }, { name: 'other', clients: ['127.0.0.2'] });
    const before = process.memoryUsage().arrayBuffers;
    const flood = await Promise.all(Array.from({ length: 300 }, () => openRawClient()));
    for (const client of flood)
      client.send(request('Image', { timeout: '30', blksize: '1468' }), server.port);
    for (const client of flood) await client.next(200);
    t.true(process.memoryUsage().arrayBuffers - before < 30 * 1024 * 1024);
    const running = events.filter(({ kind }) => kind === 'request').length;
    const ended = events.filter(({ kind }) => kind === 'ended').length;
    t.true(running - ended <= 9, `${running} requests, ${ended} ended`);
    // The flooded board itself still gets its files, and the other one too.
    t.deepEqual(await bootLoaderFetch(server.port, 'Image'), bytes);
    const other = await openRawClient('127.0.0.2');
    other.send(request('Image'), server.port);
    t.like(await other.next(20_000), { opcode: 3, word: 1 });
    for (const client of [...flood, other]) await client.close();
  },
);

// Sharing and closing

test.serial('closing ends running transfers and leaves no socket', async t => {
  const before = process.getActiveResourcesInfo().filter(name => name.startsWith('UDP')).length;
  const server = await listen(1000);
  const { seen } = await serve(server, { Image: Buffer.alloc(2000) });
  const client = await openRawClient();
  client.send(request('Image'), server.port);
  t.like(await client.next(), { opcode: 3 });
  await Promise.all([server.close(), server.close()]);
  t.like(await seen('ended'), { why: 'closed' });
  t.like(await client.next(), { opcode: 5 });
  await client.close();
  // The handles go in the turn after.
  await setImmediate();
  await setImmediate();
  t.is(process.getActiveResourcesInfo().filter(name => name.startsWith('UDP')).length, before);
});

test('a port that another server has is an error that says how to find it', async t => {
  await using server = await listen();
  const thrown = await t.throwsAsync(listenTftp({ address: host, port: server.port }), {
    instanceOf: DriverError,
  });
  t.regex(thrown.message, /another server(, of another user,)? has this port/);
  t.regex(thrown instanceof DriverError ? thrown.hint : '', /^stop it: kill \d+, or its service$|ss -lunp/);
  await t.throwsAsync(listenTftp({ address: '192.0.2.1', port: 0 }), {
    message: /does not have that address/,
  });
});

test('boards on one address and port share a server, which the last one closes', async t => {
  const probe = await listen();
  const { port } = probe;
  await probe.close();
  const [first, second] = await Promise.all([acquireTftp(host, port), acquireTftp(host, port)]);
  await serve(first, { Image: Buffer.from('first') }, { name: 'first', clients: ['127.0.0.9'] });
  await serve(second, { Image: Buffer.from('second') }, { name: 'second', clients: [host] });
  t.is((await bootLoaderFetch(port, 'Image')).toString(), 'second');
  await first.close();
  await first.close();
  t.is((await bootLoaderFetch(port, 'Image')).toString(), 'second');
  const [, third] = await Promise.all([second.close(), acquireTftp(host, port)]);
  t.is(await refusalOf(third, request('Image')), undefined);
  await third.close();
  await (await listenTftp({ address: host, port })).close();
});

test('a shared server that cannot be had is asked for anew the next time', async t => {
  const rival = await listen();
  await t.throwsAsync(acquireTftp(host, rival.port), { instanceOf: DriverError });
  await rival.close();
  await (await acquireTftp(host, rival.port)).close();
});

// The client

test('the client tells a missing file from a silent server', async t => {
  await using server = await listen();
  await serve(server, {});
  const missing = await t.throwsAsync(
    fetchTftp({ server: host, port: server.port, file: 'nope', signal: within(5000) }),
    { instanceOf: TftpFetchError },
  );
  t.is(missing instanceof TftpFetchError && missing.code, 1);

  const silent = await openRawClient();
  const unanswered = await t.throwsAsync(
    fetchTftp({ server: host, port: silent.port, file: 'x', timeout: 256, retries: 1, signal: within(5000) }),
    { instanceOf: TftpFetchError, message: /Timed out/ },
  );
  t.is(unanswered instanceof TftpFetchError && unanswered.code, undefined);
  await t.throwsAsync(fetchTftp({ server: host, port: silent.port, file: 'x', signal: within(50) }), {
    instanceOf: DriverError,
    message: /waited for the last block until the deadline/,
  });
  await silent.close();
});

test('a transfer that the client ends tells the server why', async t => {
  await using server = await listen(1000);
  const { seen } = await serve(server, { Image: Buffer.alloc(5_000_000) });
  const stop = new AbortController();
  const fetching = fetchTftp({
    server: host,
    port: server.port,
    file: 'Image',
    signal: stop.signal,
    onProgress: () => stop.abort(new Error('Early terminate')),
  });
  await t.throwsAsync(fetching, { instanceOf: DriverError, message: /interrupted/ });
  t.like(await seen('ended'), { why: 'client-error', detail: 'Early terminate (error 0)' });
});
