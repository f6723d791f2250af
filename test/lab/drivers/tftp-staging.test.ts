import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { DriverError } from '../../../src/lab/drivers/driver-error.ts';
import { stagingTftp } from '../../../src/lab/drivers/tftp/staging.ts';

const files = new Map<string, string | Uint8Array>([
  ['xen', Buffer.from('our xen')],
  ['overlays/uart.dtbo', Buffer.from('our overlay')],
]);
const lab = (root: string, below = '') => stagingTftp({ address: '192.0.2.1', port: 69, root, below });
const board = (name: string, given = files, notes: string[] = []) => ({
  name,
  files: given,
  onEvent: () => undefined,
  onNote: (text: string) => void notes.push(text),
});

async function directory(t: ExecutionContext): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'scmi-hil-staging-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  return root;
}

/** Every file below a directory with its text; directories end with a slash. */
async function tree(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(root, file);
    if (entry.isDirectory()) found[`${name}/`] = '';
    else found[name] = await readFile(file, 'utf8');
  }
  return found;
}

test.serial(
  'files are put below the directory, readable for anybody, and nothing is left of them',
  async t => {
    const root = await directory(t);
    const before = process.umask(0o077);
    t.teardown(() => process.umask(before));
    const tftp = lab(root, 'lab/rpi5-01/');
    t.false(tftp.observes);
    t.is(tftp.below, 'lab/rpi5-01/');
    {
      await using _ = await tftp.serve(board('rpi5-01'));
      const staged = path.join(root, 'lab/rpi5-01');
      t.is(await readFile(path.join(staged, 'xen'), 'utf8'), 'our xen');
      t.is((await stat(path.join(staged, 'overlays/uart.dtbo'))).mode & 0o777, 0o644);
      t.is((await stat(path.join(staged, 'overlays'))).mode & 0o777, 0o755);
      t.is((await stat(staged)).mode & 0o777, 0o755);
    }
    t.deepEqual(await tree(root), {});
  },
);

test('existing files are kept and put back: a file, a link, and a directory that has other files', async t => {
  const root = await directory(t);
  await mkdir(path.join(root, 'overlays'));
  await writeFile(path.join(root, 'overlays/other.dtbo'), 'other');
  await writeFile(path.join(root, 'real-xen'), 'their xen');
  await symlink('real-xen', path.join(root, 'xen'));
  const before = await tree(root);
  const handle = await lab(root).serve(board('v4h-01'));
  t.is(await readFile(path.join(root, 'xen'), 'utf8'), 'our xen');
  t.is(await readFile(path.join(root, 'real-xen'), 'utf8'), 'their xen');
  await handle[Symbol.asyncDispose]();
  await handle[Symbol.asyncDispose]();
  t.deepEqual(await tree(root), before);
});

test('a file that somebody else has put in the place of ours meanwhile stays, and so does the one before', async t => {
  const root = await directory(t);
  await writeFile(path.join(root, 'xen'), 'their xen');
  {
    await using _ = await lab(root).serve(board('v4h-01'));
    await rm(path.join(root, 'xen'));
    await writeFile(path.join(root, 'xen'), 'their newest xen');
  }
  t.deepEqual(await tree(root), { xen: 'their newest xen', 'xen.before': 'their xen' });
});

test('closing the server takes away what it has put there', async t => {
  const root = await directory(t);
  const tftp = lab(root);
  await tftp.serve(board('v4h-01'));
  await tftp.close();
  t.deepEqual(await tree(root), {});
});

test('two cannot have their files in the same place; the second is told who has, and disturbs nothing', async t => {
  const root = await directory(t);
  await using _ = await lab(root).serve(board('v4h-01'));
  const error = await t.throwsAsync(lab(root).serve(board('v4h-02')), { instanceOf: DriverError });
  t.regex(error?.message ?? '', /put the files of v4h-02 into .*process \d+, files of v4h-01/);
  await using elsewhere = await lab(root, 'v4h-02/').serve(board('v4h-02'));
  t.truthy(elsewhere);
  t.is(await readFile(path.join(root, 'xen'), 'utf8'), 'our xen');
  t.is(await readFile(path.join(root, 'v4h-02/xen'), 'utf8'), 'our xen');
});

