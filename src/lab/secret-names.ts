/** `${NAME}` in a field of lab.yaml stands for a secret: of a file that the lab file names, or of the environment. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigurationError } from '../config/configuration-error.ts';
import { displayName, whyUnreadable } from '../config/yaml-file.ts';

/** Schema of files with secrets, by the name under which `${NAME}` stands for what is in them. */
export const secretFiles = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a name as of an environment variable'),
    z.string().min(1),
  )
  .default({});

const placeholder = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** @param value gives what stands in place of `${NAME}` */
export function withNames(text: string, value: (name: string) => string): string {
  return text.replace(placeholder, (_, name: string) => value(name));
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The secrets of one switch or console, and all of them that were used. */
export class NamedSecrets {
  readonly #files: ReadonlyMap<string, string>;
  readonly #environment: Environment;
  readonly #used = new Set<string>();
  readonly #field: string;

  /**
   * @param files by name
   * @param field of the lab file, for errors: `power`
   * @throws ConfigurationError where a file cannot be read
   */
  constructor(files: Readonly<Record<string, string>>, environment: Environment, field: string) {
    this.#environment = environment;
    this.#field = field;
    this.#files = new Map(
      Object.entries(files).map(([name, file]) => [name, readSecretLine(file, `${field}.secrets.${name}`)]),
    );
    for (const secret of this.#files.values()) this.#used.add(secret);
  }

  /** Those of files, as variables of a command's environment. */
  get variables(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#files);
  }

  /** For the recorder, which keeps them out of what it writes. */
  get all(): readonly string[] {
    return [...this.#used];
  }

  /**
   * The text with the secrets in it.
   * @throws ConfigurationError where a name is known neither in the lab file nor in the environment
   */
  fill(text: string, encode: (secret: string) => string = each => each): string {
    return withNames(text, name => {
      const secret = this.#files.get(name) ?? this.#environment[name];
      if (secret === undefined || /[\r\n]/.test(secret)) {
        throw new ConfigurationError(
          `${this.#field} of the lab file names \${${name}}, which ${secret === undefined ? 'is not set' : 'has more than one line'}`,
          `name its file, ${this.#field}.secrets: { ${name}: FILE }, or set it in the environment`,
        );
      }
      this.#used.add(secret);
      return encode(secret);
    });
  }
}

/** The only line of a file. */
export function readSecretLine(file: string, field: string): string {
  return readSecret(file, field).replace(/\r?\n$/, '');
}

/** @param field of the lab file that names the file */
export function readSecret(file: string, field: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(
      `${displayName(file)}: ${whyUnreadable(error)}`,
      `the lab file names it under ${field}; this user must be able to read it`,
    );
  }
}
