/**
 * Names in the kernel's abstract namespace (unix(7)): a listening socket has a name that no other process can have,
 * whichever user runs it, and that is gone with its process. Anybody can ask the socket who listens.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Claim } from './claims.ts';

/** Milliseconds in which a listener answers. */
const patience = 5000;
/** Characters; another program may have the name. */
const longestAnswer = 10_000;

/** A claim as a part of a name. */
export function hashOf(claim: Claim): string {
  return createHash('sha256').update(claim).digest('hex').slice(0, 32);
}

/**
 * Takes a name.
 * @param name without the zero byte in front
 * @param answer told to everybody who asks
 * @returns undefined where another process has it
 * @throws the system's error
 */
export async function takeName(name: string, answer: string): Promise<Server | undefined> {
  const server = createServer(socket =>
    socket.on('error', () => undefined).end(answer, () => socket.destroySoon()),
  );
  const error = await new Promise<NodeJS.ErrnoException | undefined>(resolve => {
    server.once('error', resolve).listen(`\0${name}`, () => resolve(undefined));
  });
  if (error === undefined) return server.unref();
  if (error.code === 'EADDRINUSE') return undefined;
  throw error;
}

/** Gives a name back. */
export function giveBack(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
  });
}

/** Names that match, of all processes of this network namespace. */
export async function namesLike(pattern: RegExp): Promise<readonly string[]> {
  const table = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  const names = [...table.matchAll(/ @(\S+)$/gm)].map(([, name = '']) => name);
  return [...new Set(names)].filter(name => pattern.test(name));
}

/** @returns the listener's answer, empty where it does not answer; undefined: nobody has the name */
export function ask(name: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let text = '';
  const socket: Socket = connect(`\0${name}`)
    .setEncoding('utf8')
    .setTimeout(patience, () => void heardOut().then(() => resolve('')))
    .on('data', (more: string) => {
      text += more;
      if (text.length > longestAnswer) resolve('');
    })
    .on('end', () => resolve(text))
    .on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' ? undefined : ''));
  return promise.finally(() => socket.destroy());
}

/** A process that was busy for longer than its patience has not read yet what has come. */
async function heardOut(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}
