import test from 'ava';
import { FileSystem } from '../../src/virtual/shell/file-system.ts';
import { programs } from '../../src/virtual/shell/programs.ts';
import { runCommandLine } from '../../src/virtual/shell/shell.ts';

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
