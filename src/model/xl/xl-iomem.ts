/** Page frames of the machine that a domain gets, and where it sees them. */
export interface IomemRange {
  readonly start: number;
  readonly count: number;
  /** First page frame in the guest; as on the machine where the configuration does not say. */
  readonly guestFrame: number;
}

/**
 * One entry of `iomem`: `47ff2,1@22001`, page frames and count in hexadecimal.
 *
 * @returns undefined for what xl refuses
 */
export function parseIomem(text: string): IomemRange | undefined {
  const match =
    /^\s*([+-]?(?:0x)?[0-9a-f]+),\s*([+-]?(?:0x)?[0-9a-f]+)(?:@\s*([+-]?(?:0x)?[0-9a-f]+))?$/i.exec(text);
  if (match === null) return undefined;
  const [start, count, guestFrame] = match
    .slice(1)
    .map(each => (each === undefined ? undefined : hexadecimal(each)));
  if (start === undefined || count === undefined) return undefined;
  return { start, count, guestFrame: guestFrame ?? start };
}

function hexadecimal(text: string): number {
  const digits = text.replace(/^[+-]/, '').replace(/^0x/i, '');
  const value = BigInt.asUintN(64, text.startsWith('-') ? -BigInt(`0x${digits}`) : BigInt(`0x${digits}`));
  return Number(value);
}
