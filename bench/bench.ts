/** The question and result of a measurement in this folder. */

export interface Measurement {
  /** The measured part: `console reader, all signs armed`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The comparison, in words and with the number. */
  readonly beside: string;
}

/** Each file in this folder exports this as `run`. */
export type Bench = () => Promise<readonly Measurement[]>;

/** One line for a terminal. */
export function measurementLine({ name, value, unit, beside }: Measurement): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${name}: ${value.toFixed(digits)} ${unit} (beside: ${beside})`;
}
