/** A tree of files that are made up when they are read, as those of procfs and sysfs are. */
export type VirtualNode = VirtualDirectory | (() => Uint8Array);

export interface VirtualDirectory {
  readonly entries: ReadonlyMap<string, VirtualNode>;
}

/** @param entries files (as what they read as) and directories by name, in the order of a listing */
export function directory(entries: Iterable<readonly [string, VirtualNode]>): VirtualDirectory {
  return { entries: new Map(entries) };
}

/** A file of text. */
export function textFile(text: () => string): () => Uint8Array {
  return () => new TextEncoder().encode(text());
}

/** The file at an absolute path; undefined if there is none. */
export function find(root: VirtualDirectory, path: string): VirtualNode | undefined {
  let at: VirtualNode | undefined = root;
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    at = at === undefined || typeof at === 'function' ? undefined : at.entries.get(name);
  }
  return at;
}

/**
 * The absolute paths that a shell's pattern (`*`, `?`) stands for, sorted as a shell sorts them; empty
 * where none does.
 */
export function glob(root: VirtualDirectory, pattern: string): string[] {
  let found: Array<readonly [string, VirtualNode]> = [['', root]];
  for (const part of pattern.split('/').filter(each => each !== '')) {
    found = found.flatMap(([path, node]) =>
      matching(node, part).map(([name, child]) => [`${path}/${name}`, child] as const),
    );
  }
  return found.map(([path]) => path).toSorted();
}

function matching(node: VirtualNode, part: string): Array<readonly [string, VirtualNode]> {
  if (typeof node === 'function') return [];
  if (!/[*?]/.test(part)) {
    const child = node.entries.get(part);
    return child === undefined ? [] : [[part, child]];
  }
  const source = part
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`);
  return [...node.entries].filter(([name]) => expression.test(name) && !name.startsWith('.'));
}
