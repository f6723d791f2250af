/** Debian's tftpd-hpa as the TFTP server that a lab has already, and whole runs whose boards fetch from it. */
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { fetchTftp } from '../../../src/lab/drivers/tftp/client.ts';
import { stagingTftp } from '../../../src/lab/drivers/tftp/staging.ts';
import { readRun } from '../../../src/verdict/recording/reader.ts';
import { runOnBoard } from '../../../src/run/run.ts';
import { findScenario, loadScenario } from '../../../src/scenario/load.ts';
import { openVirtualBoard } from '../../../src/lab/virtual/open.ts';
import { quickType } from '../../run/scripted-board.ts';

const host = '127.0.0.1';
const why = cannotServe();

interface LabServer {
  readonly root: string;
  readonly port: number;
}

async function labServer(t: ExecutionContext): Promise<LabServer> {
  const root = await mkdtemp(path.join(tmpdir(), 'scmi-hil-tftpd-'));
  t.teardown(() => rm(root, { recursive: true }));
  await chmod(root, 0o755);
  await writeFile(path.join(root, 'other'), 'somebody else uses this server too');
  const port = await freePort();
  const server = spawn('in.tftpd', ['--foreground', '--secure', '--address', `${host}:${port}`, root], {
    stdio: 'ignore',
  });
  t.teardown(async () => {
    server.kill();
    await once(server, 'exit');
  });
  const signal = AbortSignal.timeout(10_000);
  for (;;) {
    const fetched = fetchTftp({ server: host, port, file: 'other', timeout: 256, retries: 1, signal });
    if (
      await fetched.then(
        () => true,
        () => false,
      )
    )
      return { root, port };
    signal.throwIfAborted();
    await pause(20);
  }
}

for (const [boardType, below] of [
  ['rcar-v4h-white-hawk', 'v4h-01/'],
  ['rcar-v4h-white-hawk', ''],
  ['rpi5', '0000beef/'],
] as const) {
  (why === undefined ? test : test.skip)(
    `${boardType}: a whole run from the directory of a real tftpd, below '${below}', read off the console${why ?? ''}`,
    async t => {
      t.timeout(120_000);
      const { root, port } = await labServer(t);
      const runs = await mkdtemp(path.join(tmpdir(), 'scmi-hil-tftpd-runs-'));
      t.teardown(() => rm(runs, { recursive: true }));
      await mkdir(path.join(root, below), { recursive: true });
      await writeFile(path.join(root, below, 'xen'), 'their xen');
      const type = quickType(boardType, { bootLoader: 20_000, deploy: 60_000, dom0: 60_000, domain: 30_000 });
      const scenario = loadScenario(findScenario('dom0-and-guest', '/').file, type);
      await using board = await openVirtualBoard(type, {
        name: 'virtual',
        firmware: scenario.firmware,
        tftp: stagingTftp({ address: host, port, root, below }),
      });
      // U-Boot is told the server's directory; the EEPROM has it by its serial number.
      const network = { ...board.network, prefixes: [below, ...board.network.prefixes].filter(Boolean) };
      const { verdict, outcome, directory } = await runOnBoard({
        board: { ...board, network },
        scenario,
        runs,
        signal: new AbortController().signal,
        controller: 'test',
        command: 'a test',
      });
      t.is(outcome, 'completed', JSON.stringify(verdict.faults));
      t.is(verdict.outcome, 'met');
      t.is(await readFile(path.join(root, below, 'xen'), 'utf8'), 'their xen');
      t.deepEqual(
        (await readdir(path.join(root, below))).filter(name => name !== 'other'),
        ['xen'],
      );

      const { events } = await readRun(directory);
      const transfers = events.filter(({ kind }) => kind === 'tftp');
      t.true(transfers.length > 0);
      t.true(transfers.every(({ source }) => source === 'console'));
      const done = transfers.flatMap(event => (event.kind === 'tftp' ? [event.data] : []));
      t.true(
        done.some(data => data.event === 'done' && data['file'] === 'xen'),
        JSON.stringify(done),
      );
      const notes = events.flatMap(event => (event.kind === 'note' ? [event.data.text] : []));
      t.true(notes.some(text => /transfers are read off the console/.test(text)));
    },
  );
}

function cannotServe(): string | undefined {
  if (process.getuid?.() !== 0) return ' (skipped: in.tftpd --secure needs root)';
  return spawnSync('in.tftpd', ['--version']).status === 0 ? undefined : ' (skipped: there is no in.tftpd)';
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>(resolve => void socket.close(() => resolve()));
  return port;
}
