import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer } from 'node:net';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import ssh2 from 'ssh2';
import type { Connection, ServerChannel, SFTPWrapper } from 'ssh2';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { NoLogin, sshClient } from '../../../src/lab/drivers/ssh/client.ts';
import { fingerprintOf } from '../../../src/lab/drivers/ssh/host-keys.ts';
import { makeKeyPair } from '../../../src/lab/drivers/ssh/key-pair.ts';
import { NotWritten } from '../../../src/lab/drivers/ssh/not-written.ts';
import type { SshIdentity, SshTarget } from '../../../src/lab/drivers/ssh/ssh.ts';

const { Server, utils } = ssh2;
const soon = () => AbortSignal.timeout(10_000);
const user = makeKeyPair();
const password: SshIdentity = { kind: 'password', password: 'secret-word' };

const commands: Readonly<Record<string, (channel: ServerChannel, connection: Connection) => void>> = {
  hello: channel => {
    channel.write('out');
    channel.stderr.write('err');
    channel.exit(3);
    channel.end();
  },
  cat: channel => {
    const chunks: Buffer[] = [];
    channel.on('data', (chunk: Buffer) => chunks.push(chunk));
    channel.on('end', () => {
      channel.write(Buffer.concat(chunks));
      channel.exit(0);
      channel.end();
    });
  },
  killed: channel => {
    channel.exit('KILL');
    channel.end();
  },
  hang: channel => {
    channel.resume();
  },
  break: (_channel, connection) => {
    connection.end();
  },
  flood: channel => {
    const pour = () => {
      while (channel.writable && channel.write(Buffer.alloc(256 * 1024))) {
        // Until the window is full.
      }
    };
    channel.on('drain', pour);
    channel.on('error', () => {});
    pour();
  },
  noise: channel => {
    channel.stderr.write(Buffer.alloc(4 * 1024 * 1024, 'e'), () => {
      channel.exit(0);
      channel.end();
    });
  },
};

async function startServer(t: ExecutionContext, { hostKey = makeKeyPair().private, port = 0 } = {}) {
  const events = new EventEmitter();
  const connections = new Set<Connection>();

  const server = new Server({ hostKeys: [hostKey] }, connection => {
    connections.add(connection);
    (connection as Connection & { setNoDelay(): void }).setNoDelay();
    connection.on('error', () => {});
    connection.on('close', () => connections.delete(connection));
    connection.on('authentication', context => {
      const accepted =
        (context.method === 'password' && context.password === 'secret-word') ||
        context.method === 'publickey';
      if (accepted) {
        context.accept();
      } else {
        context.reject(['password', 'publickey']);
      }
    });
    connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
      const socket = connectSocket(destPort, destIP);
      socket.on('error', () => reject());
      socket.on('connect', () => {
        const channel = accept();
        channel.on('error', () => {});
        channel.pipe(socket).pipe(channel);
      });
    });
    connection.on('session', acceptSession => {
      const session = acceptSession();
      session.on('exec', (accept, reject, { command }) => {
        const run = commands[command];
        if (run === undefined) {
          reject();
          return;
        }

        const channel = accept();
        channel.on('close', () => events.emit(`closed ${command}`));
        run(channel, connection);
      });
      session.on('pty', accept => accept());
      session.on('sftp', accept => events.emit('sftp', accept()));
      session.on('window-change', (_accept, _reject, { cols, rows }) => events.emit(`size ${cols}x${rows}`));
      session.on('shell', accept => {
        const channel = accept();
        channel.write('# ');
        channel.on('data', (bytes: Buffer) => {
          channel.write(bytes);
          if (bytes.includes('exit')) {
            channel.exit(0);
            channel.end();
          }
        });
      });
    });
  });
  await new Promise<void>(resolve => {
    server.listen(port, '127.0.0.1', () => resolve());
  });
  const key = utils.parseKey(hostKey);
  if (key instanceof Error) {
    throw key;
  }

  const close = async () => {
    connections.forEach(connection => connection.end());
    await new Promise<void>(resolve => {
      server.close(() => resolve());
    });
  };
  t.teardown(close);
  const { port: at } = server.address() as AddressInfo;
  return {
    events,
    target: { host: '127.0.0.1', port: at, user: 'root', identity: password } satisfies SshTarget,
    fingerprint: fingerprintOf(key.getPublicSSH()),
    connections,
    close,
  };
}

