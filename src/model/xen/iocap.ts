import { assertionFailed } from './assertion.ts';
import type { Why } from './console.ts';
import type { Context } from './context.ts';
import { type Domain, pageFrame } from './domain.ts';

/**
 * iomem_permit_access() for the pages of `size` bytes from a machine address (xen/include/xen/iocap.h).
 * @throws {XenPanic} in a debug build, for no bytes from the beginning of a page on
 */
export function permitAccess(
  context: Context,
  domain: Domain,
  { address, size }: { readonly address: number; readonly size: number },
  why: Why,
): void {
  if (size > 0) domain.iomem.add(pageFrame(address), pageFrame(address + size - 1));
  else checkRange(context, address, why);
}

/**
 * rangeset_add_range() for the page frames from that of `address` to that of the byte before it, as a size of 0 has
 * it: a range that ends before it begins (xen/common/rangeset.c).
 * @throws {XenPanic} in a debug build
 */
export function checkRange(context: Context, address: number, why: Why): void {
  const backwards = address > 0 && pageFrame(address - 1) < pageFrame(address);
  if (backwards && context.build.debug) assertionFailed(context, rangeAssertion, why);
}

const rangeAssertion = { expression: 's <= e', file: 'common/rangeset.c', line: 121 } as const;
