import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import test from 'ava';
import { main } from '../../src/cli/main.ts';
import type { Expectation } from '../../src/model/predict/prediction.ts';
import type { RecordedData } from '../../src/verdict/recording/event.ts';
import { writePrediction } from '../../src/verdict/recording/run-directory.ts';
import { RecordingWriter } from '../../src/verdict/recording/writer.ts';

const reason = { rule: 'test.rule', because: 'the test wants it' };
const line = (text: string): Expectation => ({
  id: `boot.${text}`,
  kind: 'line',
  phase: 'boot',
  source: 'xen',
  text,
  pattern: `^${text}$`,
  reason,
});
const prediction = {
  schema: 2,
  agents: [],
  domains: [],
  panic: null,
  expectations: [line('scmi: one'), { ...line('scmi: never'), claim: { ids: ['D5'], broken: reason } }],
} as const;

const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-run-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

const events: readonly RecordedData[] = [
  {
    kind: 'run-started',
    data: {
      schema: 2,
      started: '2026-02-16T10:20:30Z',
      board: 'rpi5-01',
      boardType: 'rpi5',
      virtual: false,
      scenario: 'good',
      controller: 'test',
      files: {},
    },
  },
  { kind: 'received', data: { console: 'serial', text: '(XEN) scmi: one\r\n' } },
  { kind: 'milestone', data: { name: 'dom0-login' } },
  { kind: 'received', data: { console: 'serial', base64: '/wo=' } },
  { kind: 'run-finished', data: { outcome: 'completed' } },
];

async function aRun(recorded: readonly RecordedData[] = events): Promise<string> {
  const directory = mkdtempSync(path.join(scratch, 'run-'));
  let t = 0;
  using writer = new RecordingWriter(directory, {
    clock: () => (t += 20),
    onError: error => {
      throw error;
    },
  });
  for (const event of recorded) writer.record('test', event);
  await writePrediction(directory, prediction);
  return directory;
}

function sink() {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, next) => {
      chunks.push(Buffer.from(chunk));
      next();
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks), text: () => Buffer.concat(chunks).toString() };
}

async function run(argv: readonly string[], signal = new AbortController().signal) {
  const [stdout, stderr] = [sink(), sink()];
  const code = await main(argv, {
    stdout: stdout.stream,
    stderr: stderr.stream,
    stdin: new PassThrough().end(),
    cwd: tmpdir(),
    env: {},
    signal,
  });
  return { code, out: stdout.text(), bytes: stdout.bytes(), err: stderr.text() };
}

test('a run is judged again from its own recording', async t => {
  const directory = await aRun();
  const { code, out, err } = await run(['verify', directory]);
  t.is(code, 0, err);
  t.regex(out, /good on rpi5-01: met \(1 met, 1 broken as predicted\)/);
  const strict = await run(['verify', directory, '--strict', '--json']);
  t.is(strict.code, 1);
  const { runs } = JSON.parse(strict.out);
  t.deepEqual(runs[0].verdict.judgements[0].seen, { text: 'scmi: one', line: 2, t: 40 });
  t.is(runs[0].started, '2026-02-16T10:20:30Z');
});

test('a run that was killed is judged by what is left, and what is damaged is told', async t => {
  const directory = await aRun(events.slice(0, 3));
  writeFileSync(path.join(directory, 'recording.jsonl'), '{}\n{"t":9,"sou', { flag: 'a' });
  const { code, out, err } = await run(['verify', directory]);
  t.is(code, 130);
  t.regex(out, /the controller was killed/);
  t.regex(err, /line 4: no time \(`t`\); left out\n.*ends in the middle of a line/);
});

const dom0 = '(XEN) Freed 400kB init memory.\r\ndom0 login: ';

test('a bare console log is judged against a prediction', async t => {
  const directory = await aRun();
  const log = path.join(directory, 'boot.log');
  const judged = (text: string) => {
    writeFileSync(log, text);
    return run(['verify', '--console', log, '--prediction', path.join(directory, 'prediction.json')]);
  };
  t.is((await judged(`(XEN) scmi: one\r\n${dom0}`)).code, 0);
  const failed = await judged(`(XEN) scmi: one\r\n(XEN) scmi: Error received: -13\r\n${dom0}`);
  t.is(failed.code, 1);
  t.regex(failed.out, /contradicted .*a line of the mediator that the model does not predict/);
  t.is((await judged('(XEN) RAM\r\n')).code, 3);
});

