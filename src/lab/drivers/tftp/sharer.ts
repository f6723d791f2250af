/**
 * The process that shares the machine's TFTP port among runs, of whichever users: the first run starts it, and it ends
 * with the last one. It serves nothing itself: a request goes to the run that has claimed its client's address, which
 * answers from a port of its own, as TFTP has it (RFC 1350, section 4). A run that is killed loses its connection, and
 * its claims with it.
 *
 * Started as `sharer.ts ADDRESS PORT`; prints one line of JSON: {"ready":true}, or why it could not start.
 */
import { createServer, type Socket } from 'node:net';
import { DriverError } from '../driver-error.ts';
import { plainAddress } from './packet.ts';
import { openUdpPort, sharerName } from './request-port.ts';
import { lineReader, type RunMessage, type SharerMessage, socketName } from './shared-port-messages.ts';

/** Milliseconds for the first run to connect: one that was killed meanwhile leaves nothing behind. */
const patience = 10_000;
/** Bytes that may wait for a run that does not read; more are dropped, as a full socket buffer does. */
const mostWaiting = 1024 * 1024;

interface Claim {
  readonly run: Socket;
  readonly number: number;
  readonly board: string;
  /** Absent: addresses that no board claims. */
  readonly clients?: readonly string[] | undefined;
}

function tell(run: Socket, message: SharerMessage): void {
  if (run.writableLength < mostWaiting) run.write(`${JSON.stringify(message)}\n`);
}

async function share(address: string, port: number): Promise<void> {
  process.title = sharerName;
  const udp = await openUdpPort(address, port);
  const runs = new Set<Socket>();
  const claims = new Set<Claim>();
  const find = (client: string) =>
    [...claims].find(({ clients }) => clients?.includes(client) === true) ??
    [...claims].find(({ clients }) => clients === undefined);
  udp.listen((bytes, from) => {
    const owner = find(plainAddress(from.address));
    const { address: client, port: clientPort } = from;
    const encoded = Buffer.from(bytes).toString('base64');
    const message = { say: 'packet', bytes: encoded, address: client, port: clientPort } as const;
    // A request of a board that nobody claims is for all to see: its address may be another than expected.
    for (const run of owner === undefined ? runs : [owner.run]) tell(run, message);
  });
  const take = (run: Socket, message: RunMessage) => {
    if (message.say === 'release') {
      for (const claim of claims)
        if (claim.run === run && claim.number === message.number) claims.delete(claim);
      return;
    }
    const { number, board, clients } = message;
    const rival = [...claims].find(claim =>
      clients === undefined
        ? claim.clients === undefined
        : claim.clients?.some(client => clients.includes(client)) === true,
    );
    if (rival === undefined) claims.add({ run, number, board, clients });
    tell(
      run,
      rival === undefined ? { say: 'claimed', number } : { say: 'refused', number, holder: rival.board },
    );
  };
  const leave = (run: Socket) => {
    if (!runs.delete(run)) return;
    for (const claim of claims) if (claim.run === run) claims.delete(claim);
    if (runs.size > 0) {
      run.end();
      return;
    }
    server.close();
    // The port is free when the last run sees its connection closed.
    void udp.close().then(() => run.end());
  };
  const server = createServer({ allowHalfOpen: true }, run => {
    runs.add(run);
    clearTimeout(abandoned);
    const read = lineReader(
      line => take(run, JSON.parse(line) as RunMessage),
      () => run.destroy(),
    );
    run.setEncoding('utf8').on('data', (text: string) => {
      try {
        read(text);
      } catch {
        // No run of ours.
        run.destroy();
      }
    });
    run.on('error', () => {});
    run.on('end', () => leave(run));
    run.on('close', () => leave(run));
    const boards = [...claims].map(({ board }) => board);
    tell(run, { say: 'hello', address: udp.address, port: udp.port, boards });
  });
  const abandoned = setTimeout(() => process.exit(), patience);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketName(address, port), resolve);
  });
}

const [address = '', port = ''] = process.argv.slice(2);
// Its starter may be gone by then; a signal for the runs of a terminal is none for the others.
process.stdout.on('error', () => {});
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
try {
  await share(address, Number(port));
  process.stdout.write('{"ready":true}\n');
} catch (error) {
  const { message } = error as Error;
  const failure =
    error instanceof DriverError ? { attempt: error.attempt, message, hint: error.hint } : { message };
  process.stdout.write(`${JSON.stringify(failure)}\n`, () => process.exit(1));
}
