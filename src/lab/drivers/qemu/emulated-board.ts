/** An emulated board: QEMU with a console, a switch and a network that nobody else has. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { DriverError } from '../driver-error.ts';
import type { PowerDriver } from '../power/power.ts';
import type { SerialDriver } from '../serial/serial.ts';
import { serialUnix } from '../serial/unix.ts';
import { stagingTftp } from '../tftp/staging.ts';
import type { TftpServer } from '../tftp/tftp.ts';
import { type EmulatedMachine, type MachineNetwork, qemuCommandLine } from './command-line.ts';
import type { KeeperSettings } from './keeper-messages.ts';
import { type BoardNetwork, KeeperProcess } from './keeper-process.ts';
import { keptTftp } from './kept-tftp.ts';

export interface EmulatedBoardSettings {
  readonly machine: EmulatedMachine;
  /** Names of its serial ports after the first, the console. */
  readonly uarts: readonly string[];
  /** Files that the machine's command line names: path by name. */
  readonly images: ReadonlyMap<string, string>;
  /** Address of the machine's other end on its network. */
  readonly server: string;
  readonly prefixLength: number;
  readonly macAddress: string;
  /** Where its SSH server will be. */
  readonly ssh: { readonly host: string; readonly port: number };
  /** Absent: a namespace of its own where the system allows one. */
  readonly network?: BoardNetwork;
}

export interface EmulatedBoard extends AsyncDisposable {
  readonly power: PowerDriver;
  readonly serial: SerialDriver;
  /** Its further serial ports, by name. */
  readonly uarts: ReadonlyMap<string, SerialDriver>;
  readonly tftp: TftpServer;
  /** A connection to a host of the board's network, for `sshClient`. In QEMU's network: to its SSH server only. */
  readonly dial: (host: string, port: number) => Duplex;
  /** Why its network is QEMU's own; absent where it has a namespace. */
  readonly withoutNamespace?: string;
}

const tftpPort = 69;
/** Names need be distinct only within the board's own network. */
const tap = 'tap0';

/**
 * Makes a board; it is off. Nothing of it is left when it is closed, or when this process ends otherwise.
 * @throws DriverError where the system does not allow the network that is asked for
 */
export async function openEmulatedBoard(settings: EmulatedBoardSettings): Promise<EmulatedBoard> {
  if (settings.network === 'namespace') return inNamespace(settings);
  if (settings.network === 'user') return inQemu(settings, 'the lab file says so');
  try {
    return await inNamespace(settings);
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    return inQemu(settings, error.message);
  }
}

/**
 * Makes the network of a board's own, and ends it.
 * @throws DriverError where the system does not allow it
 */
export async function tryNamespace(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  // Of documentation (RFC 5737): nobody else sees it.
  const network = { address: '192.0.2.1', prefixLength: 24, tap, tftpPort };
  await prepare('namespace', { uarts: [] }, stack, network);
}

