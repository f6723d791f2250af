import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { execAll, framed, framedSession, unframed } from '../../../src/run/shells/framed-command.ts';
import type { SshSession } from '../../../src/lab/drivers/ssh/ssh.ts';

interface Login {
  /** Text that a profile prints at each login. */
  readonly banner?: string;
  readonly path?: string;
}

/** A session whose commands a real shell runs, as sshd does: `sh -c COMMAND`. */
function sessionOf({ banner = '', path: PATH = '/usr/bin:/bin' }: Login = {}): SshSession {
  return {
    name: 'root@board:22',
    exec: async (command: string, { stdin }: { stdin?: Uint8Array }) => {
      const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', `${banner}\n${command}`], {
        env: { PATH },
        input: stdin ?? '',
        encoding: 'utf8',
      });
      return { status: status ?? 255, stdout, stderr };
    },
    close: async () => undefined,
  } as unknown as SshSession;
}

const run = (command: string, login?: Login, stdin?: string) =>
  framedSession(sessionOf(login)).exec(command, {
    signal: new AbortController().signal,
    ...(stdin !== undefined && { stdin: new TextEncoder().encode(stdin) }),
  });

for (const [what, command, expected] of [
  ['its outputs', 'echo out; echo err >&2', { status: 0, stdout: 'out\n', stderr: 'err\n' }],
  ['an exit status', 'exit 3', { status: 3, stdout: '', stderr: '' }],
  ['the status of a signal', 'kill -9 $$', { status: 137, stdout: '' }],
  ['output without a newline', 'printf half', { status: 0, stdout: 'half' }],
  ['quotes', `echo 'a "b"' "c'd" $((6*7))`, { status: 0, stdout: `a "b" c'd 42\n` }],
  ['a comment at the end', 'echo a # b', { status: 0, stdout: 'a\n' }],
] as const) {
  test(`a framed command gives ${what}, with and without a banner of the profile`, async t => {
    t.like(await run(command), expected);
    const banner = 'echo "*** Welcome ***"; echo "last login: never" >&2';
    t.like(await run(command, { banner }), expected);
  });
}

/** A shell names the line in which a command stands. */
const withoutPlace = (text: string | undefined) => text?.replace(/^sh: \d+: /gm, 'sh: ');

test('several commands run as one, and each has its own status and outputs', async t => {
  const banner = 'echo "*** Welcome ***"; echo "last login: never" >&2';
  const shell = framedSession(sessionOf({ banner }));
  const commands = [
    'echo out; echo err >&2',
    'exit 3',
    'printf half',
    `echo 'a "b"' "c'd"`,
    'cat',
    'no-such-program',
    'echo (',
  ];
  const results = await execAll(shell, commands, { signal: new AbortController().signal });
  t.is(results.length, commands.length);
  for (const [index, command] of commands.entries()) {
    const { status, stdout, stderr } = await run(command);
    t.deepEqual(
      { ...results[index], stderr: withoutPlace(results[index]?.stderr) },
      { status, stdout, stderr: withoutPlace(stderr) },
      command,
    );
  }
});

test('a framed command reads its standard input', async t => {
  t.like(await run('cat', {}, 'some text'), { status: 0, stdout: 'some text' });
});

test('a program in a directory that the PATH of the SSH server lacks is found', async t => {
  const directory = mkdtempSync(path.join(tmpdir(), 'framed-'));
  writeFileSync(path.join(directory, 'xl'), '#!/bin/sh\necho "xl $1"\n');
  chmodSync(path.join(directory, 'xl'), 0o755);
  const text = framed('xl list', 'aa').replace('/usr/local/sbin', directory);
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', text], {
    env: { PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
  });
  t.deepEqual(unframed({ status: status ?? 255, stdout, stderr }, 'aa', 'xl list', 'dom0'), {
    status: 0,
    stdout: 'xl list\n',
    stderr: '',
  });
});

test('a login shell that runs no commands is an infrastructure error that quotes what came', async t => {
  const error = await t.throwsAsync(
    run('xl list', { banner: 'echo "This account is not available"; exit 1' }),
    {
      message:
        'run "xl list" as root@board:22: its shell did not run it (exit status 1), got "This account is not available"',
    },
  );
  t.like(error, { blames: 'lab' });
});
