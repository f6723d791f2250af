/** The SSH driver against OpenSSH's own server, and dropbear. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { HostUnreachable, sshClient } from '../../../src/lab/drivers/ssh/client.ts';
import { serialCommand } from '../../../src/lab/drivers/serial/command.ts';
import { openPseudoTerminal } from '../../../src/lab/drivers/serial/pseudo-terminal.ts';
import { makeKeyPair } from '../../../src/lab/drivers/ssh/key-pair.ts';
import { NotWritten } from '../../../src/lab/drivers/ssh/not-written.ts';
import type { SshTarget } from '../../../src/lab/drivers/ssh/ssh.ts';
import { listener } from './listener.ts';

const program = '/usr/sbin/sshd';
const isThere = existsSync(program) && process.getuid?.() === 0;
const withSshd = isThere ? test : test.skip;
const soon = () => AbortSignal.timeout(20_000);
const user = makeKeyPair();
/** Where Debian's dropbear looks for one. */
const sftpServers = '/usr/lib/openssh';
const hasDropbear =
  process.getuid?.() === 0 &&
  existsSync(sftpServers) &&
  spawnSync('dropbear', ['-V']).status === 0 &&
  spawnSync('unshare', ['--mount', 'true']).status === 0;
const withDropbear = hasDropbear ? test : test.skip;

interface Server {
  readonly target: SshTarget;
  /** Of its own files; removed with it. */
  readonly directory: string;
  readonly stop: () => Promise<void>;
}

async function startSshd(t: ExecutionContext, wanted?: number, sftp?: string): Promise<Server> {
  // As root it wants its directory for the separation of privileges.
  mkdirSync('/run/sshd', { recursive: true });
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-sshd-'));
  const port = wanted ?? (await freePort());
  const hostKey = path.join(directory, 'host-key');
  writeFileSync(hostKey, makeKeyPair().private, { mode: 0o600 });
  writeFileSync(path.join(directory, 'authorized'), `${user.public}\n`, { mode: 0o600 });
  writeFileSync(
    path.join(directory, 'config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${path.join(directory, 'authorized')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      ...(sftp === undefined ? [] : [`Subsystem sftp ${sftp}`]),
      '',
    ].join('\n'),
  );
  const server = spawn(program, ['-D', '-e', '-f', path.join(directory, 'config')], { stdio: 'ignore' });
  const stop = () => ended(server);
  t.teardown(async () => {
    await stop();
    rmSync(directory, { recursive: true });
  });
  const identity = { kind: 'key', privateKey: user.private } as const;
  const target: SshTarget = { host: '127.0.0.1', port, user: userInfo().username, identity };
  await listening(target);
  return { target, directory, stop };
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exit = once(server, 'exit');
  server.kill();
  await exit;
}

