import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { FileSystem } from '../../../src/lab/virtual/shell/file-system.ts';
import { programs } from '../../../src/lab/virtual/shell/programs.ts';
import { runCommandLine } from '../../../src/lab/virtual/shell/shell.ts';

const kernelFiles = new Map([
  ['/sys/bus/scmi/a/vendor_id', 'EPAM\n'],
  ['/sys/bus/scmi/b/vendor_id', 'other\n'],
  ['/proc/device-tree/arm,smc-id', '\x02\x00'],
]);

const kernel = {
  read: (path: string) => {
    const text = kernelFiles.get(path);
    return text === undefined ? undefined : Buffer.from(text, 'latin1');
  },
  list: (path: string) => {
    const prefix = path === '/' ? '/' : `${path}/`;
    const names = [...kernelFiles.keys()]
      .filter(file => file.startsWith(prefix))
      .map(file => file.slice(prefix.length).split('/')[0] ?? '');
    return names.length > 0 ? [...new Set(names)] : undefined;
  },
};

async function run(line: string, stdin = '', files = new FileSystem(kernel)) {
  const result = await runCommandLine(
    { programs, files },
    line,
    Buffer.from(stdin),
    AbortSignal.timeout(5000),
  );
  return [
    result.status,
    Buffer.from(result.stdout).toString(),
    Buffer.from(result.stderr).toString(),
  ] as const;
}

for (const [line, status, stdout, stderr] of [
  ['echo hello', 0, 'hello\n', ''],
  ['echo "a  b" \'c $d\'', 0, 'a  b c $d\n', ''],
  ['false && echo no; echo yes', 0, 'yes\n', ''],
  ['false || echo yes', 0, 'yes\n', ''],
  ['cat /sys/bus/scmi/*/vendor_id', 0, 'EPAM\nother\n', ''],
  [
    "cat '/sys/bus/scmi/*/vendor_id'",
    1,
    '',
    "cat: can't open '/sys/bus/scmi/*/vendor_id': No such file or directory\n",
  ],
  ['cat /nowhere 2>/dev/null | od -An -tx1', 0, '', ''],
  ['cat /proc/device-tree/arm,smc-id | od -An -tx1', 0, ' 02 00\n', ''],
  ['ls /sys/bus/scmi', 0, 'a\nb\n', ''],
  ['ls /nowhere', 1, '', 'ls: /nowhere: No such file or directory\n'],
  ['find /sys/bus -name vendor_id', 0, '/sys/bus/scmi/a/vendor_id\n/sys/bus/scmi/b/vendor_id\n', ''],
  ['cat /sys/bus/scmi/a/vendor_id | grep -c -i epam', 0, '1\n', ''],
  ['echo ab | grep -E "x|b"', 0, 'ab\n', ''],
  ['echo ab | grep "x|b"', 1, '', ''],
  ['bogus', 127, '', 'sh: bogus: not found\n'],
  ['echo "open', 2, '', 'sh: syntax error: unterminated quoted string\n'],
  ['echo $(id)', 2, '', 'sh: "$" is not supported by this shell\n'],
  ['| cat', 2, '', 'sh: syntax error: unexpected "|"\n'],
] as const) {
  test(`the shell of a virtual domain runs ${line}`, async t => {
    t.deepEqual(await run(line), [status, stdout, stderr]);
  });
}

test('a file is uploaded through standard input into a directory that is made first', async t => {
  const files = new FileSystem(kernel);
  t.deepEqual(await run('mkdir -p /root/hil && cat > /root/hil/guest.cfg', 'name = "guest"\n', files), [
    0,
    '',
    '',
  ]);
  t.deepEqual(await run('cat /root/hil/guest.cfg', '', files), [0, 'name = "guest"\n', '']);
  t.deepEqual(await run('cat > /root/none/guest.cfg', 'x', files), [
    1,
    '',
    "sh: can't create /root/none/guest.cfg: nonexistent directory\n",
  ]);
});