test('a command gives its status and both of its outputs, and gets its input', async t => {
  const server = await startServer(t);
  await using session = await sshClient().connect(server.target, soon());
  t.is(session.name, `root@127.0.0.1:${server.target.port}`);
  t.is(session.hostKey, server.fingerprint);
  t.deepEqual(await session.exec('hello', { signal: soon() }), { status: 3, stdout: 'out', stderr: 'err' });
  const stdin = Buffer.from('device tree\n'.repeat(100_000));
  t.is((await session.exec('cat', { stdin, signal: soon() })).stdout, stdin.toString());
  t.is((await session.exec('cat', { signal: soon() })).stdout, '');
  t.is((await session.exec('killed', { signal: soon() })).status, 137);
  t.is((await session.exec('noise', { signal: soon() })).stderr.length, 4 * 1024 * 1024);
  await t.throwsAsync(session.exec('unknown', { signal: soon() }), { instanceOf: DriverError });
  await session.close();
  await session.close();
  await server.close();
});

test('a connection that breaks during a command is an error and no status, and so is every command after', async t => {
  const server = await startServer(t);
  const session = await sshClient().connect(server.target, soon());
  const lost = { instanceOf: DriverError, message: /the connection was lost/ };
  await t.throwsAsync(session.exec('break', { signal: soon() }), lost);
  await t.throwsAsync(session.exec('hello', { signal: soon() }), lost);
  await session.close();
  await server.close();
});

test('a command past its deadline is given up and its channel closed, and the session goes on', async t => {
  const server = await startServer(t);
  await using session = await sshClient().connect(server.target, soon());
  const closed = once(server.events, 'closed hang');
  await t.throwsAsync(session.exec('hang', { signal: AbortSignal.timeout(50) }), {
    instanceOf: DriverError,
    message: /run "hang" as root@.*: waited for its end until the deadline/,
  });
  t.is((await session.exec('hello', { signal: soon() })).status, 3);
  await closed;
  await session.close();
  await server.close();
});

test('a command that never stops printing is cut off', async t => {
  const server = await startServer(t);
  await using session = await sshClient().connect(server.target, soon());
  await t.throwsAsync(session.exec('flood', { signal: soon() }), { message: /more than 16 MiB/ });
  t.is((await session.exec('hello', { signal: soon() })).status, 3);
  await session.close();
  await server.close();
});

test('a shell shows what it is told, is resized, and says when it is over', async t => {
  const server = await startServer(t);
  await using session = await sshClient().connect(server.target, soon());
  let seen = '';
  let closed = 0;
  const { promise: end, resolve: over } = Promise.withResolvers<void>();
  const shell = await session.shell(
    {
      data: bytes => {
        seen += Buffer.from(bytes).toString();
      },
      closed: () => {
        closed += 1;
        over();
      },
    },
    soon(),
  );
  const resized = once(server.events, 'size 132x50');
  shell.resize(132, 50);
  shell.write(Buffer.from('exit'));
  await end;
  await shell.close();
  shell.write(Buffer.from('nobody'));
  t.is(seen, '# exit');
  t.is(closed, 1);
  await resized;

  const second = await session.shell({ data: () => {}, closed: () => (closed += 1) }, soon());
  await Promise.all([second.close(), second.close()]);
  t.is(closed, 2);
  await session.close();
  await server.close();
});

test('a guest is reached through Dom0, with its own host key', async t => {
  const [dom0, guest] = await Promise.all([startServer(t), startServer(t)]);
  const driver = sshClient();
  const gate = await driver.connect(dom0.target, soon());
  const session = await driver.connect(
    { ...guest.target, identity: { kind: 'key', privateKey: user.private }, via: gate },
    soon(),
  );
  t.is(session.hostKey, guest.fingerprint);
  t.is((await session.exec('hello', { signal: soon() })).stdout, 'out');
  await session.close();
  t.is((await gate.exec('hello', { signal: soon() })).stdout, 'out');

  await guest.close();
  await t.throwsAsync(driver.connect({ ...guest.target, via: gate }, soon()), {
    instanceOf: DriverError,
    message: /through root@.*, socket: root@.* cannot reach 127\.0\.0\.1/,
  });
  await gate.close();
  await dom0.close();
});

