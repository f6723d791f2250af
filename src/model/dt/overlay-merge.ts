import { childByName } from './overlay-lookup.ts';
import { DtNode } from './tree.ts';

/** Merge an overlay's node into one of the base tree: properties replaced or added, nodes merged or added. */
export function mergeNode(target: DtNode, content: DtNode): void {
  for (const [name, value] of content.properties) setProperty(target, name, value);
  for (const child of content.children) {
    mergeNode(childByName(target, child.name) ?? addChild(target, child.name), child);
  }
}

/** Set a property where it is; a new one comes first, as libfdt's fdt_setprop() puts it. */
export function setProperty({ properties }: DtNode, name: string, value: Uint8Array): void {
  const others = properties.has(name) ? [] : [...properties];
  if (others.length > 0) properties.clear();
  properties.set(name, value);
  for (const [otherName, otherValue] of others) properties.set(otherName, otherValue);
}

/** Add a node before the others, as libfdt's fdt_add_subnode() does. */
export function addChild(parent: DtNode, name: string): DtNode {
  const child = new DtNode(name, parent);
  parent.children.unshift(child);
  return child;
}
