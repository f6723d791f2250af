/** Compiles what this project has of bare-metal programs. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadFirmwareProfile } from '../../board/firmware-profile.ts';
import { projectDirectory } from '../../config/project-directory.ts';
import { firmwareTables } from './firmware-tables.ts';
import { runProgram } from './program.ts';

export interface MakeOptions {
  /** For everything that is made. */
  readonly build: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** @throws ConfigurationError where make or the compiler is not there */
export async function requireCompiler(signal: AbortSignal): Promise<void> {
  await runProgram('make', ['--version'], { signal, package: 'make' });
  await runProgram('aarch64-linux-gnu-gcc', ['--version'], { signal, package: 'gcc-aarch64-linux-gnu' });
}

/**
 * firmware/qemu-virt/el3, serving its profile.
 * @returns path of the raw image
 * @throws ConfigurationError where make or the compiler is not there, or fails
 */
export async function makeEl3Firmware(options: MakeOptions): Promise<string> {
  const { build } = options;
  await mkdir(build, { recursive: true });
  // Where the program is installed there are no sources from which make could have them generated.
  const tables = path.join(build, 'tables.inc');
  await writeFile(tables, firmwareTables(loadFirmwareProfile('qemu-virt')));
  await make('qemu-virt/el3', [`TABLES=${tables}`], options);
  return path.join(build, 'el3.bin');
}

/**
 * firmware/probe.
 * @returns path of the arm64 Image
 * @throws ConfigurationError where make or the compiler is not there, or fails
 */
export async function makeProbe(options: MakeOptions): Promise<string> {
  await make('probe', [], options);
  return path.join(options.build, 'probe');
}

async function make(
  source: string,
  variables: readonly string[],
  { build, env, signal }: MakeOptions,
): Promise<void> {
  await requireCompiler(signal);
  const words = ['-C', path.join(projectDirectory, 'firmware', source), `BUILD=${build}`, ...variables];
  await runProgram('make', words, { signal, env, package: 'make' });
}
