/** How fast the console reader is, with every sign and a prompt armed. */
import { readFileSync } from 'node:fs';
import { ConsoleReader } from '../src/verdict/console/reader.ts';
import { type Bench, type Measurement, measurementLine } from './bench.ts';

/** A serial line at 115200 baud, 8N1, carries this. */
const serialMegabytes = 0.01152;

export const run: Bench = async () => {
  const boot = readFileSync(new URL('../test/fixtures/console/v4h-boot.log', import.meta.url));
  const log = Buffer.concat(Array.from({ length: Math.ceil(32e6 / boot.length) }, () => boot));
  const inReads = best(() => read(log, 64 * 1024));
  const bySerial = best(() => read(log.subarray(0, 4e6), 64));
  const withoutNewline = best(() => read(Buffer.alloc(4e6, 'x'), 1024));
  const split = best(() => splitOnly(log));
  const line = `${(inReads / serialMegabytes).toFixed(0)} times a serial line at 115200 baud`;
  const floor = `${split.toFixed(0)} MB/s for decoding and splitting at newlines alone`;
  return [
    measurement('console reader, reads of 64 KiB', inReads, `${floor}; ${line}`),
    measurement('console reader, reads of 64 bytes', bySerial, 'the same text in large reads, above'),
    measurement('console reader, 4 MB without newline', withoutNewline, 'the goal of 10 MB/s'),
  ];
};

function measurement(name: string, value: number, beside: string): Measurement {
  return { name, value, unit: 'MB/s', beside };
}

/** Megabytes a second of the best of three. */
function best(measure: () => number): number {
  const rates = Array.from({ length: 3 }, () => {
    const start = performance.now();
    const bytes = measure();
    return bytes / 1000 / (performance.now() - start);
  });
  return Math.max(...rates);
}

function read(log: Uint8Array, piece: number): number {
  let signs = 0;
  const reader = new ConsoleReader({ line: () => undefined, sign: () => signs++ });
  reader.expect([{ name: 'never', on: 'prompt', pattern: /^never> $/ }], () => undefined);
  for (let at = 0; at < log.length; at += piece) reader.feed(log.subarray(at, at + piece), 0);
  reader.end(0);
  return log.length;
}

function splitOnly(log: Uint8Array): number {
  const decoder = new TextDecoder();
  let lines = 0;
  for (let at = 0; at < log.length; at += 65536) {
    lines += decoder.decode(log.subarray(at, at + 65536), { stream: true }).split('\n').length;
  }
  return lines > 0 ? log.length : 0;
}

if (import.meta.main) {
  for (const measured of await run()) process.stdout.write(`${measurementLine(measured)}\n`);
}
