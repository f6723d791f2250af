import { readFileSync } from 'node:fs';
import test from 'ava';
import { stringify } from 'yaml';
import { readConsoleLog } from '../../../src/verdict/console/log-format.ts';
import { ConsoleReader } from '../../../src/verdict/console/reader.ts';

const boot = readFileSync(new URL('../../fixtures/console/v4h-boot.log', import.meta.url));
const plain = boot.toString('utf8').replaceAll(/\r+\n/g, '\n').trimEnd().split('\n');

const two = (number: number) => String(number).padStart(2, '0');
/** Time of a line, in seconds since noon. */
const at = (index: number) => index * 0.037;
const clock = (index: number) => `12:${two(Math.floor(at(index) / 60))}:${two(Math.floor(at(index) % 60))}`;
const fraction = (index: number, digits: number) => (at(index) % 1).toFixed(digits).slice(2);

const stamped: Readonly<Record<string, (line: string, index: number) => string>> = {
  'tio 24hour': (line, index) => `[${clock(index)}.${fraction(index, 3)}] ${line}`,
  'tio iso8601': (line, index) => `[2026-12-01T${clock(index)}.${fraction(index, 3)}+0100] ${line}`,
  'minicom simple': (line, index) => `[2026-12-01 ${clock(index)}] ${line}`,
  'minicom extended': (line, index) => `[2026-12-01 ${clock(index)}.${fraction(index, 3)}] ${line}`,
  grabserial: (line, index) => `[${at(index).toFixed(6)} 0.037000] ${line}`,
  'grabserial, wall time': (line, index) => `[${clock(index)}.${fraction(index, 6)} 0.037000] ${line}`,
  'like a kernel': (line, index) => `[${at(index).toFixed(6).padStart(12)}] ${line}`,
  ts: (line, index) => `Dec ${index > 50 ? '01' : '30'} ${clock(index)} ${line}`,
  'ts -s': (line, index) => `${clock(index)} ${line}`,
  'ts %.s': (line, index) => `${(1_764_590_400 + at(index)).toFixed(6)} ${line}`,
  conserver: (line, index) => `[Mon Dec  1 ${clock(index)} 2026]${line}`,
  'a log of LAVA as text': (line, index) => `2026-12-01T${clock(index)}.${fraction(index, 6)}  ${line}`,
  syslog: (line, index) => `Dec  1 ${clock(index)} lab-host ser2net[412]: ${line}`,
  'syslog, ISO 8601': (line, index) =>
    `2026-12-01T${clock(index)}.${fraction(index, 6)}+00:00 lab conserver: ${line}`,
  'a CI runner': (line, index) => `2026-12-01T${clock(index)}.${fraction(index, 7)}Z ${line}`,
  'the name of the board': line => `rcar-v4h| ${line}`,
  'no blank behind an empty line': (line, index) =>
    `[${clock(index)}.${fraction(index, 3)}] ${line}`.trimEnd(),
};

const said = (bytes: Uint8Array) => {
  const lines: string[] = [];
  const reader = new ConsoleReader({
    line: ({ talker, text }) => {
      if (text.trim() !== '') lines.push(`${talker}: ${text.trimEnd()}`);
    },
  });
  reader.feed(bytes, 0);
  reader.end(0);
  return lines;
};
const expected = said(new TextEncoder().encode(`${plain.join('\n')}\n`));

for (const [name, write] of Object.entries(stamped)) {
  test(`stamps before each line are taken off: ${name}`, t => {
    const log = readConsoleLog(new TextEncoder().encode(`${plain.map(write).join('\n')}\n`));
    t.true('bytes' in log && log.note !== undefined, JSON.stringify(log).slice(0, 300));
    if ('bytes' in log) t.deepEqual(said(log.bytes), expected);
  });
}

for (const [name, log] of Object.entries({
  'as it came': new Uint8Array(boot),
  'with newlines alone': new TextEncoder().encode(`${plain.join('\n')}\n`),
  'with doubled carriage returns': new TextEncoder().encode(`${plain.join('\r\r\n')}\r\r\n`),
  'with headers of a program': new TextEncoder().encode(
    `=~=~=~= PuTTY log 2026.11.30 12:00:00 =~=~=~=\nScript started on 2026-11-30\n${plain.join('\n')}\n`,
  ),
})) {
  test(`a log ${name} is left as it is`, t => {
    t.deepEqual(readConsoleLog(log), { bytes: log });
  });
}

const utf16 = (text: string, mark: boolean, bigEndian = false) => {
  const bytes = Buffer.from(`${mark ? '\ufeff' : ''}${text}`, 'utf16le');
  return new Uint8Array(bigEndian ? bytes.swap16() : bytes);
};
for (const [name, log] of [
  ['little endian with a mark', utf16(`${plain.join('\r\n')}\r\n`, true)],
  ['little endian without a mark', utf16(`${plain.join('\r\n')}\r\n`, false)],
  ['big endian with a mark', utf16(`${plain.join('\n')}\n`, true, true)],
  ['big endian without a mark', utf16(`${plain.join('\n')}\n`, false, true)],
] as const) {
  test(`a log in UTF-16 is read: ${name}`, t => {
    const read = readConsoleLog(log);
    t.true('bytes' in read);
    if ('bytes' in read) t.deepEqual(said(read.bytes), expected);
  });
}

for (const [name, record] of Object.entries({
  'in JSON': (msg: string, dt: string) => `- ${JSON.stringify({ dt, lvl: 'target', msg })}`,
  'in YAML': (msg: string, dt: string) =>
    `- ${stringify({ dt, lvl: 'target', msg }, { collectionStyle: 'flow', lineWidth: 0 }).trim()}`,
})) {
  test(`the board's lines of a job of LAVA are taken out: ${name}`, t => {
    const records = plain.flatMap((line, index) => {
      const dt = `2026-12-01T${clock(index)}.${fraction(index, 6)}`;
      const own = `- ${JSON.stringify({ dt, lvl: 'debug', msg: 'Sending with 100 millisecond of delay' })}`;
      return index % 40 === 0 ? [own, record(line, dt)] : [record(line, dt)];
    });
    const read = readConsoleLog(new TextEncoder().encode(`${records.join('\n')}\n`));
    t.true('bytes' in read, JSON.stringify(read).slice(0, 200));
    if ('bytes' in read) t.deepEqual(said(read.bytes), expected);
  });
}

for (const [name, log] of Object.entries({
  'stamps before some lines': plain
    .map((line, index) => (index % 3 === 0 ? line : `[${clock(index)}] ${line}`))
    .join('\n'),
  'stamps of two kinds': plain
    .map((line, index) => (index % 2 === 0 ? `${clock(index)} ${line}` : `<${index}>: ${line}`))
    .join('\n'),
})) {
  test(`a log that cannot be told from what was put before it is refused: ${name}`, t => {
    const read = readConsoleLog(new TextEncoder().encode(log));
    t.true('refused' in read, JSON.stringify(read).slice(0, 200));
  });
}

test('a compressed log is refused', t => {
  t.deepEqual(readConsoleLog(Uint8Array.of(0x1f, 0x8b, 8, 0)), { refused: 'it is compressed (gzip)' });
});