/** The controller's end of the network is a tap interface in a namespace, with this program's TFTP server. */
async function inNamespace(settings: EmulatedBoardSettings): Promise<EmulatedBoard> {
  const { server, prefixLength } = settings;
  await using stack = new AsyncDisposableStack();
  const parts = await prepare('namespace', settings, stack, { address: server, prefixLength, tap, tftpPort });
  const { keeper, at } = parts;
  const wired = wire(settings, parts, [], { kind: 'tap', tap });
  const resources = stack.move();
  return {
    ...wired,
    tftp: keptTftp(keeper, server, tftpPort),
    dial: (host, port) => {
      const socket = connect({ path: at('gate') });
      socket.write(`${host} ${port}\n`);
      return socket;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** QEMU is the network, and its TFTP server. */
async function inQemu(settings: EmulatedBoardSettings, why: string): Promise<EmulatedBoard> {
  const { server, prefixLength, ssh } = settings;
  await using stack = new AsyncDisposableStack();
  const parts = await prepare('user', settings, stack);
  const directory = parts.at('tftp');
  await mkdir(directory);
  const loopback = ownLoopback();
  const port = await freePort(loopback);
  const wired = wire(settings, parts, untilParentDies, {
    kind: 'user',
    server,
    prefixLength,
    directory,
    forward: { address: loopback, port, host: ssh.host, hostPort: ssh.port },
  });
  const resources = stack.move();
  return {
    ...wired,
    tftp: stagingTftp({ address: server, port: tftpPort, root: directory, below: '' }),
    dial: () => connect({ host: loopback, port, noDelay: true }),
    withoutNamespace: why,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

interface Parts {
  readonly keeper: KeeperProcess;
  /** Path of a file of the board. */
  readonly at: (name: string) => string;
}

async function prepare(
  kind: BoardNetwork,
  { uarts }: Pick<EmulatedBoardSettings, 'uarts'>,
  stack: AsyncDisposableStack,
  network?: KeeperSettings['network'],
): Promise<Parts> {
  const directory = await mkdtemp(path.join(tmpdir(), 'scmi-hil-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const keeper = stack.use(await KeeperProcess.start(kind));
  const at = (name: string): string => path.join(directory, name);
  const sockets: KeeperSettings['sockets'] = {
    lines: [consoleLine, ...uarts.map(socketOfUart)].map(line => ({
      machine: at(machineEnd(line)),
      controller: at(line),
    })),
    monitor: at('monitor'),
    gate: at('gate'),
  };
  const settings = { directory, sockets, ...(network !== undefined && { network }) };
  await keeper.ask({ ask: 'prepare', settings });
  return { keeper, at };
}

/** @param prefix words before QEMU's own command line */
function wire(
  { machine, uarts, images, macAddress }: EmulatedBoardSettings,
  { keeper, at }: Parts,
  prefix: readonly string[],
  network: MachineNetwork,
): Pick<EmulatedBoard, 'power' | 'serial' | 'uarts'> {
  const commandLine = qemuCommandLine(machine, images, {
    console: at(machineEnd(consoleLine)),
    uarts: new Map(uarts.map(uart => [uart, at(machineEnd(socketOfUart(uart)))])),
    monitor: at('monitor'),
    network,
    macAddress,
  });
  return {
    power: powerOf(keeper, machine.program, [...prefix, ...commandLine]),
    serial: serialUnix({ path: at(consoleLine) }),
    uarts: new Map(uarts.map(uart => [uart, serialUnix({ path: at(socketOfUart(uart)) })])),
  };
}

/** Names of the sockets in the board's directory. */
const consoleLine = 'console';
const socketOfUart = (name: string): string => `uart-${name}`;
const machineEnd = (line: string): string => `${line}-machine`;

function powerOf(keeper: KeeperProcess, name: string, commandLine: readonly string[]): PowerDriver {
  return {
    name,
    on: async signal => void (await keeper.ask({ ask: 'start', commandLine }, signal)),
    off: async signal => void (await keeper.ask({ ask: 'stop' }, signal)),
    state: async signal => ((await keeper.ask({ ask: 'state' }, signal)) === 'on' ? 'on' : 'off'),
  };
}

/** Without a process namespace, QEMU must not outlive its keeper otherwise (util-linux, setpriv(1)). */
const untilParentDies = ['setpriv', '--pdeathsig', 'KILL', '--'];

/** One of the 16 million addresses of this machine itself: no other board and no other program has a port there. */
function ownLoopback(): string {
  return `127.${[...randomBytes(3)].map(byte => 1 + (byte % 254)).join('.')}`;
}

/** A TCP port of an address that is free; QEMU takes it when it is started. */
function freePort(address: string): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, address, () => {
      const bound = server.address();
      const port = typeof bound === 'object' ? bound?.port : undefined;
      server.close(() => (port === undefined ? reject(new Error('no port')) : resolve(port)));
    });
  });
}
