import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import * as fc from 'fast-check';
import { bytesOf, recordedBytes } from '../../../src/verdict/recording/bytes.ts';
import type { RecordedData, RecordedEvent } from '../../../src/verdict/recording/event.ts';
import { readRecording, readRun } from '../../../src/verdict/recording/reader.ts';
import { replay } from '../../../src/verdict/recording/replay.ts';
import {
  makeRunDirectory,
  runFiles,
  writeChecksums,
  writePrediction,
} from '../../../src/verdict/recording/run-directory.ts';
import { type RecordingError, RecordingWriter } from '../../../src/verdict/recording/writer.ts';

const scratch = mkdtempSync(join(tmpdir(), 'scmi-hil-recording-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

const place = () => mkdtempSync(join(scratch, 'place-'));
const bytes = (text: string) => new TextEncoder().encode(text);
const received = (data: Uint8Array | string): RecordedData => ({
  kind: 'received',
  data: { console: 'serial', ...recordedBytes(typeof data === 'string' ? bytes(data) : data) },
});

function writer(options: Partial<ConstructorParameters<typeof RecordingWriter>[1]> = {}) {
  const directory = place();
  const errors: RecordingError[] = [];
  let now = 0;
  const made = new RecordingWriter(directory, {
    clock: () => now++,
    onError: error => errors.push(error),
    ...options,
  });
  return {
    writer: made,
    directory,
    errors,
    text: () => readFileSync(join(directory, 'recording.jsonl'), 'utf8'),
  };
}

test('bytes come back exactly, whatever they were', t => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.string({ unit: 'binary' }).map(bytes)), data => {
      const through = JSON.parse(JSON.stringify(recordedBytes(data)));
      t.deepEqual(bytesOf(through), data);
    }),
  );
  t.deepEqual(recordedBytes(bytes('\ufeffXen: ä\r\n')), { text: '\ufeffXen: ä\r\n' });
  t.true('base64' in recordedBytes(Uint8Array.of(0xff)));
});

test('a recording is read back, with the raw bytes of each console beside it', async t => {
  const { writer: made, directory } = writer();
  made.record('serial', received('(XEN) one\u2028\r\n'));
  made.record('run', { kind: 'milestone', data: { name: 'xen-banner' } });
  made.record('serial', received(Uint8Array.of(0xff, 0x0a)));
  made.close();
  made.record('run', { kind: 'note', data: { text: 'too late' } });
  const { events, lines, damaged, cut } = await readRun(directory);
  t.deepEqual(
    events.map(({ t: at, source, kind }) => [at, source, kind]),
    [
      [0, 'serial', 'received'],
      [1, 'run', 'milestone'],
      [2, 'serial', 'received'],
    ],
  );
  t.deepEqual(lines, [1, 2, 3]);
  t.deepEqual([damaged, cut], [[], false]);
  t.deepEqual(
    new Uint8Array(readFileSync(join(directory, 'console-serial.log'))),
    new Uint8Array([...bytes('(XEN) one\u2028\r\n'), 0xff, 0x0a]),
  );
  t.throws(() => new RecordingWriter(directory, { clock: () => 0, onError: () => undefined }), {
    code: 'EEXIST',
  });
});

