import type { DtNode } from './tree.ts';

/** A child as libfdt finds it: a name without unit address means the first node with that base name. */
export function childByName(node: DtNode, name: string): DtNode | undefined {
  return node.children.find(
    child => child.name === name || (!name.includes('@') && child.name.startsWith(`${name}@`)),
  );
}

/**
 * A node by full path or, where the path has no slash in front, by alias.
 * @see libfdt fdt_ro.c, fdt_path_offset()
 */
export function nodeByLibfdtPath(root: DtNode, path: string): DtNode | undefined {
  const names = path.split('/').filter(name => name !== '');
  let node: DtNode | undefined = root;
  if (!path.startsWith('/')) {
    const alias = childByName(root, 'aliases')?.string(names.shift() ?? '');
    node = alias?.startsWith('/') ? nodeByLibfdtPath(root, alias) : undefined;
  }
  for (const name of names) node = node && childByName(node, name);
  return node;
}

/** A node's phandle; 0 where it has none. */
export function phandleOf(node: DtNode): number {
  for (const name of ['phandle', 'linux,phandle']) {
    if (node.properties.get(name)?.length === 4) return node.u32(name) ?? 0;
  }
  return 0;
}