test('the host key seen first is kept: another one is refused, on the same driver only', async t => {
  const first = await startServer(t);
  const driver = sshClient();
  await (await driver.connect(first.target, soon())).close();
  await first.close();
  const second = await startServer(t, { port: first.target.port });
  const thrown = await t.throwsAsync(driver.connect(second.target, soon()), { instanceOf: DriverError });
  t.true(thrown.message.includes(`has the key ${second.fingerprint}, expected was ${first.fingerprint}`));
  t.regex(thrown.message, /, host key: /);
  await (await sshClient().connect(second.target, soon())).close();
  await second.close();
});

test('a pinned host key is the only one that is accepted', async t => {
  const server = await startServer(t);
  await (await sshClient().connect({ ...server.target, hostKey: server.fingerprint }, soon())).close();
  await t.throwsAsync(sshClient().connect({ ...server.target, hostKey: 'SHA256:other' }, soon()), {
    message: /host key: .* expected was SHA256:other/,
  });
  await server.close();
});

test('a login that fails says at which stage, and never the secret', async t => {
  const server = await startServer(t);
  const wrong: readonly SshIdentity[] = [
    { kind: 'password', password: 'wrong-secret' },
    { kind: 'key', privateKey: 'wrong-secret' },
    {
      kind: 'key',
      privateKey: utils.generateKeyPairSync('ed25519', { passphrase: 'x', cipher: 'aes256-ctr', rounds: 1 })
        .private,
    },
    { kind: 'agent', socket: '/nonexistent/agent' },
  ];
  for (const identity of wrong) {
    const thrown = await t.throwsAsync(sshClient().connect({ ...server.target, identity }, soon()), {
      instanceOf: DriverError,
      message: /, authentication: /,
    });
    t.false(JSON.stringify([thrown, thrown.message, thrown.stack]).includes('wrong-secret'));
    t.true(thrown instanceof DriverError && thrown.hint.includes('ssh.identity'));
  }

  await server.close();
  await t.throwsAsync(sshClient().connect(server.target, soon()), {
    message: /, socket: nothing listens there/,
  });
});

test('a server that never answers, or hangs up at once, fails in the handshake', async t => {
  const silent = createServer(() => {});
  const curt = createServer(socket => socket.end());
  for (const server of [silent, curt]) {
    await new Promise<void>(resolve => {
      server.listen(0, '127.0.0.1', resolve);
    });
  }

  const target = (server: typeof silent) => ({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    user: 'root',
    identity: password,
  });
  await t.throwsAsync(sshClient().connect(target(silent), AbortSignal.timeout(100)), {
    instanceOf: DriverError,
    message: /, handshake: waited for the server's side of the key exchange until the deadline/,
  });
  await t.throwsAsync(sshClient().connect(target(curt), soon()), {
    instanceOf: DriverError,
    message: /, handshake: /,
  });
  silent.close();
  curt.close();
});

test('a server says in its own words why it takes nobody, and the first cause is kept', async t => {
  const server = await startServer(t);
  let refusing = false;
  const gate = createServer(socket => {
    socket.on('error', () => {});
    if (refusing) {
      socket.end('Not allowed at this time\r\n');
      return;
    }
    const far = connectSocket(server.target.port, '127.0.0.1').on('error', () => {});
    socket.pipe(far).pipe(socket);
  });
  await once(gate.listen(0, '127.0.0.1'), 'listening');
  const target = { ...server.target, port: (gate.address() as AddressInfo).port };
  const wrong: SshIdentity = { kind: 'password', password: 'wrong-secret' };
  const driver = sshClient();
  const first = await t.throwsAsync(driver.connect({ ...target, identity: wrong }, soon()), {
    instanceOf: NoLogin,
  });
  t.regex(first.message, /, authentication: All configured authentication methods failed/);
  t.false(first.isFinal);
  refusing = true;
  const later = await t.throwsAsync(driver.connect({ ...target, identity: wrong }, soon()), {
    instanceOf: NoLogin,
  });
  t.regex(
    later.message,
    /, authentication: All configured .* failed; now, in the handshake: .*says "Not allowed at this time"/,
  );
  t.regex(later.hint, /ssh\.identity/);
  // Another driver has seen no cause before.
  await t.throwsAsync(sshClient().connect(target, soon()), {
    message: /, handshake: .*; the server says "Not allowed at this time"/,
  });
  refusing = false;
  await (await driver.connect(target, soon())).close();
  for (const isFinal of [false, true]) {
    const refused = await t.throwsAsync(driver.connect({ ...target, identity: wrong }, soon()), {
      instanceOf: NoLogin,
    });
    t.is(refused.isFinal, isFinal);
  }
  gate.close();
  await server.close();
});