function stamped(text: string, index: number): string {
  return `[2026-02-16 10:20:${10 + index}] ${text}`;
}

test('a console log in which another program has stamped some lines is refused, and not judged', async t => {
  const directory = await aRun();
  const log = path.join(directory, 'stamped.log');
  const judged = (text: string) => {
    writeFileSync(log, text);
    return run(['verify', '--console', log, '--prediction', path.join(directory, 'prediction.json')]);
  };
  const lines = ['(XEN) scmi: one', ...dom0.split('\r\n')].filter(text => text !== '');
  t.is((await judged(lines.map(stamped).join('\n'))).code, 0);
  const others = Array.from({ length: lines.length }, (_, index) => `a job says ${index}`);
  const { code, err } = await judged([...lines.map(stamped), ...others].join('\n'));
  t.is(code, 2);
  t.regex(err, /cannot be judged: another program has put text before the lines of the console/);
  t.regex(err, /give the log as the console carried it/);
});

test('a prediction of schema 1, with `words` in its reasons, is still read', async t => {
  const directory = await aRun();
  const file = path.join(directory, 'prediction.json');
  const schema1 = readFileSync(file, 'utf8')
    .replace('"schema": 2', '"schema": 1')
    .replaceAll('"because": ', '"words": ');
  writeFileSync(file, schema1);
  const { code, out, err } = await run(['verify', directory, '-vv']);
  t.is(code, 0, err);
  t.regex(out, /the test wants it/);
});

test('a bare console log is judged against the device tree that was booted', async t => {
  const directory = await aRun();
  const [log, tree] = [path.join(directory, 'boot.log'), path.join(directory, 'host.dts')];
  writeFileSync(
    tree,
    '/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; memory@48000000 { device_type = "memory"; reg = <0 0x48000000 0 0x78000000>; }; };',
  );
  writeFileSync(log, '(XEN) scmi: Got agent count 4\r\n(XEN) Freed 400kB init memory.\r\ndom0 login: ');
  const { code, out, err } = await run(['verify', '--console', log, '--host-dt', tree]);
  t.is(code, 1, err);
  t.regex(out, /seen .*scmi: Got agent count 4/);
  const both = await run([
    'verify',
    '--console',
    log,
    '--host-dt',
    tree,
    '--prediction',
    path.join(directory, 'prediction.json'),
  ]);
  t.regex(both.err, /--prediction goes with no other configuration/);
});

test('verify and replay report an error in one line, with a hint', async t => {
  const directory = await aRun();
  const noJson = path.join(directory, 'console-serial.log');
  const own = path.join(directory, 'prediction.json');
  const empty = await aRun([]);
  const foreign = mkdtempSync(path.join(scratch, 'foreign-'));
  writeFileSync(path.join(foreign, 'recording.jsonl'), '{"name":"of another program"}\n');
  const early = await aRun();
  rmSync(path.join(early, 'prediction.json'));
  writeFileSync(path.join(directory, 'other.json'), '{"schema":1,"agents":7}');
  const rows: readonly (readonly [readonly string[], RegExp])[] = [
    [['verify'], /verify needs a run, or --console/],
    [['verify', directory, '--console', 'x'], /not both/],
    [['verify', tmpdir()], /is no run: it has no recording\.jsonl/],
    ...['verify', 'replay'].map(
      command => [[command, empty], /no event of a run is in .*recording\.jsonl/] as const,
    ),
    [['doctor', '--run', foreign], /no event of a run is in .*recording\.jsonl\n {2}it is another file, or/],
    [
      ['verify', early],
      /the run has no prediction\.json: it ended before one was made\n {2}give --prediction/,
    ],
    [['verify', directory, '--prediction', 'none.json'], /there is no prediction .*none\.json\n/],
    [
      ['verify', '--console', '/dev/zero', '--prediction', own],
      /\/dev\/zero is a device.*\n.*scmi-hil console/,
    ],
    [['verify', '--console', noJson], /judged against a prediction/],
    [
      [
        'verify',
        '--console',
        path.join(directory, 'no.log'),
        '--prediction',
        path.join(directory, 'prediction.json'),
      ],
      /no\.log: there is no such file/,
    ],
    [['verify', directory, '--prediction', noJson], /console-serial\.log is no prediction: /],
    [
      ['verify', directory, '--prediction', path.join(directory, 'other.json')],
      /other\.json is no prediction: agents: /,
    ],
    [['replay', directory, '--speed', '0'], /--speed 0: not a speed\n {2}give a number/],
    [['replay', directory, '--console', 'tty9'], /the run has no console tty9\n {2}it has serial/],
  ];
  for (const [argv, message] of rows) {
    const { code, err } = await run(argv);
    t.is(code, 2, argv.join(' '));
    t.regex(err, message);
    t.notRegex(err, /internal error/);
  }
});

