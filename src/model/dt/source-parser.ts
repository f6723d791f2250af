import { DtError } from './error.ts';
import { MAXIMUM_DEPTH, MAXIMUM_NAME_LENGTH } from './flat-format.ts';
import { isSymbol, parseInteger, type Tokens } from './source-expression.ts';
import { type Include, SourceLexer, type Token } from './source-lexer.ts';
import {
  addLabel,
  deleteNode,
  isPathReference,
  mergeNodes,
  newProperty,
  nodeByReference,
  type Place,
  SourceNode,
  type SourceProperty,
} from './source-tree.ts';
import { parseValue } from './source-value.ts';
import type { MemoryReservation } from './tree.ts';

export interface SourceOptions {
  /** Named in errors, and given to `include`. */
  readonly file?: string | undefined;
  readonly include?: Include | undefined;
}

/** A parsed source file, references not yet resolved. */
export interface Source {
  readonly root: SourceNode;
  readonly reservations: MemoryReservation[];
  /** It has `/plugin/`: an overlay, whose references to the base tree stay open. */
  readonly plugin: boolean;
}

/**
 * Parse a whole source file, from `/dts-v1/;` to its end.
 * @throws {DtError} with file, line and column
 * @see dtc-parser.y
 */
export function parseTree(text: string, { file, include }: SourceOptions): Source {
  const parser = new SourceParser(new SourceLexer(text, file, include, 'start'));
  return parser.wholeFile();
}

/**
 * Parse definitions that change a tree which is there already, and change it. `/dts-v1/;` may be absent.
 * @returns the memory reservations that are added
 * @throws {DtError} with file, line and column; the tree is then half changed
 */
export function parseChanges(
  text: string,
  root: SourceNode,
  { file, include }: SourceOptions,
): MemoryReservation[] {
  const parser = new SourceParser(new SourceLexer(text, file, include, 'name'));
  return parser.changes(root);
}

class SourceParser implements Tokens {
  readonly #lexer: SourceLexer;
  #ahead: Token | undefined;
  #plugin = false;
  #fragments = 0;

  constructor(lexer: SourceLexer) {
    this.#lexer = lexer;
  }

