/** The way of a board to Xen, for a terminal. */
import type { BootDiagnosis, ReachedStep } from '../diagnosis/boot-progress.ts';
import { printable, printableLine } from './printable.ts';

/** @param when when or where it was seen, in columns that the caller aligns */
export function renderReached({ title, text }: ReachedStep, when: string): string {
  return `${when}  ${title}: ${printableLine(text.trim())}\n`;
}

export interface BootEnd extends Pick<BootDiagnosis, 'stuck' | 'attempts'> {
  /** Other problems. */
  readonly faults?: ReadonlyArray<{ readonly what: string; readonly hint?: string }>;
}

/**
 * Why it went no further; nothing where it came to Xen.
 * @param placeOf where the evidence is, in words; absent: there is nothing to look it up in
 */
export function renderEnd(
  { stuck, attempts, faults = [] }: BootEnd,
  placeOf?: (place: number) => string,
): string {
  const others = faults.map(({ what, hint }) => told(what, hint));
  if (stuck === null || (attempts === 0 && others.length > 0)) return others.join('');
  const { title, what, evidence, hint } = stuck;
  const where = evidence && placeOf ? `${placeOf(evidence.place)}: ` : '';
  const shown = evidence === undefined ? '' : ` (${where}${evidence.text.trim()})`;
  return `stuck before: ${title}\n  ${told(`${what}${shown}`, hint)}${others.join('')}`;
}

function told(what: string, hint: string | undefined): string {
  return hint === undefined ? `${printable(what)}\n` : `${printable(what)}\n  -> ${printable(hint)}\n`;
}
