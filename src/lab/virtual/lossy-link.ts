import { createSocket, type Socket } from 'node:dgram';

export interface LinkFaults {
  /** Shares of packets, 0 to 1. */
  readonly drop?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
}

/** A UDP link to a TFTP server that loses, doubles and reorders packets, the same for the same seed. */
export interface LossyLink {
  /** Where clients send their requests. */
  readonly port: number;
  /** Packets that went in, and what became of them. */
  readonly counts: Readonly<Record<'passed' | 'dropped' | 'duplicated' | 'reordered', number>>;
  close(): Promise<void>;
}

export async function openLossyLink(server: number, seed: number, faults: LinkFaults): Promise<LossyLink> {
  const { drop = 0, duplicate = 0, reorder = 0 } = faults;
  const random = generator(seed);
  const counts = { passed: 0, dropped: 0, duplicated: 0, reordered: 0 };
  const legs = new Map<number, Socket>();
  const timers = new Set<NodeJS.Timeout>();
  const front = createSocket('udp4');

  const pass = (from: Socket, bytes: Buffer, to: number) => {
    const send = () => from.send(bytes, to, '127.0.0.1', () => {});
    counts.passed += 1;
    const fate = random();
    if (fate < drop) {
      counts.dropped += 1;
    } else if (fate < drop + duplicate) {
      counts.duplicated += 1;
      send();
      send();
    } else if (fate < drop + duplicate + reorder) {
      counts.reordered += 1;
      const timer = setTimeout(() => {
        timers.delete(timer);
        send();
      }, 5);
      timers.add(timer);
    } else {
      send();
    }
  };

  /** Both the server's peer and the client's: it has a port of its own for each client. */
  const openLeg = (client: number): Socket => {
    const leg = createSocket('udp4');
    let transfer = server;
    leg.on('message', (bytes, { port }) => {
      if (port === client) {
        pass(leg, bytes, transfer);
      } else {
        transfer = port;
        pass(leg, bytes, client);
      }
    });
    leg.bind(0, '127.0.0.1');
    return leg;
  };

  front.on('message', (bytes, { port }) => {
    const leg = legs.get(port) ?? openLeg(port);
    legs.set(port, leg);
    pass(leg, bytes, server);
  });
  await new Promise<void>(resolve => {
    front.bind(0, '127.0.0.1', resolve);
  });

  return {
    port: front.address().port,
    counts,
    close: async () => {
      for (const timer of timers) {
        clearTimeout(timer);
      }

      await Promise.all(
        [front, ...legs.values()].map(
          socket =>
            new Promise<void>(resolve => {
              socket.close(() => resolve());
            }),
        ),
      );
    },
  };
}

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
