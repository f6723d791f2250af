/** An emulated board: QEMU with a console, a switch and a network that nobody else has. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import type { PowerDriver } from '../power/power.ts';
import type { SerialDriver } from '../serial/serial.ts';
import { serialUnix } from '../serial/unix.ts';
import type { TftpServer } from '../tftp/tftp.ts';
import { type EmulatedMachine, qemuCommandLine } from './command-line.ts';
import type { KeeperSettings } from './keeper-messages.ts';
import { KeeperProcess } from './keeper-process.ts';

export interface EmulatedBoardSettings {
  readonly machine: EmulatedMachine;
  /** What the machine's command line names: path by name. */
  readonly images: ReadonlyMap<string, string>;
  /** The controller's address on the board's network. */
  readonly server: string;
  readonly prefixLength: number;
  readonly macAddress: string;
}

export interface EmulatedBoard extends AsyncDisposable {
  readonly power: PowerDriver;
  readonly serial: SerialDriver;
  readonly tftp: TftpServer;
  /** A connection to a host of the board's network, for `sshClient`. */
  readonly dial: (host: string, port: number) => Duplex;
  /** What the firmware writes to the second serial port; gone when the board is closed. */
  readonly firmwareLog: string;
}

const tftpPort = 69;
/** Names need be distinct only within the board's own network. */
const tap = 'tap0';

/**
 * Makes a board; it is off. Nothing of it is left when it is closed, or when this process ends otherwise.
 * @throws DriverError where the system does not allow network namespaces
 */
export async function openEmulatedBoard(settings: EmulatedBoardSettings): Promise<EmulatedBoard> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(tmpdir(), 'scmi-hil-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const keeper = stack.use(await KeeperProcess.start());
  const at = (name: string): string => path.join(directory, name);
  const firmwareLog = at('firmware.log');
  const sockets: KeeperSettings['sockets'] = {
    machineConsole: at('machine'),
    console: at('console'),
    monitor: at('monitor'),
    gate: at('gate'),
  };
  const { server, prefixLength, macAddress } = settings;
  const network = { address: server, prefixLength, tap, tftpPort };
  await keeper.ask({ ask: 'prepare', settings: { directory, ...network, sockets } });
  const commandLine = qemuCommandLine(settings.machine, settings.images, {
    console: sockets.machineConsole,
    firmwareLog,
    monitor: sockets.monitor,
    tap,
    macAddress,
  });
  const resources = stack.move();
  return {
    power: powerOf(keeper, commandLine),
    serial: serialUnix({ path: sockets.console }),
    tftp: tftpOf(keeper, server),
    dial: (host, port) => {
      const socket = connect({ path: sockets.gate });
      socket.write(`${host} ${port}\n`);
      return socket;
    },
    firmwareLog,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function powerOf(keeper: KeeperProcess, commandLine: readonly string[]): PowerDriver {
  return {
    name: commandLine[0] ?? 'QEMU',
    on: async signal => void (await keeper.ask({ ask: 'start', commandLine }, signal)),
    off: async signal => void (await keeper.ask({ ask: 'stop' }, signal)),
    state: async signal => ((await keeper.ask({ ask: 'state' }, signal)) === 'on' ? 'on' : 'off'),
  };
}

/** The server runs where the board's network is; here is its handle. */
function tftpOf(keeper: KeeperProcess, address: string): TftpServer {
  const served = new Set<AsyncDisposable>();
  let boards = 0;
  const close = async (): Promise<void> => {
    for (const each of served) await each[Symbol.asyncDispose]();
  };
  return {
    address,
    port: tftpPort,
    observes: true,
    serve: async ({ name, clients, prefixes, files, onEvent, onStranger }) => {
      const board = ++boards;
      const listening = keeper.listen(message => {
        if (message.board !== board) return;
        if (message.say === 'tftp') onEvent(message.event);
        else onStranger?.(message.event);
      });
      try {
        await keeper.ask({ ask: 'serve', board, name, clients, prefixes, files });
      } catch (error) {
        listening[Symbol.dispose]();
        throw error;
      }
      const handle = {
        [Symbol.asyncDispose]: async () => {
          if (!served.delete(handle)) return;
          listening[Symbol.dispose]();
          // A keeper that is gone serves nothing.
          await keeper.ask({ ask: 'unserve', board }).catch(() => undefined);
        },
      };
      served.add(handle);
      return handle;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
