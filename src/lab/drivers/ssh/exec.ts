import { constants } from 'node:os';
import type { ClientChannel } from 'ssh2';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import type { Connection } from './connection.ts';
import type { SshResult } from './ssh.ts';

/** Bytes of output of one command, both streams together; more is an error. */
const mostOutput = 16 * 1024 * 1024;

/**
 * Runs one command to its end. A command that a signal ended has the status that a shell gives it, 128 and the
 * signal's number. One that is given up has its channel closed; a server need not end its process for that,
 * so what must not outlive its deadline belongs behind `timeout` in the command itself.
 *
 * @throws DriverError where the connection breaks, the output is too much, or the signal ends it
 */
export function execute(
  connection: Connection,
  command: string,
  { stdin, signal }: { readonly stdin?: Uint8Array; readonly signal: AbortSignal },
): Promise<SshResult> {
  const attempt = `run "${command}" as ${connection.name}`;
  return abortable<SshResult>(
    signal,
    () => cutShort(attempt, 'its end', 'run it by hand to see why it hangs, or give it more time', signal),
    (resolve, reject) => {
      let open: ClientChannel | undefined;
      let over = false;
      try {
        connection.client.exec(command, (error, channel) => {
          if (over) {
            channel?.close();
          } else if (error) {
            reject(connection.refused(attempt, error));
          } else {
            open = channel;
            collect(channel, connection, attempt, resolve, reject);
            channel.end(stdin);
          }
        });
      } catch {
        reject(connection.lost(attempt));
      }

      return () => {
        over = true;
        open?.close();
      };
    },
  );
}

function collect(
  channel: ClientChannel,
  connection: Connection,
  attempt: string,
  resolve: (result: SshResult) => void,
  reject: (error: Error) => void,
): void {
  const output: Record<'stdout' | 'stderr', Uint8Array[]> = { stdout: [], stderr: [] };
  let bytes = 0;
  const take = (name: 'stdout' | 'stderr') => (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > mostOutput) {
      const why = `it printed more than ${mostOutput / 1024 / 1024} MiB`;
      reject(new DriverError(attempt, why, 'let it print less, or into a file'));
    } else {
      output[name].push(chunk);
    }
  };

  let status: number | undefined;
  channel.on('exit', (code: number | null, killer?: string) => {
    status = code ?? statusOfSignal(killer ?? '');
  });
  channel.on('data', take('stdout'));
  // Unread, it would keep the channel from closing.
  channel.stderr.on('data', take('stderr'));
  channel.on('error', () => {});
  channel.on('close', () => {
    if (status === undefined) {
      reject(connection.lost(attempt));
      return;
    }

    resolve({ status, stdout: textOf(output.stdout), stderr: textOf(output.stderr) });
  });
}

function textOf(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString('utf8');
}

function statusOfSignal(name: string): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return 128 + (numbers[name.startsWith('SIG') ? name : `SIG${name}`] ?? 0);
}
