/**
 * The SSH server of a virtual domain: commands run in its shell; connections to guests go through Dom0's, as
 * on a board where only Dom0 has a network.
 */
import { createServer, type Server as NetServer, Socket } from 'node:net';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import { serveSftp } from './sftp-server.ts';
import { type Shell, runCommandLine } from './shell/shell.ts';
import type { Attachment, Terminal } from './vuart.ts';

const prompt = '~ # ';
/** Ctrl-]: ends `xl console`. */
const detachKey = '\u001d';

export interface SshServerOptions {
  /** OpenSSH public key that may log in. */
  readonly authorizedKey: string;
  /** PEM of the host's private key. */
  readonly hostKey: string;
  readonly shell: Shell;
  /** Takes connections, says nothing. */
  readonly neverAnswers: boolean;
  /** Without the sftp subsystem, as dropbear is built. */
  readonly noSftp?: boolean;
  /** Terminal that a command of the interactive shell connects to; undefined: none. */
  readonly attach?: (command: string, terminal: Terminal) => Attachment | undefined;
  /** Where a forwarded connection ends; undefined: refused. */
  readonly reach: (host: string, port: number) => SshServer | undefined;
}

export class SshServer {
  readonly #server: ssh2.Server;
  readonly #options: SshServerOptions;
  readonly #connections = new Set<Connection>();
  readonly #silent = new Set<Socket>();
  readonly #ended = new AbortController();

  constructor(options: SshServerOptions) {
    this.#options = options;
    this.#server = new ssh2.Server({ hostKeys: [options.hostKey] }, connection => this.#serve(connection));
  }

  /** Takes over a connection that arrived for this domain: a socket, or a channel through Dom0. */
  accept(socket: Socket): void {
    if (socket instanceof Socket) socket.setNoDelay(true);
    if (this.#options.neverAnswers) {
      this.#silent.add(socket.on('error', () => {}));
      return;
    }
    this.#server.injectSocket(socket);
  }

  /** Ends every connection: the domain is gone, or its supply. */
  close(): void {
    this.#ended.abort();
    for (const connection of this.#connections) connection.end();
    for (const socket of this.#silent) socket.destroy();
    this.#connections.clear();
  }

  #serve(connection: Connection): void {
    this.#connections.add(connection);
    connection.on('error', () => {});
    connection.on('close', () => this.#connections.delete(connection));
    connection.on('authentication', context => {
      const allowed = ssh2.utils.parseKey(this.#options.authorizedKey);
      if (allowed instanceof Error || context.method !== 'publickey') return context.reject(['publickey']);
      const isKey = context.key.algo === allowed.type && context.key.data.equals(allowed.getPublicSSH());
      const isSigned =
        context.signature === undefined || context.blob === undefined
          ? true
          : allowed.verify(context.blob, context.signature, context.hashAlgo);
      return isKey && isSigned ? context.accept() : context.reject(['publickey']);
    });
    connection.on('ready', () => {
      connection.on('session', accept => {
        const session = accept();
        session.on('pty', acceptPty => acceptPty());
        session.on('exec', (acceptExec, _reject, { command }) => this.#execute(acceptExec(), command));
        if (this.#options.noSftp !== true) {
          session.on('sftp', acceptSftp => serveSftp(acceptSftp(), this.#options.shell.files));
        }
        session.on('shell', acceptShell => this.#interact(acceptShell()));
      });
      connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
        const target = this.#options.reach(destIP, destPort);
        // ssh2 speaks its protocol over any duplex stream; a channel is one.
        if (target === undefined) reject();
        else target.accept(accept() as unknown as Socket);
      });
    });
  }

  async #answer(channel: ServerChannel, command: string): Promise<void> {
    if (command === 'exit') {
      channel.end();
      return;
    }
    const result = await runCommandLine(this.#options.shell, command, new Uint8Array(), this.#ended.signal);
    for (const output of [result.stdout, result.stderr]) {
      channel.write(Buffer.from(output).toString().replaceAll('\n', '\r\n'));
    }
    channel.write(prompt);
  }

  #execute(channel: ServerChannel, command: string): void {
    const input: Buffer[] = [];
    channel.on('data', (bytes: Buffer) => input.push(bytes));
    channel.on('error', () => {});
    const run = async (): Promise<void> => {
      const result = await runCommandLine(
        this.#options.shell,
        command,
        Buffer.concat(input),
        this.#ended.signal,
      );
      if (this.#ended.signal.aborted) return;
      channel.write(result.stdout);
      channel.stderr.write(result.stderr);
      channel.exit(result.status);
      channel.end();
    };
    channel.once('end', () => {
      run().catch(() => channel.close());
    });
  }

  /** A shell without line editing: each line runs as a command. */
  #interact(channel: ServerChannel): void {
    let line = '';
    let turn = Promise.resolve();
    let attached: Attachment | undefined;
    const backInShell = () => {
      attached = undefined;
      channel.write(prompt);
    };
    const terminal = { show: (text: string) => void channel.write(text), ended: backInShell };
    channel.on('error', () => {});
    channel.on('close', () => attached?.detach());
    channel.write(prompt);
    channel.on('data', (bytes: Buffer) => {
      for (const character of bytes.toString()) {
        if (attached !== undefined) {
          const typed = line;
          const isEnd = character === '\r' || character === '\n';
          line = isEnd || character === detachKey ? '' : line + character;
          if (isEnd) attached.line(typed);
          if (character !== detachKey) continue;
          attached.detach();
          backInShell();
          continue;
        }
        if (character !== '\r' && character !== '\n') {
          line += character;
          channel.write(character);
          continue;
        }
        const command = line;
        line = '';
        channel.write('\r\n');
        attached = this.#options.attach?.(command, terminal);
        if (attached !== undefined) continue;
        turn = turn.then(() => this.#answer(channel, command));
        turn.catch(() => channel.close());
      }
    });
  }
}

/**
 * Dom0's place on the network: a port that is always there, behind which a server answers only while Dom0
 * runs. Before that, connections are reset, as by a board that is not up yet.
 */
export class SshPort implements AsyncDisposable {
  readonly #server: NetServer;
  #domain: SshServer | undefined;

  private constructor(server: NetServer) {
    this.#server = server;
    server.on('connection', socket => {
      if (this.#domain === undefined) socket.resetAndDestroy();
      else this.#domain.accept(socket);
    });
  }

  static async open(address: string): Promise<SshPort> {
    const server = createServer();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(0, address, resolve);
    await promise;
    return new SshPort(server);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Lets a domain answer, or nobody. The one before loses its connections. */
  connect(domain: SshServer | undefined): void {
    if (this.#domain !== domain) this.#domain?.close();
    this.#domain = domain;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connect(undefined);
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
  }
}
