/** QEMU: started, seen to have started, and ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { DriverError } from '../driver-error.ts';

/** Milliseconds that QEMU may take from its start to its first word on the monitor. */
const startTime = 15_000;
/** Characters kept of what it prints. */
const kept = 4096;

export class EmulatorProcess {
  #child: ChildProcess | undefined;
  #greeted: (() => void) | undefined;

  /** @param monitor Unix socket that the command line names for the QEMU Machine Protocol */
  static async prepare(monitor: string): Promise<EmulatorProcess> {
    const emulator = new EmulatorProcess();
    const server = createServer((socket: Socket) => {
      socket.on('error', () => socket.destroy());
      // The greeting comes when all devices are made (QEMU docs/interop/qmp-spec.rst).
      socket.once('data', () => emulator.#greeted?.());
      socket.resume();
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(monitor, resolve);
    });
    return emulator;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** @throws DriverError with what it printed, where it ends before it has started */
  async start([program = '', ...rest]: readonly string[]): Promise<void> {
    if (this.#child !== undefined) return;
    const attempt = `start ${program}`;
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-kept);
      });
    }
    this.#child = child;
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    try {
      await new Promise<void>((resolve, reject) => {
        const patience = setTimeout(() => {
          reject(new DriverError(attempt, `it did not start within ${startTime / 1000} s`, byHand));
        }, startTime);
        child.once('error', error => {
          clearTimeout(patience);
          this.#child = undefined;
          reject(
            new DriverError(attempt, error.message, 'install the package qemu-system-arm', { cause: error }),
          );
        });
        child.once('close', status => {
          clearTimeout(patience);
          reject(new DriverError(attempt, `it ended with status ${status}: ${said.trim()}`, byHand));
        });
        this.#greeted = () => {
          clearTimeout(patience);
          resolve();
        };
      });
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Ends it as a switch ends a board: at once. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise<void>(resolve => void child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
  }
}

const byHand = 'run the command line of boards/qemu-virt.yaml by hand to see what it lacks';