/** Logs in until the server takes connections. */
async function listening(target: SshTarget): Promise<void> {
  const end = soon();
  for (;;) {
    try {
      await (await sshClient().connect(target, end)).close();
      return;
    } catch (error) {
      if (!(error instanceof HostUnreachable) || end.aborted) throw error;
      await delay(50);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

withSshd('OpenSSH gives status, both outputs, all of a big output, and takes input', async t => {
  const { target } = await startSshd(t);
  await using session = await sshClient().connect(target, soon());
  t.deepEqual(await session.exec('echo out; echo err >&2; exit 7', { signal: soon() }), {
    status: 7,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  t.is((await session.exec('kill -9 $$', { signal: soon() })).status, 137);
  t.is(
    (await session.exec('head -c 8000000 /dev/zero | tr "\\0" x', { signal: soon() })).stdout.length,
    8_000_000,
  );
  const stdin = Buffer.alloc(300_000, 'device tree\n');
  t.is((await session.exec('cat', { stdin, signal: soon() })).stdout, stdin.toString());
});

for (const [title, subsystem, way] of [
  ["OpenSSH's own sftp", 'internal-sftp', 'sftp'],
  ['a shell, where OpenSSH has no sftp', undefined, 'shell'],
  ['a shell, where the sftp of OpenSSH does not start', '/no/such/sftp-server', 'shell'],
] as const) {
  withSshd(`files are written whole, with the directories that they are in, by ${title}`, async t => {
    const { target, directory } = await startSshd(t, undefined, subsystem);
    await using session = await sshClient().connect(target, soon());
    const taken: number[] = [];
    const big = Buffer.alloc(3_000_001, 'device tree\n');
    const nested = path.join(directory, 'a', "it's $HOME", 'big');
    const options = { signal: soon(), onProgress: (bytes: number) => taken.push(bytes) };
    t.is(await session.put(nested, big, options), way);
    t.true(readFileSync(nested).equals(big));
    t.is(taken.at(-1), big.length);
    t.deepEqual(
      taken,
      taken.toSorted((one, other) => one - other),
    );
    t.is(taken.length > 10, way === 'sftp');

    t.is(await session.put(nested, new Uint8Array(), { signal: soon() }), way);
    t.is(readFileSync(nested).length, 0, 'a longer one that was there is replaced');
    t.is(await session.put(nested, Buffer.from('short'), { signal: soon() }), way);
    t.is(readFileSync(nested, 'utf8'), 'short');

    for (const refused of [path.join(directory, 'a'), '/proc/none/x', path.join(nested, 'x')]) {
      const error = await t.throwsAsync(session.put(refused, big, { signal: soon() }), {
        instanceOf: NotWritten,
      });
      t.true(error?.message.startsWith(`send ${refused} to ${session.name}: `), error?.message);
    }
    t.is((await session.exec('echo well', { signal: soon() })).stdout, 'well\n', 'the session goes on');
  });

  withSshd(`a full disk is told by ${title}`, async t => {
    const { target } = await startSshd(t, undefined, subsystem);
    await using session = await sshClient().connect(target, soon());
    await t.throwsAsync(session.put('/dev/full', Buffer.alloc(100_000), { signal: soon() }), {
      instanceOf: NotWritten,
      message: /^send \/dev\/full to .*: /,
    });
  });
}

for (const [title, without, way] of [
  ["dropbear with OpenSSH's sftp-server", '', 'sftp'],
  ['dropbear without an sftp-server', `mount -t tmpfs none ${sftpServers}`, 'shell'],
] as const) {
  withDropbear(`files go into a domain of ${title} by ${way}, and commands run there`, async t => {
    const { target, hostKey } = await startDropbear(t, without);
    await using session = await sshClient().connect({ ...target, hostKey }, soon());
    t.deepEqual(
      await session.exec('cat; echo err >&2; exit 7', { stdin: Buffer.from('in'), signal: soon() }),
      {
        status: 7,
        stdout: 'in',
        stderr: 'err\n',
      },
    );
    const bytes = Buffer.alloc(300_000, 'device tree\n');
    for (const file of ['one', 'two']) {
      t.is(await session.put(`${userInfo().homedir}/a/${file}`, bytes, { signal: soon() }), way);
      t.is((await session.exec(`cat ~/a/${file}`, { signal: soon() })).stdout, bytes.toString());
    }
  });
}

/** Dropbear reads the keys of the user's home: it has one of its own, in a mount namespace of its own. */
async function startDropbear(
  t: ExecutionContext,
  then: string,
): Promise<{ target: SshTarget; hostKey: string }> {
  const home = mkdtempSync(path.join(tmpdir(), 'scmi-hil-dropbear-'));
  const { homedir, username } = userInfo();
  const port = await freePort();
  mkdirSync(path.join(home, '.ssh'), { mode: 0o700 });
  writeFileSync(path.join(home, '.ssh', 'authorized_keys'), `${user.public}\n`, { mode: 0o600 });
  const made = spawnSync('dropbearkey', ['-t', 'ed25519', '-f', path.join(home, 'key')]);
  const script = [
    'mount --make-rprivate /',
    `mount --bind ${home} ${homedir}`,
    ...(then === '' ? [] : [then]),
    `exec dropbear -F -p 127.0.0.1:${port} -r ${homedir}/key -P ${homedir}/pid`,
  ];
  const server = spawn('unshare', ['--mount', 'sh', '-e', '-c', script.join('\n')], { stdio: 'ignore' });
  t.teardown(async () => {
    await ended(server);
    rmSync(home, { recursive: true });
  });
  const identity = { kind: 'key', privateKey: user.private } as const;
  const target: SshTarget = { host: '127.0.0.1', port, user: username, identity };
  await listening(target);
  const hostKey = /SHA256:\S+/.exec(made.stdout.toString())?.[0] ?? '';
  return { target, hostKey };
}

for (const type of ['rsa', 'ecdsa', 'ed25519']) {
  withSshd(
    `a key of ssh-keygen's, ${type} with a passphrase, logs in to the host key that ssh-keygen shows`,
    async t => {
      const { target, directory } = await startSshd(t);
      const file = path.join(directory, 'key');
      const made = spawnSync('ssh-keygen', ['-q', '-t', type, '-N', 'pass phrase', '-f', file]);
      t.is(made.status, 0, made.stderr.toString());
      writeFileSync(path.join(directory, 'authorized'), readFileSync(`${file}.pub`));
      const shown = spawnSync('ssh-keygen', ['-l', '-f', path.join(directory, 'host-key')]).stdout.toString();
      const hostKey = /SHA256:\S+/.exec(shown)?.[0] ?? '';
      const identity = {
        kind: 'key',
        privateKey: readFileSync(file, 'utf8'),
        passphrase: 'pass phrase',
      } as const;
      await using session = await sshClient().connect({ ...target, identity, hostKey }, soon());
      t.is(session.hostKey, hostKey);
      await t.throwsAsync(sshClient().connect({ ...target, identity, hostKey: 'SHA256:other' }, soon()), {
        message: /, host key: .* expected was SHA256:other/,
      });
    },
  );
}

const withSocat = isThere && spawnSync('socat', ['-V']).status === 0 ? test : test.skip;

withSocat("a console behind OpenSSH's client is a command, and lost with the program there", async t => {
  const { target, directory } = await startSshd(t);
  const board = openPseudoTerminal();
  const atBoard = listener();
  board.onData(atBoard.data);
  const key = path.join(directory, 'user-key');
  writeFileSync(key, user.private, { mode: 0o600 });
  const trusting = '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR';
  const pid = path.join(directory, 'pid');
  const remote = `'echo $$ > ${pid}; exec socat - ${board.path},raw,echo=0'`;
  const command = `ssh -F none -i ${key} ${trusting} -p ${target.port} ${target.user}@127.0.0.1 ${remote}`;
  const atHost = listener();
  const connection = await serialCommand(command).open(atHost, soon());
  await connection.write(Buffer.from('typed\r'));
  t.is((await atBoard.bytes(6)).toString(), 'typed\r');
  board.write(Buffer.from('login: '));
  t.is((await atHost.bytes(7)).toString(), 'login: ');
  process.kill(Number(readFileSync(pid, 'utf8')));
  await atHost.untilLost();
  t.is(atHost.errors.length, 1);
  board.close();
  await connection.close();
});

withSshd('a file that is given up, or that the connection breaks off, is an error, and soon', async t => {
  const { target, directory } = await startSshd(t, undefined, 'internal-sftp');
  const driver = sshClient();
  await using session = await driver.connect(target, soon());
  const big = Buffer.alloc(200_000_000);
  const file = path.join(directory, 'big');
  const given = new AbortController();
  await t.throwsAsync(
    session.put(file, big, { signal: given.signal, onProgress: () => given.abort(new Error('enough')) }),
    {
      instanceOf: DriverError,
      message: /interrupted while waiting for the server to take it, of which [1-9]\d* of 200000000 bytes/,
    },
  );
  t.is(await session.put(file, Buffer.from('then'), { signal: soon() }), 'sftp');
  t.is(readFileSync(file, 'utf8'), 'then');

  await using cut = await driver.connect(target, soon());
  const { stdout: servers } = await cut.exec('echo $PPID $(ps -o ppid= -p $PPID)', { signal: soon() });
  let isCut = false;
  const onProgress = () => {
    if (isCut) return;
    isCut = true;
    for (const pid of servers.trim().split(/ +/)) process.kill(Number(pid), 'SIGKILL');
  };
  await t.throwsAsync(cut.put(file, big, { signal: soon(), onProgress }), {
    instanceOf: DriverError,
    message: /the connection was lost/,
  });
});

withSshd('OpenSSH refuses a key that is not authorized, and a password', async t => {
  const { target } = await startSshd(t);
  const stranger = { kind: 'key', privateKey: makeKeyPair().private } as const;
  for (const identity of [stranger, { kind: 'password', password: 'x' } as const]) {
    await t.throwsAsync(sshClient().connect({ ...target, identity }, soon()), {
      message: /, authentication: /,
    });
  }
});

withSshd("a key of ssh-agent's is taken by OpenSSH", async t => {
  const { target } = await startSshd(t);
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-agent-'));
  const socket = path.join(directory, 'socket');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  t.teardown(async () => {
    await ended(agent);
    rmSync(directory, { recursive: true });
  });
  for (const end = soon(); !existsSync(socket) && !end.aborted; ) await delay(20);
  const added = spawnSync('ssh-add', ['-'], {
    input: user.private,
    env: { ...process.env, SSH_AUTH_SOCK: socket },
  });
  t.is(added.status, 0, added.stderr.toString());
  await using session = await sshClient().connect({ ...target, identity: { kind: 'agent', socket } }, soon());
  t.is((await session.exec('echo by agent', { signal: soon() })).stdout, 'by agent\n');
});

withSshd('a guest is reached through OpenSSH, and lost with it in the middle of a command', async t => {
  const [gate, guest] = await Promise.all([startSshd(t), startSshd(t)]);
  const driver = sshClient();
  await using dom0 = await driver.connect(gate.target, soon());
  const session = await driver.connect({ ...guest.target, via: dom0 }, soon());
  t.is((await session.exec('echo through', { signal: soon() })).stdout, 'through\n');
  const cut = session.exec('kill -9 $(ps -o ppid= -p $PPID) $PPID; sleep 1', { signal: soon() });
  await t.throwsAsync(cut, { message: /the connection was lost/ });
  await session.close();
});

withSshd('a host key that changed within a run is refused', async t => {
  const first = await startSshd(t);
  const driver = sshClient();
  await (await driver.connect(first.target, soon())).close();
  await first.stop();
  const second = await startSshd(t, first.target.port);
  await t.throwsAsync(driver.connect(second.target, soon()), {
    message: /, host key: .* expected was SHA256:/,
  });
});