/** Lines that the real busybox is asked too. Each begins in an empty directory. */
const lines = [
  'echo hello; echo -n x; echo "a  b" \'c $d\'',
  'false; echo $?; true && echo yes || echo no',
  'bogus; echo $?',
  'bogus 2>/dev/null || echo $?',
  'X=3 Y="a b"; echo $X "$Y" ${X}4 $Y$X; echo "[$NONE]" $NONE .',
  'echo a#b #c\necho d',
  'echo "a\\$b\\\\c" \\$d "\'" \'"\'',
  "printf 'a\\061\\n%s-%d\\n' x 3 y 4",
  "printf '\\x41%%%5s|%-4d|%03d|%x\\n' ab 3 7 255",
  "printf '%s|' a 'b c'; printf '%d\\n' x",
  "printf '\\000\\001\\377' | od -An -v -tx1",
  'printf abc >f; wc -c <f; wc -c f; wc f; wc -l <f; wc -cl f',
  'printf "0123456789" >f; dd if=f bs=4 skip=1 count=1 2>/dev/null; dd if=f bs=4 skip=2 >part; cat part',
  'dd if=none bs=4',
  'printf "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz" | base64',
  'echo aGk= | base64 -d; base64 <nofile',
  'echo abc | sha256sum; sha256sum none',
  'cat none >x 2>&1; cat x; cat none 2>&1 >y | cat; cat y',
  'echo out; echo err >&2',
  'echo a >f; echo b >>f; cat f; cat <f >g; cat g',
  'echo x >none/f; echo $?; cat <none; echo $?',
  "printf 'bogus\\n\\nfalse\\nexit 5\\necho no\\n' >s; sh s; echo $?; sh <s; echo $?",
  'sh none; echo $?; sh -c "exit 3"; echo $?; sh -c "echo in; false"; echo $?',
  'exit 4; echo no',
  'set +o emacs; echo $?',
  'set +o emacs 2>/dev/null; echo $?',
  'mkdir -p a/b && : >a/b/c; ls a; ls a/b; rm -rf a/; ls a',
  'mkdir x/y; mkdir d; mkdir d; rm d; rm none; rm -f none; echo $?',
  'printf 1 >p.1; printf 2 >p.2; cat p.* >p; cat p; rm -f p.*; ls',
  'printf "a\\nb\\nc\\n" >q; head -n 1 q; tail -n 1 q; tail -c 3 q; tail -c +3 q; head -c 3 q',
  'test -d . && echo d; [ -s none ] || echo n; [ a = a ] && [ 1 -lt 2 ]; echo $?',
  'sleep x; echo $?',
  'mkfifo f; ls',
  'true &&',
  'echo a |',
  'echo a;; echo b',
  'echo >',
  'echo "open',
  'true || echo no; false && echo no; echo "$?"',
  'echo a; cat; cat',
];

const isBusyboxThere = spawnSync('busybox', ['true']).status === 0;
const besideBusybox = isBusyboxThere ? test : test.skip;

for (const line of lines) {
  besideBusybox(`the shell of a virtual domain answers as busybox does: ${JSON.stringify(line)}`, async t => {
    const scratch = mkdtempSync(join(tmpdir(), 'scmi-hil-busybox-'));
    t.teardown(() => rmSync(scratch, { recursive: true }));
    const applets = join(scratch, 'bin');
    mkdirSync(applets);
    mkdirSync(join(scratch, 'root'));
    spawnSync('busybox', ['--install', '-s', applets]);
    const real = spawnSync(join(applets, 'sh'), ['-c', line, 'sh'], {
      cwd: join(scratch, 'root'),
      env: { PATH: applets },
      input: '',
    });
    const [status, stdout, stderr] = await run(line);
    t.is(stdout, real.stdout.toString());
    // Builds differ in whether a command line has a number.
    t.is(stderr, real.stderr.toString().replaceAll('line 0: ', ''));
    t.is<number | null, number | null>(status, real.status);
  });
}
