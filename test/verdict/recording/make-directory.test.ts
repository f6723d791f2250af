import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { makeDirectory } from '../../../src/verdict/recording/make-directory.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-directories-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

test('processes that make the same directories at the same time do not disturb each other', async t => {
  t.timeout(300_000);
  const module = path.resolve('src/verdict/recording/make-directory.ts');
  const program = `
    const { makeDirectory } = await import(${JSON.stringify(module)});
    const { existsSync } = await import('node:fs');
    while (!existsSync(${JSON.stringify(path.join(directory, 'go'))}));
    for (let number = 0; number < 300; number++) makeDirectory(${JSON.stringify(directory)} + '/' + number + '/runs');`;
  const argv = ['--input-type=module', '-e', program];
  const processes = [1, 2, 3].map(() =>
    spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] }),
  );
  const ended = processes.map(async child => {
    let said = '';
    child.stderr.on('data', chunk => (said += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    return { code, said };
  });
  writeFileSync(path.join(directory, 'go'), '');
  for (const { code, said } of await Promise.all(ended)) t.is(code, 0, said);
  t.true(existsSync(path.join(directory, '299', 'runs')));
});

test('a file in the way is an error', t => {
  writeFileSync(path.join(directory, 'file'), '');
  t.throws(() => makeDirectory(path.join(directory, 'file', 'runs')), { code: 'ENOTDIR' });
});
