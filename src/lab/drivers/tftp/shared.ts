import { listenTftp, shareTftp } from './server.ts';
import type { TftpServer } from './tftp.ts';

interface Shared {
  readonly server: Promise<TftpServer>;
  users: number;
}

/** Servers of this process by address and port. */
const running = new Map<string, Shared>();
/** Servers that are being closed: their port is free when they are done. */
const closing = new Map<string, Promise<void>>();

/**
 * The server on an address and port, started for the first who asks and closed by the last who closes: boards of one run
 * share port 69, and it does so with the other runs of this machine. Closing takes away only what was served through the same handle.
 *
 * @param address address of this machine
 * @param port 0 gives a server of one's own
 * @throws DriverError where the address or port cannot be had
 */
export async function acquireTftp(address: string, port: number): Promise<TftpServer> {
  if (port === 0) {
    return listenTftp({ address, port });
  }

  const key = `${address} ${port}`;
  const shared = running.get(key) ?? start(key, address, port);
  shared.users += 1;
  try {
    return handle(key, shared, await shared.server);
  } catch (error) {
    await release(key, shared);
    throw error;
  }
}

function start(key: string, address: string, port: number): Shared {
  const before = closing.get(key) ?? Promise.resolve();
  const shared = { server: before.then(() => shareTftp({ address, port })), users: 0 };
  running.set(key, shared);
  return shared;
}

function handle(key: string, shared: Shared, server: TftpServer): TftpServer {
  const served = new Set<AsyncDisposable>();
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      for (const board of served) {
        await board[Symbol.asyncDispose]();
      }

      await release(key, shared);
    })();
    return closed;
  };

  return {
    address: server.address,
    port: server.port,
    observes: true,
    serve: async board => {
      const disposable = await server.serve(board);
      served.add(disposable);
      return {
        [Symbol.asyncDispose]: async () => {
          served.delete(disposable);
          await disposable[Symbol.asyncDispose]();
        },
      };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function release(key: string, shared: Shared): Promise<void> {
  shared.users -= 1;
  if (shared.users > 0 || running.get(key) !== shared) {
    return;
  }

  running.delete(key);
  const closed = shared.server.then(
    server => server.close(),
    () => {},
  );
  closing.set(key, closed);
  await closed;
  if (closing.get(key) === closed) {
    closing.delete(key);
  }
}
