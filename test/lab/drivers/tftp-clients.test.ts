/** The TFTP clients of Debian against the server that boards fetch from. */
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { listenTftp } from '../../../src/lab/drivers/tftp/server.ts';
import type { TftpEvent } from '../../../src/lab/drivers/tftp/tftp.ts';

const host = '127.0.0.1';
const run = promisify(execFile);

interface Client {
  readonly command: string;
  readonly arguments: (port: number, remote: string, local: string) => readonly string[];
  /** The request, as the server is to hear it. */
  readonly options: Readonly<Record<string, string>>;
  /** Bytes of a file at least: curl takes a `tsize` of 0 for nonsense. */
  readonly least?: number;
}

const clients: Readonly<Record<string, Client>> = {
  'tftp-hpa': {
    command: 'tftp',
    arguments: (port, remote, local) => ['-m', 'binary', host, String(port), '-c', 'get', remote, local],
    options: {},
  },
  'curl with blksize 1468': {
    command: 'curl',
    arguments: (port, remote, local) => curl(1468, port, remote, local),
    options: { tsize: '0', blksize: '1468', timeout: '6' },
    least: 1,
  },
  'curl with blksize 512': {
    command: 'curl',
    arguments: (port, remote, local) => curl(512, port, remote, local),
    options: { tsize: '0', blksize: '512', timeout: '6' },
    least: 1,
  },
  'atftp with blksize 1024 and tsize': {
    command: 'atftp',
    arguments: (port, remote, local) => atftp(['blksize 1024', 'tsize'], port, remote, local),
    options: { blksize: '1024', tsize: '0' },
  },
  'atftp with windowsize 8': {
    command: 'atftp',
    arguments: (port, remote, local) => atftp(['blksize 1468', 'windowsize 8'], port, remote, local),
    options: { blksize: '1468', windowsize: '8' },
  },
};

const curl = (size: number, port: number, remote: string, local: string) => [
  '-sS',
  '--tftp-blksize',
  String(size),
  '-o',
  local,
  `tftp://${host}:${port}/${remote}`,
];

const atftp = (options: readonly string[], port: number, remote: string, local: string) => [
  ...options.flatMap(option => ['--option', option]),
  '-g',
  '-r',
  remote,
  '-l',
  local,
  host,
  String(port),
];

async function serve(t: ExecutionContext, files: Readonly<Record<string, string | Uint8Array>>) {
  const directory = mkdtempSync(join(tmpdir(), 'scmi-hil-tftp-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const server = await listenTftp({ address: host, port: 0 });
  t.teardown(() => server.close());
  const events: TftpEvent[] = [];
  await server.serve({
    name: 'board',
    files: new Map(Object.entries(files)),
    onEvent: event => events.push(event),
  });
  return { port: server.port, local: join(directory, 'got'), events };
}

for (const [title, { command, arguments: argumentsOf, options, least = 0 }] of Object.entries(clients)) {
  const isThere = spawnSync(command, ['--version']).error === undefined;
  const withClient = isThere ? test : test.skip;

  withClient(`${title} gets files of all lengths`, async t => {
    const files = Object.fromEntries(
      // Nothing, less than a block, blocks to the last byte, one byte more.
      [0, 511, 512, 1468 * 8, 1468 * 8 + 1, 300_001]
        .filter(length => length >= least)
        .map(length => [`f${length}`, randomBytes(length)]),
    );
    const { port, local, events } = await serve(t, files);
    for (const [name, bytes] of Object.entries(files)) {
      await run(command, argumentsOf(port, name, local), { timeout: 20_000 });
      t.true(bytes.equals(await readFile(local)), name);
    }
    const asked = events.find(event => event.kind === 'request');
    t.deepEqual(asked?.kind === 'request' ? asked.options : undefined, options);
  });

  withClient(`${title} is told that a file is missing`, async t => {
    const { port, local, events } = await serve(t, { Image: randomBytes(10) });
    const failed = await run(command, argumentsOf(port, 'Image.gz', local), { timeout: 20_000 }).then(
      // tftp-hpa ends with 0 all the same.
      ({ stdout, stderr }) => ({ stdout, stderr }),
      (error: unknown) => error as { stdout: string; stderr: string },
    );
    if (command !== 'curl') t.regex(`${failed.stdout}${failed.stderr}`, /not among the files of board/);
    else t.is('code' in failed ? failed.code : 0, curlFileNotFound);
    t.like(events.at(-1), { kind: 'refused', file: 'Image.gz', code: 1 });
  });
}

/** curl(1), exit codes: 68, "File not found on TFTP server". */
const curlFileNotFound = 68;

// With 512 bytes a block; these two count on from 65535 to 0.
const many = 65_537 * 512 + 7;
for (const [title, { command, arguments: argumentsOf }] of Object.entries(clients)) {
  if (!['tftp-hpa', 'curl with blksize 512'].includes(title)) continue;
  const isThere = spawnSync(command, ['--version']).error === undefined;
  (isThere ? test : test.skip)(`${title} gets a file of more than 65535 blocks`, async t => {
    const directory = mkdtempSync(join(tmpdir(), 'scmi-hil-sparse-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const sparse = join(directory, 'sparse');
    writeFileSync(sparse, '');
    truncateSync(sparse, many);
    const { port, local, events } = await serve(t, { sparse });
    await run(command, argumentsOf(port, 'sparse', local), { timeout: 50_000 });
    t.is((await stat(local)).size, many);
    t.like(events.at(-1), { kind: 'done', bytes: many });
  });
}
