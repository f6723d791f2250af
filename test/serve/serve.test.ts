/** The live page's server, asked as a browser and as a stranger would. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { Message } from '../../src/serve/page/types.d.ts';
import { aRecording, startServer, type PageServer } from './server.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-serve-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

const directory = () => mkdtempSync(path.join(scratch, 'lab-'));

async function json(server: PageServer, address: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${server.origin}${address}`, { headers: server.headers });
  return (await response.json()) as Record<string, unknown>;
}

async function post(
  server: PageServer,
  address: string,
  body: unknown,
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${server.origin}${address}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...server.headers, ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: await response.text() };
}

/** The messages of a run, until one is the last that is wanted. */
async function live(server: PageServer, name: string, isLast: (message: Message) => boolean) {
  const { origin, headers } = server;
  const response = await fetch(`${origin}/api/runs/${name}/live`, { headers });
  if (response.body === null) throw new Error('no body');
  const messages: Message[] = [];
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    messages.push(...lines.map(line => JSON.parse(line) as Message));
    if (messages.some(isLast)) return messages;
  }
  return messages;
}

const isEnd = ({ kind }: Message) => kind === 'end';

test('a page that may control starts a run, follows it to its verdict, and lists it', async t => {
  const cwd = directory();
  await using server = await startServer(cwd, '--control');
  const { boards, control } = await json(server, '/api/lab');
  t.true(control);
  t.true((boards as { name: string }[]).some(({ name }) => name === 'virtual-v4h'));
  t.is((await post(server, '/api/runs', { board: 'virtual-v4h', scenario: 'dom0-and-guest' })).status, 202);
  const [name] = await nonEmpty(async () => {
    const { open, past } = (await json(server, '/api/runs')) as Record<string, { name: string }[]>;
    return [...(open ?? []), ...(past ?? [])].map(run => run.name);
  });
  const messages = await live(server, name ?? '', isEnd);
  const verdicts = messages.filter(message => message.kind === 'verdict');
  t.is(verdicts.at(-1)?.outcome, 'met');
  t.true(verdicts.at(-1)?.rows.every(({ outcome }) => outcome !== 'open'));
  const console = messages.flatMap(message =>
    message.kind === 'console' ? [Buffer.from(message.base64, 'base64').toString()] : [],
  );
  t.regex(console.join(''), /\(XEN\) scmi: Agent 2 SMC/);
  t.true(messages.some(message => message.kind === 'state' && message.machine === 'boot'));
  t.true(messages.some(message => message.kind === 'event' && message.text.startsWith('TFTP xen: ')));
  await nonEmpty(async () => (await json(server, '/api/runs'))['past'] as { outcome: string }[]);
  const report = await fetch(`${server.origin}/runs/${name}/report`, { headers: server.headers });
  t.regex(await report.text(), /<title>scmi-hil: 1 run: 1 met<\/title>/);
  t.is(report.headers.get('content-security-policy'), null, 'the report has a policy of its own in its head');
  const log = await fetch(`${server.origin}/runs/${name}/files/console-main.log`, {
    headers: server.headers,
  });
  t.regex(await log.text(), /scmi: Agent 2 SMC/);
});

