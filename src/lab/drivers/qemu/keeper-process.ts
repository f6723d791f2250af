/** The controller's side of a keeper: starts it, in namespaces of its own or without, asks it, ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import type { KeeperMessage, KeeperRequest, NumberedRequest } from './keeper-messages.ts';

/** Milliseconds for anything that is asked without a deadline. */
const patience = 20_000;
/** Milliseconds for what it printed last. */
const lastWords = 50;
const attempts = {
  namespace: 'make a network of its own for the emulated board',
  user: 'start the keeper of the emulated board',
} as const;

/** Where an emulated board's network is: in a network namespace of its own, or in QEMU. */
export type BoardNetwork = 'namespace' | 'user';

export type KeeperEvent = Extract<KeeperMessage, { readonly say: 'tftp' | 'stranger' }>;

export class KeeperProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  readonly #waiting = new Map<number, { resolve(value: string): void; reject(error: Error): void }>();
  readonly #listeners = new Set<(event: KeeperEvent) => void>();
  readonly #attempt: string;
  #numbers = 0;
  #isReady: (() => void) | undefined;
  #ended: DriverError | undefined;
  #said = '';

  /**
   * Starts a keeper.
   * @param network `namespace`: as root it has a network and a process namespace of its own; another user gets a
   *   user namespace first. `user`: it has none.
   * @throws DriverError where the system does not allow that
   */
  static async start(network: BoardNetwork): Promise<KeeperProcess> {
    if (network === 'namespace') requireTun();
    const keeper = new KeeperProcess(network);
    const ready = new Promise<void>(resolve => {
      keeper.#isReady = resolve;
    });
    await Promise.race([ready, keeper.#gone]);
    if (keeper.#ended !== undefined) throw keeper.#ended;
    return keeper;
  }

  private constructor(network: BoardNetwork) {
    this.#attempt = attempts[network];
    const file = path.join(import.meta.dirname, `keeper${path.extname(import.meta.filename)}`);
    const [program, ...words] = [...(network === 'namespace' ? inNamespaces() : []), process.execPath];
    this.#child = spawn(program ?? '', [...words, file], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      // Ctrl-C is for the controller: it ends the keeper when it has switched the board off.
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-2000);
      });
    }
    this.#child.on('message', (message: KeeperMessage) => this.#heard(message));
    this.#gone = new Promise(resolve => {
      this.#child.once('error', error => {
        this.#end(error.message);
        resolve();
      });
      // Not `close`: it does not come where this side has ended the channel.
      this.#child.once('exit', () => {
        setTimeout(() => {
          this.#end(this.#said.trim() || 'it ended');
          resolve();
        }, lastWords);
      });
    });
  }

  /** Whatever the keeper says without being asked. */
  listen(listener: (event: KeeperEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** @throws DriverError, the keeper's own where it sent one */
  ask(request: KeeperRequest, signal: AbortSignal = AbortSignal.timeout(patience)): Promise<string> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const number = ++this.#numbers;
    const expired = () =>
      cutShort(`ask the keeper of the emulated board to ${request.ask}`, 'its answer', hint, signal);
    return abortable<string>(signal, expired, (resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      const numbered: NumberedRequest = { number, request };
      this.#child.send(numbered, error => {
        if (error !== null) reject(this.#ended ?? new DriverError(this.#attempt, error.message, hint));
      });
      return () => this.#waiting.delete(number);
    });
  }

  /** Ends the keeper and, with its namespaces, all that it started. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const forced = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    await this.#gone;
    clearTimeout(forced);
  }

  #heard(message: KeeperMessage): void {
    switch (message.say) {
      case 'ready':
        this.#isReady?.();
        break;
      case 'reply':
        this.#waiting.get(message.number)?.resolve(message.value);
        break;
      case 'failed':
        this.#waiting
          .get(message.number)
          ?.reject(new DriverError(message.attempt, message.why, message.hint));
        break;
      case 'tftp':
      case 'stranger':
        for (const listener of this.#listeners) listener(message);
        break;
      default:
        message satisfies never;
    }
  }

  #end(why: string): void {
    this.#ended ??= new DriverError(this.#attempt, why, hint);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
  }
}

const hint =
  'run it as root, or where users may make user namespaces and open /dev/net/tun; it needs unshare (util-linux) and ip (iproute2)';

/** The first process of the process namespace is the keeper: with it ends all that is in there. */
function inNamespaces(): string[] {
  const own = ['--net', '--pid', '--fork', '--kill-child'];
  return ['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']), ...own];
}

function requireTun(): void {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch (error) {
    const [why, advice] = existsSync('/dev/net/tun')
      ? [
          'this user may not open /dev/net/tun',
          'run it as root, or sudo chmod 0666 /dev/net/tun, as udev has it',
        ]
      : ['there is no /dev/net/tun', 'sudo modprobe tun'];
    throw new DriverError(attempts.namespace, why, advice, { cause: error });
  }
}
