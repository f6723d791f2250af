import type { SerialDriver } from './serial.ts';
import { connectOver, openSocket, type SocketWords } from './socket.ts';

/**
 * A console behind a Unix socket: QEMU's `-serial unix:PATH,server`, a console server's.
 *
 * @param socket.path of a socket that another program listens on
 */
export function serialUnix(socket: { readonly path: string }): SerialDriver {
  const { path } = socket;
  const words: SocketWords = {
    where: path,
    silent: 'see the program that listens on it: it lets nobody in',
    ended: 'see the log of the program that listens on it',
    refusals: {
      ENOENT: ['there is no such socket', 'start the program that makes it, and compare the path'],
      ECONNREFUSED: [
        'nothing listens there',
        'start the program that makes the socket: this one is left over from an earlier start',
      ],
      ENOTSOCK: ['it is no socket', 'give the path of a Unix socket'],
      EACCES: ['this user may not use it', 'see who may write to it, with `ls -l`'],
      EAGAIN: ['too many wait to be let in', 'end the other programs that connect to it'],
    },
  };
  return {
    name: `unix ${path}`,
    open: async (events, signal) => connectOver(await openSocket({ path }, words, signal), words, events),
  };
}
