import { checkSource } from './source-checks.ts';
import type { Include } from './source-lexer.ts';
import { parseTree } from './source-parser.ts';
import { References, resolveReferences } from './source-references.ts';
import { addFixups, addSymbols } from './source-symbols.ts';
import type { SourceNode } from './source-tree.ts';
import { DeviceTree, DtNode } from './tree.ts';

export type { Include } from './source-lexer.ts';

/**
 * Compile device tree source, without the C preprocessor, to the tree that dtc makes of it: same order, same
 * phandles. An overlay (`/plugin/`) comes out with its fragments, `__fixups__` and `__local_fixups__`.
 *
 * @param options.file named in errors
 * @param options.include gives the text for `/include/ "name"`; without it including is an error
 * @param options.symbols add `__symbols__` (`dtc -@`); when not said, only for an overlay
 * @throws {DtError} with file, line and column: syntax, references to nothing, and what dtc's checks refuse.
 *   `/incbin/` is not supported.
 * @see dtc's dtc-parser.y, checks.c and livetree.c; Devicetree Specification v0.4, appendix A
 *
 * @example
 * parseSource('/dts-v1/; / { a: node { }; ref = <&a>; };', { file: 'x.dts' }).root.u32('ref') // 1
 */
export function parseSource(
  text: string,
  options: { file?: string; include?: Include; symbols?: boolean } = {},
): DeviceTree {
  const { root, reservations, plugin } = parseTree(text, options);
  const bootCpu = bootCpuOf(root);
  finishSource(root, { plugin, symbols: options.symbols ?? plugin });
  return new DeviceTree(nodeFromSource(root, null), reservations, bootCpu);
}

/** Check a tree, resolve its references and add symbols and fixups. */
export function finishSource(
  root: SourceNode,
  { plugin, symbols }: { plugin: boolean; symbols: boolean },
): void {
  checkSource(root);
  const references = new References(root);
  resolveReferences(root, references, plugin, symbols);
  if (symbols) addSymbols(root, references);
  if (plugin) addFixups(root, references);
}

export function nodeFromSource(source: SourceNode, parent: DtNode | null): DtNode {
  const node = new DtNode(source.name, parent);
  for (const { name, value, deleted } of source.properties) if (!deleted) node.properties.set(name, value);
  for (const child of source.children) if (!child.deleted) node.children.push(nodeFromSource(child, node));
  return node;
}

/** dtc's guess: `reg` of the first node in /cpus, where that is one cell (livetree.c, guess_boot_cpuid()). */
function bootCpuOf(root: SourceNode): number {
  const reg = root.child('cpus')?.children[0]?.property('reg')?.value;
  return reg?.length === 4 ? new DataView(reg.buffer, reg.byteOffset).getUint32(0) : 0;
}