test("a replay shows a run's events, or a console's bytes exactly", async t => {
  const directory = await aRun();
  const { code, out } = await run(['replay', directory, '--speed', 'max']);
  t.is(code, 0);
  t.regex(out, /rpi5-01 {2}run of good[^]*Dom0 can be logged in to[^]*run over: completed/);
  const { bytes } = await run(['replay', directory, '--console', 'serial', '--speed', 'max']);
  t.deepEqual(bytes, Buffer.from([...Buffer.from('(XEN) scmi: one\r\n'), 0xff, 0x0a]));
});

test('a replay that is interrupted ends at once', async t => {
  const directory = await aRun();
  const controller = new AbortController();
  const ended = run(['replay', directory, '--speed', '0.00001'], controller.signal);
  setImmediate(() => controller.abort());
  t.is((await ended).code, 130);
  rmSync(directory, { recursive: true });
});

test('a run that was killed before its prediction is interrupted, and nothing is judged', async t => {
  const directory = await aRun(events.slice(0, 1));
  rmSync(path.join(directory, 'prediction.json'));
  const { code, err } = await run(['verify', directory]);
  t.is(code, 130);
  t.regex(err, /interrupted, nothing to judge/);
});

test('escape sequences of a foreign recording do not reach the terminal', async t => {
  const [header, ...others] = events;
  if (header?.kind !== 'run-started') throw new Error('no header');
  const evil = '\x1b]0;evil\x07';
  const fault = { class: 'infrastructure', what: `w${evil}`, hint: `h${evil}` } as const;
  const directory = await aRun([
    { ...header, data: { ...header.data, board: `b${evil}`, scenario: `s${evil}`, boardType: `t${evil}` } },
    ...others.slice(0, -1),
    { kind: 'fault', data: fault },
    { kind: 'run-finished', data: { outcome: 'infrastructure' } },
  ]);
  for (const argv of [
    ['verify', directory],
    ['verify', directory, '-vv'],
    ['replay', directory, '--speed', 'max'],
  ]) {
    const { out, err } = await run(argv);
    t.regex(out, /evil/);
    t.notRegex(out + err, /(?!\n)\p{Control}/u, argv.join(' '));
  }
});

test('a damaged line of a recording is told with its field, and is no internal error', async t => {
  const rows: ReadonlyArray<readonly [string, RegExp]> = [
    [
      '{"t":99,"source":"console","kind":"received","data":{"console":"serial","base64":"%%%"}}',
      /line 6: `data\.base64` is not base64; left out/,
    ],
    [
      '{"t":99,"source":"run","kind":"run-started","data":{"schema":2,"board":"b","scenario":"s","files":7}}',
      /line 6: `data\.files` is not an object of strings; left out/,
    ],
    [
      '{"t":99,"source":"run","kind":"run-started","data":{"schema":2,"board":"b","scenario":"s","virtual":"no"}}',
      /line 6: `data\.virtual` is not a boolean; left out/,
    ],
  ];
  for (const [text, message] of rows) {
    const directory = await aRun();
    writeFileSync(path.join(directory, 'recording.jsonl'), `${text}\n`, { flag: 'a' });
    const { code, err } = await run(['verify', directory]);
    t.is(code, 0, err);
    t.regex(err, message);
  }
});

const foreignPrediction = (pattern: string) =>
  JSON.stringify({ ...prediction, expectations: [{ ...line('scmi: one'), pattern }] });

test('a pattern of a foreign prediction takes no time, or is refused', async t => {
  const directory = await aRun([
    ...events.slice(0, 1),
    { kind: 'received', data: { console: 'serial', text: `(XEN) ${'a'.repeat(5000)}!\r\n` } },
    ...events.slice(2),
  ]);
  const file = path.join(directory, 'foreign.json');
  writeFileSync(file, foreignPrediction('^(a+)+$'));
  t.is((await run(['verify', directory, '--prediction', file])).code, 1);
  writeFileSync(file, foreignPrediction('^(?=(a+)+b)a$'));
  const refused = await run(['verify', directory, '--prediction', file]);
  t.is(refused.code, 2);
  t.regex(refused.err, /the pattern of boot\.scmi: one may never end/);
});
