/** How fast device trees are read and written, beside the real dtc where it is installed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseFlat, writeFlat } from '../src/model/dt/flat.ts';
import { parseSource } from '../src/model/dt/source.ts';
import { type Bench, type Measurement, measurementLine } from './bench.ts';

export const run: Bench = async () => {
  const source = manyNodes(readFileSync(new URL('../firmware/rpi5/host.dts', import.meta.url), 'utf8'));
  const bytes = writeFlat(parseSource(source, { symbols: true }));
  const dtc = dtcSeconds(source);
  const libfdt = libfdtRate(bytes);
  const besideLibfdt =
    libfdt === undefined
      ? 'no C compiler with libfdt-dev is here'
      : `${libfdt} MB/s for a walk of it by libfdt in C`;
  const beside =
    dtc === undefined ? 'dtc is not installed' : `${(source.length / 1e6 / dtc).toFixed(1)} MB/s for dtc`;
  return [
    measurement('flattened tree, read', bytes.length, () => parseFlat(bytes), besideLibfdt),
    measurement(
      'flattened tree, written',
      bytes.length,
      () => writeFlat(parseFlat(bytes)),
      'reading is part of it',
    ),
    measurement('device tree source, compiled', source.length, () => parseSource(source), beside),
  ];
};

function measurement(name: string, size: number, work: () => unknown, beside: string): Measurement {
  let rate = 0;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    work();
    rate = Math.max(rate, size / 1000 / (performance.now() - start));
  }
  return { name, value: rate, unit: 'MB/s', beside };
}

/** A real board's tree is larger than the one that is shipped: the same with a thousand more devices. */
function manyNodes(source: string): string {
  const nodes = Array.from(
    { length: 1000 },
    (_, index) =>
      `\tdevice-${index} {\n\t\tcompatible = "vendor,device";\n\t\treg = <0x0 0x${(0x1000 * index).toString(16)} 0x0 0x1000>;\n\t\tclocks = <&clk_uart>;\n\t};\n`,
  );
  return source.replace(/\};\s*$/, `${nodes.join('')}};\n`);
}

/** Wall seconds of a dtc process for the same source; undefined where there is no dtc. */
function dtcSeconds(source: string): number | undefined {
  return inScratch(directory => {
    const file = path.join(directory, 'host.dts');
    writeFileSync(file, source);
    const start = performance.now();
    const { status } = spawnSync('dtc', ['-q', '-O', 'dtb', '-o', '/dev/null', file]);
    return status === 0 ? (performance.now() - start) / 1000 : undefined;
  });
}

/** Megabytes a second of libfdt.c; undefined where it cannot be built. */
function libfdtRate(bytes: Uint8Array): string | undefined {
  return inScratch(directory => {
    const program = path.join(directory, 'libfdt');
    const source = new URL('./libfdt.c', import.meta.url).pathname;
    if (spawnSync('cc', ['-O2', '-o', program, source, '-lfdt']).status !== 0) return undefined;
    const file = path.join(directory, 'host.dtb');
    writeFileSync(file, bytes);
    const { status, stdout } = spawnSync(program, [file], { encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  });
}

function inScratch<Result>(work: (directory: string) => Result): Result {
  const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-bench-'));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (import.meta.main) {
  for (const measured of await run()) process.stdout.write(`${measurementLine(measured)}\n`);
}
