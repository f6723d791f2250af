/**
 * Debian packages for arm64, whatever this machine's architecture and release are. apt works on a state of its
 * own (lists, status, cache: apt.conf(5)); the system's is only read, for where Debian's archive is.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { runProgram } from './program.ts';

export interface DebianOptions {
  /** For apt's state; made where it is not there. */
  readonly directory: string;
  readonly releases: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** A .deb as the archive has it. */
export interface PackageFile {
  readonly name: string;
  readonly release: string;
  /** As apt names it: with the version, and the architecture. */
  readonly file: string;
  /** In hexadecimal; absent where the archive's lists have only another kind. */
  readonly sha256?: string;
}

export class Debian {
  readonly #options: DebianOptions;

  private constructor(options: DebianOptions) {
    this.#options = options;
  }

  /**
   * Reads the lists of the releases.
   * @throws ConfigurationError where apt is not there, knows of no Debian archive, or cannot reach it
   */
  static async open(options: DebianOptions): Promise<Debian> {
    const { directory, releases } = options;
    for (const each of ['lists/partial', 'cache/archives/partial']) {
      await mkdir(path.join(directory, each), { recursive: true });
    }
    const archive = await archiveOfSystem(options);
    const sources = releases.map(release => `deb [signed-by=${keyring}] ${archive} ${release} main\n`);
    await writeFile(path.join(directory, 'sources.list'), sources.join(''));
    await writeFile(path.join(directory, 'status'), '');
    await writeFile(path.join(directory, 'apt.conf'), configuration(directory));
    const debian = new Debian(options);
    await debian.#apt('apt-get', ['-qq', 'update']);
    return debian;
  }

  /** First dependency of a package that only names another. */
  async namedBy(name: string, release: string): Promise<string> {
    const text = await this.#apt('apt-cache', ['show', `${name}/${release}`]);
    const depends = /^Depends: ([a-z0-9][a-z0-9.+-]*)/m.exec(text)?.[1];
    if (depends !== undefined) return depends;
    throw new ConfigurationError(`the package ${name} of ${release} depends on nothing`);
  }

  /**
   * The archive's entries for these packages, in their order; nothing is downloaded.
   * @throws ConfigurationError where there is none of a name
   */
  async locate(names: readonly string[], release: string): Promise<PackageFile[]> {
    const words = ['-qq', 'download', '--print-uris', ...names.map(name => `${name}/${release}`)];
    const files = filesOfUris(await this.#apt('apt-get', words));
    return names.map(name => {
      const found = files.find(({ file }) => file.startsWith(`${name}_`));
      if (found !== undefined) return { name, release, ...found };
      throw new ConfigurationError(`apt-get download --print-uris names no file of ${name} in ${release}`);
    });
  }

  /**
   * Gets one package in place of what is there under its name; apt checks it against the signed lists.
   * @param into directory, which is there
   */
  async download({ name, release, file }: PackageFile, into: string): Promise<void> {
    const deb = path.join(into, file);
    await rm(deb, { force: true });
    await this.#apt('apt-get', ['-qq', 'download', `${name}/${release}`], into);
    if (existsSync(deb)) return;
    throw new ConfigurationError(`apt-get download ${name} has left no ${file} in ${into}`);
  }

  #apt(program: string, words: readonly string[], cwd?: string): Promise<string> {
    const { directory, env, signal } = this.#options;
    return runProgram(program, words, {
      signal,
      package: 'apt',
      env: { ...env, APT_CONFIG: path.join(directory, 'apt.conf') },
      ...(cwd !== undefined && { cwd }),
    });
  }
}

/** Unpacks packages over each other, in place of what is there. */
export async function unpackPackages(
  files: readonly string[],
  into: string,
  signal: AbortSignal,
): Promise<void> {
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  for (const file of files) await runProgram('dpkg-deb', ['-x', file, into], { signal, package: 'dpkg' });
}

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** @returns where the system's own apt gets Debian from */
async function archiveOfSystem({ env, signal }: DebianOptions): Promise<string> {
  const words = ['indextargets', '--format', '$(ORIGIN)|$(LABEL)|$(REPO_URI)', 'Created-By: Packages'];
  const text = await runProgram('apt-get', words, { signal, env, package: 'apt' });
  const archive = text
    .split('\n')
    .map(line => line.split('|'))
    .find(([origin, label]) => origin === 'Debian' && label === 'Debian')?.[2];
  if (archive !== undefined) return archive;
  throw new ConfigurationError(
    "this system's apt knows of no Debian archive",
    'run apt-get update; on another distribution, add Debian to the sources of apt',
  );
}

/** Lines of `apt-get --print-uris`: `'URI' FILE SIZE KIND:CHECKSUM`. */
function filesOfUris(text: string): Pick<PackageFile, 'file' | 'sha256'>[] {
  return text.split('\n').flatMap(line => {
    const [, file, sha256] = /^'[^']*' (\S+) \d+ (?:SHA256:([0-9a-f]{64}))?/.exec(line) ?? [];
    return file === undefined ? [] : [{ file, ...(sha256 !== undefined && { sha256 }) }];
  });
}

function configuration(directory: string): string {
  return [
    `Dir::State "${directory}";`,
    `Dir::State::lists "${directory}/lists";`,
    `Dir::State::status "${directory}/status";`,
    `Dir::Cache "${directory}/cache";`,
    `Dir::Etc::sourcelist "${directory}/sources.list";`,
    'Dir::Etc::sourceparts "/dev/null";',
    'Dir::Etc::preferences "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    'APT::Architecture "arm64";',
    'APT::Architectures { "arm64"; };',
    'APT::Sandbox::User "root";',
    'Acquire::Languages "none";',
    '',
  ].join('\n');
}
