import { DtError } from './error.ts';
import { childByName } from './overlay-lookup.ts';
import { addChild, setProperty } from './overlay-merge.ts';
import type { DtNode } from './tree.ts';

/**
 * Take the overlay's `__symbols__` over into the base tree: what was below a fragment's `__overlay__` is now below
 * its target. Symbols of anything else do not end up in the tree and are left out.
 *
 * @param targetPath the path of a fragment's target
 * @see libfdt fdt_overlay.c, overlay_symbol_update()
 */
export function mergeSymbols(base: DtNode, overlay: DtNode, targetPath: (fragment: DtNode) => string): void {
  const symbols = childByName(overlay, '__symbols__');
  if (symbols === undefined) return;
  const merged = childByName(base, '__symbols__') ?? addChild(base, '__symbols__');
  for (const label of symbols.properties.keys()) {
    const path = symbols.string(label) ?? '';
    if (!path.startsWith('/')) throw new DtError(`label "${label}" of the overlay has the path "${path}"`);
    const match = /^\/([^/]+)\/__overlay__(?:\/(.*))?$/.exec(path);
    if (match === null) continue;
    const [, fragmentName = '', below = ''] = match;
    const fragment = childByName(overlay, fragmentName);
    if (fragment === undefined || childByName(fragment, '__overlay__') === undefined) {
      throw new DtError(`label "${label}" of the overlay is in ${path}, which is not there`);
    }
    const target = targetPath(fragment);
    setProperty(merged, label, new TextEncoder().encode(`${target === '/' ? '' : target}/${below}\0`));
  }
}
