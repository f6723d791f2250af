/**
 * Debian packages for arm64, whatever this machine's architecture and release are. apt works on a state of its
 * own (lists, status, cache: apt.conf(5)); the system's is only read, for where Debian's archive is.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigurationError } from '../board/configuration-error.ts';
import { runProgram } from './program.ts';

export interface DebianOptions {
  /** For apt's state; made where it is not there. */
  readonly directory: string;
  readonly releases: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
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

  /** What a package that only names another depends on first. */
  async namedBy(name: string, release: string): Promise<string> {
    const text = await this.#apt('apt-cache', ['show', `${name}/${release}`]);
    const depends = /^Depends: ([a-z0-9][a-z0-9.+-]*)/m.exec(text)?.[1];
    if (depends !== undefined) return depends;
    throw new ConfigurationError(`the package ${name} of ${release} depends on nothing`);
  }

  /**
   * Gets one package; apt checks it against the signed lists.
   * @param into directory, empty of other packages of that name
   * @returns path of the .deb
   */
  async download(name: string, release: string, into: string): Promise<string> {
    await mkdir(into, { recursive: true });
    await this.#apt('apt-get', ['-qq', 'download', `${name}/${release}`], into);
    const file = (await readdir(into)).find(each => each.startsWith(`${name}_`) && each.endsWith('.deb'));
    if (file === undefined)
      throw new ConfigurationError(`apt-get download ${name} has left no file in ${into}`);
    return path.join(into, file);
  }

  /** Unpacks packages over each other. */
  async unpack(files: readonly string[], into: string): Promise<void> {
    await rm(into, { recursive: true, force: true });
    await mkdir(into, { recursive: true });
    for (const file of files) {
      await runProgram('dpkg-deb', ['-x', file, into], { signal: this.#options.signal, package: 'dpkg' });
    }
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