test('files of a killed process are removed by the next one, with a note', async t => {
  const root = await directory(t);
  await writeFile(path.join(root, 'xen'), 'their xen');
  const module = path.resolve('src/lab/drivers/tftp/staging.ts');
  const program = `
    import { stagingTftp } from ${JSON.stringify(module)};
    const tftp = stagingTftp({ address: '192.0.2.1', port: 69, root: ${JSON.stringify(root)}, below: 'a/b/' });
    const root = stagingTftp({ address: '192.0.2.1', port: 69, root: ${JSON.stringify(root)}, below: '' });
    const files = new Map([['xen', Buffer.from('doomed xen')], ['dtb', Buffer.from('doomed dtb')]]);
    const board = { name: 'doomed', files, onEvent() {} };
    await tftp.serve(board);
    await root.serve(board);
    console.log('staged');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.is(await readFile(path.join(root, 'xen'), 'utf8'), 'doomed xen');

  const notes: string[] = [];
  for (const below of ['', 'a/b/']) {
    await using _ = await lab(root, below).serve(board('next', files, notes));
    t.is(await readFile(path.join(root, below, 'xen'), 'utf8'), 'our xen');
    t.deepEqual((await readdir(path.join(root, below))).includes('dtb'), false);
  }
  t.deepEqual(await tree(root), { xen: 'their xen' });
  t.is(notes.length, 2);
  t.regex(notes[0] ?? '', new RegExp(`left in ${root} by process ${child.pid}, which is gone: xen, dtb$`));
});

test('a process that was killed while it wrote leaves nothing that is served', async t => {
  const root = await directory(t);
  await mkdir(path.join(root, '.scmi-hil'));
  await writeFile(path.join(root, '.scmi-hil/new-0'), 'half a xe');
  const notes: string[] = [];
  {
    await using _ = await lab(root).serve(board('next', files, notes));
  }
  t.deepEqual(await tree(root), {});
  t.deepEqual(notes, []);
});

for (const [what, prepare, fault, hint] of [
  [
    'a root that is not there',
    (root: string) => rm(root, { recursive: true }),
    /there is no directory/,
    /tftp\.path/,
  ],
  [
    'a directory where a file should be',
    (root: string) => mkdir(path.join(root, 'overlays/uart.dtbo'), { recursive: true }),
    /overlays\/uart\.dtbo is a directory/,
    /move it/,
  ],
  [
    'a file where a directory should be',
    (root: string) => writeFile(path.join(root, 'overlays'), ''),
    /EEXIST|ENOTDIR/,
    /tftp\.path/,
  ],
] as const) {
  test(`${what} is told, and none of the files stays`, async t => {
    const root = await directory(t);
    await prepare(root);
    const before = await tree(root).catch(() => undefined);
    const error = await t.throwsAsync(lab(root).serve(board('v4h-01')), { instanceOf: DriverError });
    t.regex(error?.message ?? '', fault);
    t.regex(error?.hint ?? '', hint);
    t.deepEqual(await tree(root).catch(() => undefined), before);
  });
}

test('a name that leads upwards is refused', async t => {
  const root = await directory(t);
  const given = new Map([['../passwd', Buffer.from('x')]]);
  await t.throwsAsync(lab(root).serve(board('v4h-01', given)), { message: /passwd leads upwards/ });
  t.deepEqual(await tree(root), {});
});

const asNobody = process.getuid?.() === 0 && spawnSync('setpriv', ['--reuid=65534', 'true']).status === 0;
(asNobody ? test : test.skip)(
  `a directory that this user may not write is told with the way to allow it${asNobody ? '' : ' (skipped: needs root and setpriv)'}`,
  async t => {
    const root = await directory(t);
    await chmod(root, 0o755);
    const module = path.resolve('src/lab/drivers/tftp/staging.ts');
    const program = `
      const { stagingTftp } = await import(${JSON.stringify(module)});
      const tftp = stagingTftp({ address: '192.0.2.1', port: 69, root: ${JSON.stringify(root)}, below: '' });
      const board = { name: 'v4h-01', files: new Map([['xen', Buffer.from('x')]]), onEvent() {} };
      await tftp.serve(board).catch(error => console.log(error.message, '|', error.hint));`;
    const { stdout, stderr } = spawnSync(
      'setpriv',
      ['--reuid=65534', '--clear-groups', process.execPath, '--input-type=module', '-e', program],
      { encoding: 'utf8' },
    );
    t.regex(stdout, /this user may not write there.* \| .*setfacl/, stderr);
  },
);
