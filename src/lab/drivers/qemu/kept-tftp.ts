/** The handle of a TFTP server that runs where the board's network is: in its keeper. */
import type { TftpServer } from '../tftp/tftp.ts';
import type { KeeperProcess } from './keeper-process.ts';

export function keptTftp(keeper: KeeperProcess, address: string, port: number): TftpServer {
  const served = new Set<AsyncDisposable>();
  let boards = 0;
  const close = async (): Promise<void> => {
    for (const each of served) await each[Symbol.asyncDispose]();
  };
  return {
    address,
    port,
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
