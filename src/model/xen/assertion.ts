import type { Why } from './console.ts';
import type { Context } from './context.ts';
import { XenPanic } from './panic.ts';

/** An ASSERT() of the sources: what it says, and where it stands. */
export interface Assertion {
  readonly expression: string;
  /** Path below xen/. */
  readonly file: string;
  readonly line: number;
}

/**
 * assert_failed(): Xen says which assertion does not hold, and panics with the same words.
 * @throws {XenPanic} always: the caller has seen that the build is a debug build
 */
export function assertionFailed(
  { console }: Pick<Context, 'console'>,
  { expression, file, line }: Assertion,
  { because, place }: Why,
): never {
  console.printk('assertion', [expression, `${file}:${line}`], { because, place });
  throw new XenPanic('assertion', `Assertion '${expression}' failed at ${file}:${line}`, because, { place });
}
