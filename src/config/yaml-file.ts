/** Reads a YAML file that a person wrote, against a schema; every mistake has a file, a line and a field. */
import { messageOf } from './text.ts';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Document, isCollection, isMap, isNode, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { ConfigurationError } from './configuration-error.ts';
import { type Mistake, schemaMistakes, valueAt } from './schema-mistakes.ts';

/** Larger files are not what a person writes by hand. */
const largestBytes = 4 * 1024 * 1024;
/** More mistakes than this are not listed: the first ones usually explain the rest. */
const listedMistakes = 10;

export interface YamlFile<T> {
  readonly value: T;
  /** Name of the file as messages show it. */
  readonly name: string;
  /** Where a field stands: `scenarios/x.yaml:12:5`. `field` is names and indices from the top of the file. */
  readonly place: (field: readonly PropertyKey[]) => string;
  /** Line, counted from 1, on which a field's text begins (for a block text, the line after its `|`). */
  readonly line: (field: readonly PropertyKey[]) => number;
  /**
   * Checks one field of the file against a schema of its own.
   * @param content value that is checked in place of the field's, with places of the same names
   * @throws ConfigurationError as \`readYaml\`
   */
  readonly check: <S extends z.ZodType>(
    field: readonly PropertyKey[],
    schema: S,
    content?: unknown,
  ) => z.output<S>;
}

/**
 * Reads and checks one file.
 * @returns the value after the schema's transformations
 * @throws ConfigurationError naming file, line, field and what was expected
 */
export function readYaml<S extends z.ZodType>(file: string, schema: S): z.output<S> {
  return readYamlFile(file, schema).value;
}

/** As `readYaml`, with the places of the fields for checks that a schema cannot make. */
export function readYamlFile<S extends z.ZodType>(file: string, schema: S): YamlFile<z.output<S>> {
  return parseYaml(readText(file), displayName(file), schema);
}

/**
 * As `readYamlFile`, for text that is at hand.
 * @param options.prepare what is done to the content before the schema sees it
 */
export function parseYaml<S extends z.ZodType>(
  text: string,
  name: string,
  schema: S,
  options: { readonly prepare?: (content: unknown) => unknown } = {},
): YamlFile<z.output<S>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const places = new Places(name, document, lines);
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    const mistakes = broken.map(each => `${places.ofOffset(each.pos[0])}: ${each.message}`);
    throw new ConfigurationError(listed(name, mistakes, 'is not valid YAML'));
  }
  const { prepare = same } = options;
  const content = prepare(toValue(document, name));
  const check: YamlFile<unknown>['check'] = (field, part, value = valueAt(content, field)) => {
    const result = part.safeParse(value);
    if (result.success) return result.data;
    const mistakes = schemaMistakes(result.error.issues, part, value)
      .map(mistake => ({ ...mistake, field: [...field, ...mistake.field] }))
      .map(mistake => ({ offset: places.offsetOf(mistake), mistake }))
      .toSorted((one, other) => one.offset - other.offset)
      .map(({ offset, mistake }) => `${places.ofOffset(offset)}: ${inWords(mistake)}`);
    throw new ConfigurationError(listed(name, mistakes, `has ${mistakes.length} mistakes`));
  };
  return {
    value: check([], schema),
    name,
    place: field => places.ofField(field),
    line: field => places.lineOf(field),
    check,
  };
}

const same = (content: unknown): unknown => content;

/** A path as a person would type it: relative where the file is below the working directory. */
export function displayName(file: string): string {
  const relative = path.relative('', file);
  return relative === '' || relative.startsWith('..') ? file : relative;
}

/**
 * The text of a configuration file.
 * @throws ConfigurationError where it cannot be read, is too large, or is not UTF-8
 */
export function readText(file: string): string {
  const name = displayName(file);
  try {
    const found = statSync(file);
    // A device may have no end.
    if (found.isCharacterDevice()) throw new ConfigurationError(`${name}: it is a device, not a file`);
    if (found.size > largestBytes) {
      throw new ConfigurationError(`${name}: larger than ${largestBytes} bytes`, 'is it the right file?');
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    throw new ConfigurationError(`${name}: ${whyUnreadable(error)}`, undefined, { cause: error });
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'you may not read it',
  EISDIR: 'it is a directory',
  ENOTDIR: 'there is no such directory',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};

/** Meaning of an error of the file system for the person who named the file. */
export function whyUnreadable(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  return reasons[code] ?? error.message;
}

function toValue(document: Document, name: string): unknown {
  try {
    const value: unknown = document.toJS();
    if (value !== null && value !== undefined) return value;
  } catch (error) {
    const why = messageOf(error);
    throw new ConfigurationError(`${name}: ${why}`, undefined, { cause: error });
  }
  throw new ConfigurationError(`${name}: the file is empty`);
}

function listed(name: string, mistakes: readonly string[], summary: string): string {
  const [first, ...rest] = mistakes;
  if (rest.length === 0) return first ?? `${name} ${summary}`;
  const shown = mistakes.slice(0, listedMistakes);
  if (shown.length < mistakes.length) shown.push(`and ${mistakes.length - shown.length} more`);
  return [`${name} ${summary}`, ...shown].join('\n  ');
}

class Places {
  readonly #name: string;
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(name: string, document: Document, lines: LineCounter) {
    this.#name = name;
    this.#document = document;
    this.#lines = lines;
  }

  ofField(field: readonly PropertyKey[]): string {
    return this.ofOffset(this.#deepest(field)?.range?.[0] ?? 0);
  }

  lineOf(field: readonly PropertyKey[]): number {
    const node = this.#deepest(field);
    return this.#lines.linePos(node?.range?.[0] ?? 0).line + (isBlockText(node) ? 1 : 0);
  }

  /** Of the unknown name itself, else of the field or of what it should be in. */
  offsetOf({ field, key }: Mistake): number {
    const node = this.#deepest(field);
    const pair = isMap(node) ? node.items.find(each => String(each.key) === key) : undefined;
    const at = isNode(pair?.key) ? pair.key : node;
    return at?.range?.[0] ?? 0;
  }

  ofOffset(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#name}:${line}:${col}`;
  }

  /** The node of a field, or the last one on the way to it that exists. */
  #deepest(field: readonly PropertyKey[]): Node | null {
    let node: Node | null = isNode(this.#document.contents) ? this.#document.contents : null;
    for (const name of field) {
      const next = childOf(node, String(name));
      if (next === undefined) break;
      node = next;
    }
    return node;
  }
}

function childOf(node: Node | null, name: string): Node | undefined {
  if (!isCollection(node)) return undefined;
  const child = isMap(node)
    ? node.items.find(each => String(each.key) === name)?.value
    : node.items[Number(name)];
  return isNode(child) ? child : undefined;
}

function isBlockText(node: Node | null): boolean {
  return node !== null && 'type' in node && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED');
}

function inWords({ field, key, message }: Mistake): string {
  const name = fieldName(key === undefined ? field : [...field, key]);
  return name === '' ? message : `${name}: ${message}`;
}

/** `boards.rpi5-01.load[2].file` */
function fieldName(field: readonly PropertyKey[]): string {
  return field
    .map(name => (typeof name === 'number' ? `[${name}]` : `.${String(name)}`))
    .join('')
    .replace(/^\./, '');
}
