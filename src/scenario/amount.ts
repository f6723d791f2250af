/** Numbers in a scenario's texts: decimal, hexadecimal, or a sum of them, so that `${guestShmem} + 0x4` is one. */
import { ConfigurationError } from '../config/configuration-error.ts';

/**
 * @param text templates already filled in
 * @param bits width that the number must fit into
 * @param place for errors: file, line and field
 * @throws ConfigurationError where it is no such number
 */
export function readAmount(text: string, bits: 32 | 53, place: string): number {
  const terms = text.split('+').map(term => term.trim());
  const sum = terms.reduce((total, term) => total + readTerm(term, text, place), 0);
  if (sum < 2 ** bits) return sum;
  throw new ConfigurationError(`${place}: ${text} does not fit into ${bits} bits`);
}

function readTerm(term: string, text: string, place: string): number {
  if (/^(?:0x[0-9a-f]+|\d+)$/i.test(term)) return Number(term);
  throw new ConfigurationError(
    `${place}: ${text} is no number`,
    'decimal, or hexadecimal with 0x; a sum with + is one too, for instance "${guestShmem} + 0x4"',
  );
}
