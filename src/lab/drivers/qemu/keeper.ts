/**
 * The keeper of one emulated board. Where it may be, it is the first process of a network and process namespace
 * of its own: the tap interface, the TFTP server on it and QEMU exist nowhere else, and end with it, however it
 * ends. It ends when its controller does.
 */
import { messageOf } from '../../../config/text.ts';
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { DriverError } from '../driver-error.ts';
import { listenTftp } from '../tftp/server.ts';
import type { TftpServer } from '../tftp/tftp.ts';
import { ConsoleHub } from './console-hub.ts';
import { EmulatorProcess } from './emulator-process.ts';
import type { KeeperMessage, KeeperRequest, KeeperSettings, NumberedRequest } from './keeper-messages.ts';

const run = promisify(execFile);

class Keeper {
  readonly #served = new Map<number, AsyncDisposable>();
  #tftp: TftpServer | undefined;
  #emulator: EmulatorProcess | undefined;
  #directory: string | undefined;

  async answer(request: KeeperRequest): Promise<string> {
    switch (request.ask) {
      case 'prepare':
        await this.#prepare(request.settings);
        return '';
      case 'start':
        await this.#prepared(this.#emulator).start(request.commandLine);
        return '';
      case 'stop':
        await this.#prepared(this.#emulator).stop();
        return '';
      case 'state':
        return this.#prepared(this.#emulator).isRunning ? 'on' : 'off';
      case 'serve':
        await this.#serve(request);
        return '';
      case 'unserve':
        await this.#served.get(request.board)?.[Symbol.asyncDispose]();
        this.#served.delete(request.board);
        return '';
      default:
        return request satisfies never;
    }
  }

  /** Paths that would be left in the file system; all else ends with the process. */
  end(): void {
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }

  async #prepare({ directory, network, sockets }: KeeperSettings): Promise<void> {
    this.#directory = directory;
    if (network !== undefined) {
      const { address, prefixLength, tap, tftpPort } = network;
      await ip('link', 'set', 'lo', 'up');
      await ip('tuntap', 'add', 'dev', tap, 'mode', 'tap');
      await ip('address', 'add', `${address}/${prefixLength}`, 'dev', tap);
      await ip('link', 'set', tap, 'up');
      this.#tftp = await listenTftp({ address, port: tftpPort });
    }
    for (const { machine, controller } of sockets.lines) await ConsoleHub.listen(machine, controller);
    await listen(createServer(openGate), sockets.gate);
    this.#emulator = await EmulatorProcess.prepare(sockets.monitor);
  }

  async #serve({
    board,
    name,
    clients,
    prefixes,
    files,
  }: Extract<KeeperRequest, { ask: 'serve' }>): Promise<void> {
    const served = await this.#prepared(this.#tftp).serve({
      name,
      files,
      ...(clients !== undefined && { clients }),
      ...(prefixes !== undefined && { prefixes }),
      onEvent: event => say({ say: 'tftp', board, event }),
      onStranger: event => say({ say: 'stranger', board, event }),
    });
    this.#served.set(board, served);
  }

  #prepared<T>(part: T | undefined): T {
    if (part === undefined) throw new Error('the keeper was not prepared');
    return part;
  }
}

async function ip(...words: string[]): Promise<void> {
  try {
    await run('ip', words, { timeout: 5000 });
  } catch (error) {
    const said = messageOf(error);
    throw new DriverError(
      `make the network of an emulated board with \`ip ${words.join(' ')}\``,
      said.trim(),
      'it needs root, the package iproute2 and /dev/net/tun',
      { cause: error },
    );
  }
}

/** A connection to somewhere in the board's network, for the controller that is not in it. */
function openGate(client: Socket): void {
  client.on('error', () => client.destroy());
  let head = Buffer.alloc(0);
  const read = (bytes: Buffer): void => {
    head = Buffer.concat([head, bytes]);
    const end = head.indexOf('\n');
    if (end < 0) return;
    client.off('data', read);
    client.pause();
    const [host = '', port = ''] = head.subarray(0, end).toString('latin1').split(' ');
    const target = connect({ host, port: Number(port), noDelay: true });
    target.on('error', () => client.destroy());
    target.on('close', () => client.destroy());
    client.on('close', () => target.destroy());
    target.once('connect', () => {
      target.write(head.subarray(end + 1));
      client.pipe(target);
      target.pipe(client);
    });
  };
  client.on('data', read);
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
}

function say(message: KeeperMessage): void {
  if (process.connected) process.send?.(message);
}

function start(): void {
  const keeper = new Keeper();
  // Everything else ends with it: its namespace, or QEMU by its parent's death.
  process.on('disconnect', () => {
    keeper.end();
    process.exit(0);
  });
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
  process.on('message', (message: NumberedRequest) => {
    const { number, request } = message;
    keeper.answer(request).then(
      value => say({ say: 'reply', number, value }),
      (error: unknown) => say({ say: 'failed', number, ...failure(error) }),
    );
  });
  say({ say: 'ready' });
}

function failure(error: unknown): { attempt: string; why: string; hint: string } {
  if (error instanceof DriverError) {
    const { attempt, hint, message } = error;
    return { attempt, hint, why: message.slice(attempt.length + 2) };
  }
  const why = messageOf(error);
  return { attempt: 'keep an emulated board', why, hint: 'see whether QEMU is installed as it should be' };
}

start();