test('a peer that freezes is noticed by the questions that it no longer answers', async t => {
  const server = await startServer(t);
  const proxied = new Set<() => void>();
  const proxy = createServer(near => {
    const far = connectSocket(server.target.port, '127.0.0.1');
    [near, far].forEach(socket => socket.on('error', () => {}));
    near.pipe(far).pipe(near);
    proxied.add(() => {
      near.unpipe();
      far.unpipe();
      near.resume();
      far.resume();
    });
    near.on('close', () => far.destroy());
  });
  await new Promise<void>(resolve => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  const driver = sshClient({ keepAlive: 50, keepAliveCount: 2 });
  const session = await driver.connect(
    { ...server.target, port: (proxy.address() as AddressInfo).port },
    soon(),
  );
  const running = session.exec('hang', { signal: soon() });
  proxied.forEach(freeze => freeze());
  await t.throwsAsync(running, {
    instanceOf: DriverError,
    message: /connection was lost \(Keepalive timeout\)/,
  });
  await session.close();
  proxy.close();
  await server.close();
});

/** An sftp subsystem that answers as `behave` says. */
function withSftp({ events }: { readonly events: EventEmitter }, behave: (sftp: SFTPWrapper) => void): void {
  events.on('sftp', (sftp: SFTPWrapper) => {
    sftp.on('OPEN', request => sftp.handle(request, Buffer.from('h')));
    sftp.on('CLOSE', request => sftp.status(request, utils.sftp.STATUS_CODE.OK));
    behave(sftp);
  });
}

test('a file that is shorter afterwards than it was sent is not written', async t => {
  const server = await startServer(t);
  withSftp(server, sftp => {
    sftp.on('WRITE', request => sftp.status(request, utils.sftp.STATUS_CODE.OK));
    sftp.on('STAT', request =>
      sftp.attrs(request, { mode: 0o644, uid: 0, gid: 0, size: 4, atime: 0, mtime: 0 }),
    );
  });
  await using session = await sshClient().connect(server.target, soon());
  await t.throwsAsync(session.put('/x', Buffer.from('12345'), { signal: soon() }), {
    instanceOf: NotWritten,
    message: /^send \/x to root@.*: 5 bytes were sent, 4 are there$/,
  });
  t.is(await session.put('/x', Buffer.from('1234'), { signal: soon() }), 'sftp');
  await session.close();
  await server.close();
});

test('an sftp server that no longer answers is given up at the deadline, with how far it came', async t => {
  const server = await startServer(t);
  withSftp(server, sftp => {
    let writes = 0;
    sftp.on('WRITE', request => ++writes <= 2 && sftp.status(request, utils.sftp.STATUS_CODE.OK));
  });
  await using session = await sshClient().connect(server.target, soon());
  const progress: number[] = [];
  const given = new AbortController();
  const sent = session.put('/x', Buffer.alloc(1_000_000), {
    signal: given.signal,
    onProgress: bytes => progress.push(bytes) === 2 && given.abort(new DOMException('late', 'TimeoutError')),
  });
  await t.throwsAsync(sent, {
    instanceOf: DriverError,
    message:
      /waited for the server to take it, of which 61440 of 1000000 bytes were taken until the deadline/,
  });
  t.deepEqual(progress, [30_720, 61_440]);
  t.is((await session.exec('hello', { signal: soon() })).status, 3);
  await session.close();
  await server.close();
});

test('a command takes milliseconds: no packet waits for the acknowledgement of the one before', async t => {
  const server = await startServer(t);
  await using session = await sshClient().connect(server.target, soon());
  const times: number[] = [];
  for (let count = 0; count < 20; count += 1) {
    const started = performance.now();
    await session.exec('hello', { signal: soon() });
    times.push(performance.now() - started);
  }

  // The kernel holds an acknowledgement back for 40 ms: then even the fastest would take that long.
  t.true(Math.min(...times) < 40, times.join(' '));
  await session.close();
  await server.close();
});
