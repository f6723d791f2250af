/** Node, and the programs that emulated boards and builds of device trees need. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { abilitiesOf } from '../lab/abilities.ts';
import { projectDirectory } from '../config/project-directory.ts';
import { runProgram } from '../lab/images/program.ts';
import type { Check } from './check.ts';
import { brokenLab, ok, type Said } from './finding.ts';
import type { LabAndBoards } from './lab-file.ts';

interface Program {
  readonly name: string;
  /** The Debian package that has it. */
  readonly package: string;
  readonly needs: string;
}

const programs: readonly Program[] = [
  { name: 'qemu-system-aarch64', package: 'qemu-system-arm', needs: 'emulated boards' },
  { name: 'dtc', package: 'device-tree-compiler', needs: 'the tests of this project' },
];

export function programsCheck({ boards }: LabAndBoards): Check {
  const isEmulating = boards.some(board => abilitiesOf(board).bootsFilesAlone);
  return {
    name: 'programs',
    deadline: 30_000,
    look: async signal => {
      const found = await Promise.all(programs.map(each => versionOf(each, signal)));
      const missing = programs.filter((_, index) => found[index] === undefined);
      const versions = found.filter(version => version !== undefined);
      return [
        await nodeVersion(),
        ok([...versions, ...missing.map(({ name, needs }) => `no ${name} (${needs} need it)`)].join(', ')),
        ...missing
          .filter(({ needs }) => isEmulating && needs === 'emulated boards')
          .map(each => brokenLab(`${each.name} is not there`, `sudo apt install ${each.package}`)),
      ];
    },
  };
}

async function nodeVersion(): Promise<Said> {
  const text = await readFile(path.join(projectDirectory, 'package.json'), 'utf8');
  const { engines } = JSON.parse(text) as { readonly engines?: { readonly node?: string } };
  const needed = engines?.node?.replace(/^>=/, '') ?? '0';
  return isAtLeast(process.versions.node, needed)
    ? ok(`Node ${process.versions.node}`)
    : brokenLab(
        `Node ${process.versions.node} is too old: ${needed} is needed`,
        'npm ci installs the right one',
      );
}

/** @returns its name and version, from the first line that it prints; undefined where it cannot be started */
async function versionOf(program: Program, signal: AbortSignal): Promise<string | undefined> {
  try {
    const text = await runProgram(program.name, ['--version'], { signal, package: program.package });
    return `${program.name} ${/\d+(?:\.\d+)+/.exec(text)?.[0] ?? '(version unknown)'}`;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

function isAtLeast(version: string, least: string): boolean {
  return version.localeCompare(least, 'en', { numeric: true }) >= 0;
}