  wholeFile(): Source {
    if (!isSymbol(this.peek(), '/dts-v1/')) throw this.unexpected('"/dts-v1/;"');
    this.#headers();
    const reservations = this.#reservations({ labelled: true });
    const root = this.#firstNode();
    this.#definitions(root);
    return { root, reservations, plugin: this.#plugin };
  }

  changes(root: SourceNode): MemoryReservation[] {
    const { place } = this.peek();
    this.#headers();
    if (this.#plugin)
      throw new DtError('an overlay (/plugin/) is applied to a tree, not merged as source', place);
    const reservations = this.#reservations({ labelled: false });
    this.#definitions(root);
    return reservations;
  }

  peek(): Token {
    this.#ahead ??= this.#lexer.next();
    return this.#ahead;
  }

  take(): Token {
    const token = this.peek();
    this.#ahead = undefined;
    return token;
  }

  expect(symbol: string): Token {
    if (!isSymbol(this.peek(), symbol)) throw this.unexpected(`"${symbol}"`);
    return this.take();
  }

  unexpected(wanted: string): DtError {
    const token = this.peek();
    const found = token.kind === 'end' ? token.text : `"${this.#lexer.wordAt(token)}"`;
    const hint = /^"#(?:include|define|undef|if|ifdef|ifndef|else|endif|pragma)"$/.test(found)
      ? ' (the C preprocessor has to be run before)'
      : '';
    return new DtError(`expected ${wanted}, found ${found}${hint}`, token.place);
  }

  #headers(): void {
    for (let first = true; isSymbol(this.peek(), '/dts-v1/'); first = false) {
      const { place } = this.take();
      this.expect(';');
      const plugin = isSymbol(this.peek(), '/plugin/');
      if (plugin) {
        this.take();
        this.expect(';');
      }
      if (!first && plugin !== this.#plugin) throw new DtError('header differs from an earlier one', place);
      this.#plugin = plugin;
    }
  }

  /** @param labelled labels may stand before them (and mean nothing); in changes a label begins a definition */
  #reservations({ labelled }: { labelled: boolean }): MemoryReservation[] {
    const reservations: MemoryReservation[] = [];
    for (;;) {
      const labels = labelled ? this.#labels() : [];
      if (!isSymbol(this.peek(), '/memreserve/')) {
        if (labels.length > 0) throw this.unexpected('"/memreserve/"');
        return reservations;
      }
      this.take();
      reservations.push({ address: parseInteger(this), size: parseInteger(this) });
      this.expect(';');
    }
  }

  /** The root; an overlay may begin with a fragment instead. */
  #firstNode(): SourceNode {
    const token = this.peek();
    if (token.kind === 'reference') {
      if (!this.#plugin) throw notFound(token.text, token.place);
      const root = new SourceNode('', token.place);
      this.#reference(root, undefined);
      return root;
    }
    this.expect('/');
    return this.#node('', token.place, 1);
  }

  #definitions(root: SourceNode): void {
    for (;;) {
      const token = this.peek();
      if (token.kind === 'end') return;
      if (isSymbol(token, '/')) {
        this.take();
        mergeNodes(root, this.#node('', token.place, 1));
      } else if (isSymbol(token, '/delete-node/')) {
        this.take();
        deleteNode(this.#target(root));
        this.expect(';');
      } else if (isSymbol(token, '/omit-if-no-ref/')) {
        this.take();
        this.#target(root).omitIfUnused = true;
        this.expect(';');
      } else if (isSymbol(token, '/memreserve/')) {
        throw new DtError('memory reservations must come before the tree', token.place);
      } else {
        const label = token.kind === 'label' ? this.take().text : undefined;
        if (this.peek().kind !== 'reference')
          throw this.unexpected('"/", a reference ("&label") or the end of the file');
        this.#reference(root, label);
      }
    }
  }

  #target(root: SourceNode): SourceNode {
    if (this.peek().kind !== 'reference') throw this.unexpected('a reference ("&label")');
    const { text, place } = this.take();
    const target = nodeByReference(root, text);
    if (target === undefined) throw notFound(text, place);
    if (target === root) throw new DtError('the root node cannot be deleted or left out', place);
    return target;
  }

  /** `&label { ... };`: merged into the node where it is in this tree, a fragment where it is in the base. */
  #reference(root: SourceNode, label: string | undefined): void {
    const { text, place } = this.take();
    const isPath = isPathReference(text);
    if (this.#plugin && isPath && !text.startsWith('/')) {
      throw new DtError(`"${text}" begins at a label, which a fragment of an overlay cannot`, place);
    }
    const target = this.#plugin && isPath && label === undefined ? undefined : nodeByReference(root, text);
    if (target !== undefined) {
      if (label !== undefined) addLabel(target.labels, label);
      mergeNodes(target, this.#node(target.name, place, depthOf(target)));
      return;
    }
    if (!this.#plugin || label !== undefined) throw notFound(text, place);
    const fragment = new SourceNode(`fragment@${this.#fragments}`, place);
    this.#fragments += 1;
    fragment.properties.push(targetProperty(text, place));
    fragment.append(this.#node('__overlay__', place, 3));
    root.append(fragment);
  }

  #node(name: string, place: Place, depth: number): SourceNode {
    if (depth > MAXIMUM_DEPTH) throw new DtError(`nodes nested deeper than ${MAXIMUM_DEPTH}`, place);
    const node = new SourceNode(name, place);
    this.expect('{');
    while (!isSymbol(this.peek(), '}')) this.#member(node, depth);
    this.take();
    this.expect(';');
    return node;
  }

  #member(node: SourceNode, depth: number): void {
    const start = this.peek();
    const labels = this.#labels();
    let omitIfUnused = false;
    while (isSymbol(this.peek(), '/omit-if-no-ref/')) {
      this.take();
      omitIfUnused = true;
      labels.push(...this.#labels());
    }
    const keyword = this.peek();
    if (!omitIfUnused && isSymbol(keyword, '/delete-property/')) {
      this.take();
      const property = newProperty(this.#name('property'), new Uint8Array(), keyword.place);
      property.deleted = true;
      this.expect(';');
      this.#addProperty(node, property, labels, start);
    } else if (isSymbol(keyword, '/delete-node/')) {
      this.take();
      const child = new SourceNode(this.#name('node'), keyword.place);
      child.deleted = true;
      this.expect(';');
      node.append(child);
    } else {
      const name = this.#name(omitIfUnused ? 'node' : 'property or node');
      if (isSymbol(this.peek(), '{')) {
        const child = this.#node(name, keyword.place, depth + 1);
        for (const label of labels.toReversed()) addLabel(child.labels, label);
        child.omitIfUnused = omitIfUnused;
        node.append(child);
      } else if (omitIfUnused) {
        throw this.unexpected('"{"');
      } else {
        this.#addProperty(node, this.#property(name, keyword.place), labels, start);
      }
    }
  }

  #property(name: string, place: Place): SourceProperty {
    const property = newProperty(name, new Uint8Array(), place);
    if (isSymbol(this.peek(), '=')) {
      this.take();
      const { bytes, markers } = parseValue(this);
      property.value = bytes;
      property.markers = markers;
    }
    if (!isSymbol(this.peek(), ';'))
      throw this.unexpected(property.value.length > 0 ? '"," or ";"' : '"=", "{" or ";"');
    this.take();
    return property;
  }

  #addProperty(node: SourceNode, property: SourceProperty, labels: readonly string[], start: Token): void {
    if (node.children.length > 0) {
      throw new DtError(
        `properties must come before subnodes ("${property.name}" comes after one)`,
        start.place,
      );
    }
    for (const label of labels.toReversed()) addLabel(property.labels, label);
    node.properties.push(property);
  }

  #labels(): string[] {
    const labels: string[] = [];
    while (this.peek().kind === 'label') labels.push(this.take().text);
    return labels;
  }

  #name(what: string): string {
    const token = this.peek();
    if (token.kind !== 'name') throw this.unexpected(`the name of a ${what}`);
    if (token.text.length > MAXIMUM_NAME_LENGTH) {
      throw new DtError(`name is longer than ${MAXIMUM_NAME_LENGTH} characters`, token.place);
    }
    return this.take().text;
  }
}

function notFound(reference: string, place: Place): DtError {
  const what = isPathReference(reference) ? `node "${reference}"` : `label "${reference}"`;
  return new DtError(`${what} not found`, place);
}

function targetProperty(reference: string, place: Place): SourceProperty {
  if (reference.startsWith('/'))
    return newProperty('target-path', new TextEncoder().encode(`${reference}\0`), place);
  const target = newProperty('target', Uint8Array.of(0xff, 0xff, 0xff, 0xff), place);
  target.markers = [{ kind: 'phandle', name: reference, offset: 0, place }];
  return target;
}

function depthOf(node: SourceNode): number {
  return node.parent === null ? 1 : depthOf(node.parent) + 1;
}