test('a killed process leaves all that it recorded', async t => {
  const directory = place();
  const module = new URL('../../../src/verdict/recording/writer.ts', import.meta.url).href;
  const script = `
    import { RecordingWriter } from '${module}';
    const writer = new RecordingWriter(process.argv[1], { clock: () => 0, onError: e => { throw e; } });
    for (let i = 0; i < 500; i++) writer.record('run', { kind: 'note', data: { text: 'note ' + i } });
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, directory], {
    stdio: 'inherit',
  });
  await once(child, 'exit');
  t.is(child.signalCode, 'SIGKILL');
  const { events, cut } = await readRun(directory);
  t.is(events.length, 500);
  t.false(cut);
});

test('a cut last line is no damage; damaged lines are named', async t => {
  const file = join(place(), 'recording.jsonl');
  const note = JSON.stringify({ t: 1, source: 'run', kind: 'note', data: { text: 'x' } });
  const bad = [
    ['{', 'not JSON'],
    ['', 'an empty line'],
    ['7', 'not an object'],
    ['{"source":"a"}', 'no time (`t`)'],
    ['{"t":1}', 'no `source`'],
    ['{"t":1,"source":"a","kind":"made-up"}', 'no known `kind`: "made-up"'],
    ['{"t":1,"source":"a","kind":"note"}', 'no `data`'],
    ['{"t":1,"source":"a","kind":"note","data":{}}', '`data.text` is not a string'],
    [
      '{"t":1,"source":"a","kind":"received","data":{"console":"c"}}',
      'neither `data.text` nor `data.base64`',
    ],
  ] as const;
  writeFileSync(file, [note, ...bad.map(([line]) => line), note, note.slice(0, 20)].join('\n'));
  const read = await readRecording(file);
  t.is(read.events.length, 2);
  t.deepEqual(read.lines, [1, bad.length + 2]);
  t.deepEqual(
    read.damaged,
    bad.map(([, what], index) => ({ line: index + 2, what })),
  );
  t.true(read.cut);
});

test('a recording of a later schema is refused by its name', async t => {
  const file = join(place(), 'recording.jsonl');
  writeFileSync(
    file,
    '{"t":0,"source":"run","kind":"run-started","data":{"schema":3,"board":"b","scenario":"s"}}\n',
  );
  await t.throwsAsync(readRecording(file), { message: /recording\.jsonl: recording of schema 3/ });
});

test('the hint of a fault is read from a recording of schema 1 too', async t => {
  const file = join(place(), 'recording.jsonl');
  writeFileSync(
    file,
    `{"t":0,"source":"run","kind":"run-started","data":{"schema":1,"board":"b","scenario":"s"}}
{"t":1,"source":"run","kind":"fault","data":{"class":"infrastructure","what":"no power","mend":"plug it in"}}
`,
  );
  const { events } = await readRecording(file);
  t.deepEqual(events[1], {
    t: 1,
    source: 'run',
    kind: 'fault',
    data: { class: 'infrastructure', what: 'no power', hint: 'plug it in' },
  });
});

test('a full disk is told once, and the run goes on', t => {
  let room = 120;
  const write = (_file: number, data: Uint8Array) => {
    if (room === 0)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const some = Math.min(room, data.length);
    room -= some;
    return some;
  };
  const { writer: made, errors } = writer({ write });
  for (let count = 0; count < 10; count++) made.record('run', { kind: 'note', data: { text: 'something' } });
  made.close();
  t.is(errors.length, 1);
  t.regex(errors[0]?.message ?? '', /can no longer be written: .*recording\.jsonl: ENOSPC/);
  t.is(made.failed, errors[0]);
  t.true(made.lost >= 7);
});

test('a secret never reaches a file, also where it came in pieces', t => {
  const { writer: made, directory, text } = writer({ secrets: ['hunter2', 'päss', ''] });
  made.record('serial', { kind: 'sent', data: { console: 'serial', text: 'login hun' } });
  made.record('serial', received('hunter2\r\n'));
  made.record('serial', { kind: 'sent', data: { console: 'serial', text: 'ter2\n' } });
  made.record('serial', received(Uint8Array.of(0xff, ...bytes('päss').subarray(0, 2))));
  made.record('serial', received(Uint8Array.of(...bytes('päss').subarray(2), 0x21)));
  made.record('serial', received('ends with hunt'));
  made.record('ssh', { kind: 'fault', data: { class: 'board', what: 'password päss refused' } });
  made.close();
  const consoles = readFileSync(join(directory, 'console-serial.log'));
  for (const all of [text(), consoles.toString()]) t.notRegex(all, /hunter2|päss/);
  t.notRegex(text(), new RegExp(Buffer.from('päss').toString('base64').slice(0, 5)));
  const events: RecordedEvent[] = text()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const sent = events.flatMap(event =>
    event.kind === 'sent' ? [Buffer.from(bytesOf(event.data)).toString()] : [],
  );
  t.is(sent.join(''), 'login [redacted]\n');
  t.is(consoles.toString('latin1'), '[redacted]\r\n\xff[redacted]!ends with hunt');
  t.regex(text(), /password \[redacted\] refused/);
});

test('a password that what is judged contains is taken out where it was typed, and nowhere else', t => {
  const { writer: made, text } = writer({ secrets: ['scmi-hil', 'another-one'] });
  made.allow('{"command":"xl create /root/scmi-hil/guest.cfg"}');
  made.record('ssh', { kind: 'note', data: { text: 'xl create /root/scmi-hil/guest.cfg, another-one' } });
  made.record('serial', { kind: 'sent', data: { console: 'serial', text: '[redacted]' } });
  made.record('serial', received('scmi-hil\r\n'));
  made.close();
  t.regex(text(), /xl create \/root\/scmi-hil\/guest\.cfg, \[redacted\]"/);
  t.regex(text(), /"text":"\[redacted\]\\r\\n"/);
});

test('a password that is a common word is taken out where it was typed, and nowhere else', t => {
  const { writer: made, text } = writer({ secrets: ['root'] });
  made.record('ssh', { kind: 'command', data: { domain: 'dom0', command: 'xl create /root/guest.cfg' } });
  made.record('serial', received('login: root\r\nPassword: '));
  made.record('serial', { kind: 'sent', data: { console: 'serial', text: '[redacted]' } });
  made.record('serial', received('root\r\n'));
  made.record('serial', received(`${'.'.repeat(600)} /root/guest.cfg`));
  made.close();
  t.regex(text(), /xl create \/root\/guest\.cfg/);
  t.regex(text(), /login: root/);
  t.regex(text(), /"\[redacted\]\\r\\n"/);
  t.regex(text(), /\. \/root\/guest\.cfg/);
});

test('a run has a directory of its own, also twice in a second', async t => {
  const root = join(place(), 'runs');
  const run = { started: new Date('2026-02-16T10:20:30.400Z'), board: 'rpi5-01', scenario: 'taken agent/id' };
  const first = await makeRunDirectory(root, run);
  const second = await makeRunDirectory(root, run);
  t.deepEqual(readdirSync(root), [
    '2026-02-16T102030-rpi5-01-taken_agent_id',
    '2026-02-16T102030-rpi5-01-taken_agent_id-2',
  ]);
  t.true(second.endsWith('-2'));
  await writePrediction(first, { schema: 2 });
  t.is(readFileSync(join(first, runFiles.prediction), 'utf8'), '{\n  "schema": 2\n}\n');
  await writeChecksums(first, { xen: 'aa', 'board.dtb': 'bb' });
  t.is(readFileSync(join(first, runFiles.checksums), 'utf8'), 'aa  xen\nbb  board.dtb\n');
});

test('a run that can have no directory says so, and does not try for ever', async t => {
  const run = { started: new Date(0), board: 'rpi5-01', scenario: 'good' };
  await t.throwsAsync(makeRunDirectory('/proc/none/runs', run), { code: 'ENOENT' });
});

const events: readonly RecordedEvent[] = [0, 100, 90, 400].map(at => ({
  t: at,
  source: 'run',
  kind: 'note',
  data: { text: String(at) },
}));

for (const { speed, waits } of [
  { speed: 1, waits: [100, 300] },
  { speed: 10, waits: [10, 30] },
  { speed: Number.POSITIVE_INFINITY, waits: [] },
]) {
  test(`a replay at speed ${speed} waits as long as the run did, divided`, async t => {
    const waited: number[] = [];
    const wait = (milliseconds: number) => Promise.resolve(void waited.push(milliseconds));
    const played: RecordedEvent[] = [];
    for await (const event of replay(events, { speed, wait })) played.push(event);
    t.deepEqual(played, [...events]);
    t.deepEqual(waited, waits);
  });
}

test('a replay ends at once when it is aborted, and refuses to stand still', async t => {
  const controller = new AbortController();
  const played: number[] = [];
  for await (const event of replay(events, { speed: 0.000_001, signal: controller.signal })) {
    played.push(event.t);
    setImmediate(() => controller.abort());
  }
  t.deepEqual(played, [0]);
  await t.throwsAsync(replay(events, { speed: 0 }).next(), { instanceOf: RangeError });
});
