/**
 * A labgrid farm on loopback: the real coordinator and exporter, with a REST switch and a TCP console of the test's.
 * Debian's packages of labgrid 26 are unpacked by .ci/labgrid into the user's cache.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const root = process.env['SCMI_HIL_LABGRID'] ?? path.join(os.homedir(), '.cache/scmi-hil/labgrid/root');
const python = '/usr/bin/python3';
const environment = { ...process.env, PYTHONPATH: path.join(root, 'usr/lib/python3/dist-packages') };

/** Why there is no labgrid here; undefined: there is. */
export const withoutLabgrid: string | undefined = whyNot();

function whyNot(): string | undefined {
  if (!existsSync(path.join(root, 'usr/bin/labgrid-coordinator')))
    return 'labgrid is not installed: .ci/labgrid';
  try {
    execFileSync(python, ['-c', 'import grpc, labgrid'], { env: environment, stdio: 'ignore' });
    return undefined;
  } catch {
    return 'its Python modules are missing';
  }
}

export interface Farm extends AsyncDisposable {
  /** Of the coordinator: `127.0.0.1:PORT`. */
  readonly address: string;
  /** Output of labgrid's own client. */
  client(...argv: readonly string[]): string;
}

export interface FarmResource {
  /** Exporter's group: one for each place. */
  readonly group: string;
  readonly resources: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Starts a coordinator and an exporter, and makes a place of each group. */
export async function startFarm(groups: readonly FarmResource[]): Promise<Farm> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-farm-'));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const address = `127.0.0.1:${await freePort()}`;
  const client = (...argv: readonly string[]) =>
    execFileSync(python, [path.join(root, 'usr/bin/labgrid-client'), '-x', address, ...argv], {
      env: environment,
      encoding: 'utf8',
      cwd: directory,
    });
  try {
    const coordinator = start('labgrid-coordinator', ['-l', address], directory);
    stack.defer(() => stop(coordinator.child));
    await coordinator.says(/Coordinator ready|listening on/);
    const config = Object.fromEntries(groups.map(({ group, resources }) => [group, resources]));
    const file = path.join(directory, 'exporter.yaml');
    writeFileSync(file, JSON.stringify(config));
    const exporter = start('labgrid-exporter', ['-c', address, '-n', 'lab', file], directory);
    stack.defer(() => stop(exporter.child));
    for (const { group } of groups) {
      client('-p', group, 'create');
      client('-p', group, 'add-match', `lab/${group}/*`);
      client('-p', group, 'set-tags', 'board=rpi5');
    }
    await until(() => {
      if (exporter.child.exitCode !== null) throw new Error('the exporter ended');
      const listed = client('resources');
      return groups.every(({ group }) => listed.includes(`lab/${group}/`));
    });
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
  const resources = stack.move();
  return { address, client, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

function start(program: string, argv: readonly string[], cwd: string) {
  const child = spawn(python, ['-u', path.join(root, 'usr/bin', program), ...argv], {
    cwd,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', line => {
      said += `${line}\n`;
      for (const listener of listeners) listener();
    });
  }
  const says = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!pattern.test(said)) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      child.once('exit', () => reject(new Error(`${program} ended: ${said}`)));
      look();
    });
  return { child, says };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** The test's own deadline ends it. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(resolve => setTimeout(resolve, 100));
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

export interface RestSwitch extends AsyncDisposable {
  readonly port: number;
}

/** A switch as labgrid's model `rest` has it: GET tells 0 or 1, PUT sets it. */
export async function restSwitch(turn: (on: boolean) => Promise<void>): Promise<RestSwitch> {
  let state = '0';
  const answer = async (body: string, response: ServerResponse) => {
    try {
      await turn(body === '1');
      state = body;
      response.end();
    } catch {
      response.writeHead(500).end();
    }
  };
  const server = createServer((request, response) => {
    if (request.method !== 'PUT') {
      response.end(state);
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      void answer(body, response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** The resources of a board behind this console and this switch. */
export function boardResources(group: string, consolePort: number, switchPort: number): FarmResource {
  return {
    group,
    resources: {
      NetworkSerialPort: { host: '127.0.0.1', port: consolePort, speed: 115_200, protocol: 'raw' },
      NetworkPowerPort: { model: 'rest', host: `http://127.0.0.1:${switchPort}/relay/{index}`, index: 3 },
      NetworkService: { address: '127.0.0.1', username: 'root' },
    },
  };
}
