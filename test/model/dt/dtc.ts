import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

const missing = ['dtc', 'fdtoverlay'].filter(tool => spawnSync(tool, ['--version']).status !== 0);

/** A test against the real compiler; without it the test is skipped and says so. */
export function testWithDtc(title: string, run: (t: ExecutionContext) => void): void {
  if (missing.length === 0) test(title, run);
  else test.skip(`${title} (needs ${missing.join(' and ')}, not installed)`, run);
}

/** Output of dtc; undefined if it refuses its input. */
export function dtc(
  input: string | Uint8Array,
  from: 'dts' | 'dtb',
  to: 'dts' | 'dtb',
  ...options: string[]
) {
  const child = spawnSync('dtc', ['-q', '-I', from, '-O', to, ...options, '-'], { input, timeout: 10_000 });
  return child.status === 0 ? child.stdout : undefined;
}

/** The base with the overlay applied; undefined where fdtoverlay refuses. */
export function fdtoverlay(base: Uint8Array, overlay: Uint8Array): Uint8Array | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'fdtoverlay-'));
  try {
    const [baseFile, overlayFile, result] = ['base.dtb', 'overlay.dtbo', 'result.dtb'].map(name =>
      join(folder, name),
    );
    writeFileSync(String(baseFile), base);
    writeFileSync(String(overlayFile), overlay);
    const child = spawnSync('fdtoverlay', ['-i', `${baseFile}`, '-o', `${result}`, `${overlayFile}`], {
      timeout: 10_000,
    });
    return child.status === 0 ? readFileSync(String(result)) : undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