/** Asks again until there is something. The deadline is the test's own. */
async function nonEmpty<Item>(ask: () => Promise<Item[]>): Promise<Item[]> {
  for (;;) {
    const items = await ask();
    if (items.length > 0) return items;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

test('a run that somebody else started is followed as it is written, to its end', async t => {
  const cwd = directory();
  const add = aRecording(cwd, 'other');
  await using server = await startServer(cwd);
  const seen = live(server, 'other', isEnd);
  const text = Buffer.from('later\r\n').toString('base64');
  await live(server, 'other', ({ kind }) => kind === 'event');
  add({ kind: 'received', data: { console: 'main', text: 'later\r\n' } });
  await live(server, 'other', message => message.kind === 'console' && message.base64 === text);
  add({ kind: 'run-finished', data: { outcome: 'completed' } });
  const messages = await seen;
  t.deepEqual(
    messages.map(({ kind }) => kind).filter(kind => kind !== 'event'),
    ['console', 'end'],
  );
});

test('a long console is sent from its end, with the number of bytes that are left out', async t => {
  const cwd = directory();
  const add = aRecording(cwd, 'long');
  for (let line = 0; line < 2000; line++) {
    add({ kind: 'received', data: { console: 'main', text: `${line} ${'x'.repeat(1000)}\r\n` } });
  }
  add({ kind: 'run-finished', data: { outcome: 'completed' } });
  await using server = await startServer(cwd);
  const messages = await live(server, 'long', isEnd);
  const sent = messages.flatMap(message => (message.kind === 'console' ? [message.base64] : []));
  t.true(sent.join('').length < 300_000);
  t.regex(Buffer.from(sent.at(-1) ?? '', 'base64').toString(), /^1999 x/);
  const cut = messages.find(message => message.kind === 'cut');
  const bytes = 2000 * 1002 + 10 + 90 * 2 + 900 * 3 + 1000 * 4 + 2000;
  const left = sent.reduce((sum, each) => sum + Buffer.from(each, 'base64').length, 0);
  t.true(Math.abs((cut?.bytes ?? 0) + left - bytes) < 5000);
});

test('without --control nothing can be changed, and no token is needed on loopback', async t => {
  await using server = await startServer(directory());
  t.notRegex(server.address, /token/);
  t.is((await json(server, '/api/lab'))['control'], false);
  t.is((await post(server, '/api/runs', { board: 'virtual-v4h', scenario: 'dom0-and-guest' })).status, 404);
  t.is((await post(server, '/api/power', { board: 'virtual-v4h', action: 'on' })).status, 404);
});

test('a request of another site, for another host or without the token is refused', async t => {
  await using server = await startServer(directory(), '--control');
  t.is((await fetch(server.origin)).status, 401);
  t.is((await fetch(`${server.origin}/?token=wrong`)).status, 401);
  const page = await fetch(server.address, { redirect: 'manual' });
  t.is(page.status, 302);
  t.regex(page.headers.get('set-cookie') ?? '', /HttpOnly; SameSite=Strict/);
  const foreign = await post(
    server,
    '/api/power',
    { board: 'virtual-v4h', action: 'on' },
    { origin: 'http://evil.example' },
  );
  t.is(foreign.status, 403);
  // fetch names the host itself.
  const { port } = new URL(server.origin);
  const asked = request({
    host: '127.0.0.1',
    port,
    headers: { host: `evil.example:${port}`, ...server.headers },
  });
  const [answer] = (await once(asked.end(), 'response')) as [{ statusCode: number; resume(): void }];
  answer.resume();
  t.is(answer.statusCode, 403);
});

test('a name that is no run, or leads elsewhere, is not read', async t => {
  const cwd = directory();
  aRecording(cwd, 'other');
  writeFileSync(path.join(cwd, 'runs', 'secret.txt'), 'secret');
  await using server = await startServer(cwd);
  for (const address of [
    '/api/runs/none/live',
    '/api/runs/..%2fruns%2fother/live',
    '/runs/%2e%2e/report',
    '/runs/other/files/..%2f..%2fsecret.txt',
    '/runs/other/files/secret.txt',
    '/runs/other/files/%00',
    '/runs/other/report',
    '/nothing',
  ]) {
    const response = await fetch(`${server.origin}${address}`);
    t.is(response.status, 404, address);
    t.notRegex(await response.text(), /secret/);
  }
});

test('what is asked wrongly is refused with a reason', async t => {
  await using server = await startServer(directory(), '--control');
  t.deepEqual(await post(server, '/api/runs', { board: 'none', scenario: 'dom0-and-guest' }), {
    status: 400,
    answer: '{"error":"There is no board none."}',
  });
  t.regex(
    (await post(server, '/api/runs', { board: 'virtual-v4h', scenario: '../x' })).answer,
    /no scenario \.\.\/x/,
  );
  t.regex((await post(server, '/api/runs', 'text')).answer, /no board undefined/);
  t.regex(
    (await post(server, '/api/power', { board: 'virtual-v4h', action: 'burn' })).answer,
    /on, off or cycle/,
  );
  t.is((await post(server, '/api/commands/99/cancel', {})).status, 404);
});

test('a run that the page started ends when it is cancelled, and when the server ends', async t => {
  const cwd = directory();
  const server = await startServer(cwd, '--control');
  const start = async () => {
    const { answer } = await post(server, '/api/runs', {
      board: 'virtual-v4h',
      scenario: 'guest-without-page',
    });
    return JSON.parse(answer) as { id: number };
  };
  const commands = async () =>
    (await json(server, '/api/commands')) as unknown as { id: number; exitCode: number | null }[];
  const { id } = await start();
  t.is((await post(server, `/api/commands/${id}/cancel`, {})).status, 200);
  await nonEmpty(async () => (await commands()).filter(each => each.id === id && each.exitCode !== null));
  t.not((await commands())[0]?.exitCode, null);
  await start();
  await nonEmpty(async () => runsIn(cwd));
  await server[Symbol.asyncDispose]();
  t.is(server.process.exitCode, 0);
  for (const name of runsIn(cwd)) {
    const recording = readFileSync(path.join(cwd, 'runs', name, 'recording.jsonl'), 'utf8');
    t.regex(recording, /"kind":"run-finished"/, 'the server has waited for the end of its run');
  }
});

function runsIn(cwd: string): string[] {
  try {
    return readdirSync(path.join(cwd, 'runs'));
  } catch {
    return [];
  }
}
