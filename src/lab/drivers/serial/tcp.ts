import type { TcpNetConnectOpts } from 'node:net';
import type { SerialDriver } from './serial.ts';
import { connectOver, openSocket, type SocketWords } from './socket.ts';

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** Milliseconds of silence after which the peer is asked whether it is still there. */
const keepAlive = 10_000;

/**
 * A console behind a raw TCP socket: ser2net's `tcp` accepter, a terminal server's raw port.
 *
 * Speed and framing are the other side's business.
 */
export function serialTcp(address: TcpAddress): SerialDriver {
  const words = tcpWords(address);
  return {
    name: `tcp ${words.where}`,
    open: async (events, signal) =>
      connectOver(await openSocket(tcpOptions(address), words, signal), words, events),
  };
}

/** How every TCP console is connected to: each key press at once, and a dead peer noticed. */
export function tcpOptions({ host, port }: TcpAddress): TcpNetConnectOpts {
  return { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAlive };
}

export function tcpWords({ host, port }: TcpAddress): SocketWords {
  return {
    where: `${host}:${port}`,
    silent: 'see that the host is up and that no firewall drops the port',
    ended: 'see the log of ser2net there; another client may hold the port',
    refusals: {
      ECONNREFUSED: [
        'nothing listens there',
        'start ser2net on that host, and compare its port with the lab file',
      ],
      EHOSTUNREACH: ['there is no way to that host', 'see that the host is up and on this network'],
      ENETUNREACH: ['there is no way to that network', "see this machine's network"],
      ENOTFOUND: ['the name is not known', 'compare the host name with the lab file, or give an address'],
      EAI_AGAIN: ['the name server does not answer', 'give an address in place of the name'],
    },
  };
}
