/** Text from a board costs time in proportion to its length, whatever it is. */
import test from 'ava';
import { readConsoleLog } from '../../../src/verdict/console/log-format.ts';
import { linesOf } from '../../../src/verdict/verify/evidence/text-lines.ts';
import { ConsoleReader } from '../../../src/verdict/console/reader.ts';
import { signs } from '../../../src/verdict/console/signs.ts';
import { visibleText } from '../../../src/verdict/console/terminal-text.ts';
import { eepromText } from '../../../src/verdict/console/vocabulary/eeprom.ts';
import { linuxText } from '../../../src/verdict/console/vocabulary/linux.ts';
import { tfaText } from '../../../src/verdict/console/vocabulary/tf-a.ts';
import { uBootText } from '../../../src/verdict/console/vocabulary/u-boot.ts';
import { xenText } from '../../../src/verdict/console/vocabulary/xen.ts';

const pieces = [
  'a',
  '0',
  ' ',
  '[',
  '~',
  '#',
  '=',
  ':',
  '/',
  '.',
  '(',
  'T ',
  '# ',
  'a@',
  '[ ',
  '0.',
  ': ',
  '~ ',
  'a ',
  '@:',
  'login: ',
  '[    1.',
  '(XEN) ',
  '(d1',
  'NOTICE: ',
  'ERROR:   ',
  'U-Boot ',
  'WARNING: ',
  'rcu: INFO: ',
  "Filename '",
  "Assertion '",
  'NET 1.1.1.1 ',
  'TFTP: ',
  'TFTP_GET: a ',
  'Read a ',
  '\r',
  '\b',
  '\u001b[',
  '\u001b[6n',
  '\r\u001b[K',
  '\u001b]',
  'echo "#"',
  'xl create ',
  'Xen BUG at ',
  ' 12:00:00 ',
];

/** Milliseconds of this process. */
function timeOf(work: () => void): number {
  const { user } = process.cpuUsage();
  work();
  return (process.cpuUsage().user - user) / 1000;
}

/**
 * A quarter of the text takes a quarter of the time; of a square it is a sixteenth. What is over at once is not timed: it varies by chance.
 * @param shortest milliseconds
 */
function isLinear(work: (text: string) => void, piece: string, size: number, shortest = 50): boolean {
  const large = piece.repeat(Math.ceil(size / piece.length));
  if (timeOf(() => work(large)) < shortest) return true;
  const best = (text: string) => Math.min(...[0, 1, 2].map(() => timeOf(() => work(text))));
  return best(large) < 10 * best(large.slice(0, size / 4));
}

const patterns = [
  ...signs.map(({ name, pattern }) => [name, pattern] as const),
  ...[eepromText, linuxText, tfaText, uBootText, xenText].flatMap(text =>
    Object.entries(text).flatMap(([name, value]) =>
      value instanceof RegExp ? [[name, value] as const] : [],
    ),
  ),
  ...eepromText.servers.map((server, index) => [`servers ${index}`, server] as const),
];

/** The reader cuts lines at 8192 bytes; a pattern that is quadratic in that is told by what it costs. */
test('no line costs a pattern of the vocabulary more than its length', t => {
  t.timeout(120_000);
  const slow: string[] = [];
  for (const [name, pattern] of patterns) {
    for (const piece of pieces) {
      if (!isLinear(text => void `${text}x`.replace(pattern, ''), piece, 8192))
        slow.push(`${name}: ${piece}`);
    }
  }
  t.deepEqual(slow, []);
});

for (const [name, work] of Object.entries({
  'the console reader': (text: string) => {
    const reader = new ConsoleReader({
      line: () => undefined,
      sign: () => undefined,
      query: () => undefined,
    });
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += 4096) reader.feed(bytes.subarray(at, at + 4096), 0);
    reader.end(0);
  },
  'lines of an answer': (text: string) => linesOf(text),
  'visible text': (text: string) => visibleText(text),
  'a console log': (text: string) => readConsoleLog(new TextEncoder().encode(text)),
  'a console log of many lines': (text: string) =>
    readConsoleLog(new TextEncoder().encode(text.replaceAll(/.{40}/gs, '$&\n'))),
})) {
  test(`${name} takes linear time`, t => {
    t.timeout(120_000);
    t.deepEqual(
      // A square of this size takes many seconds.
      pieces.filter(piece => !isLinear(text => void work(text), piece, 100_000, 300)),
      [],
    );
  });
}
