/** What a measurement in this folder answers. */

export interface Measurement {
  /** What was measured: `console reader, all signs armed`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it is compared with, in words and with the number. */
  readonly beside: string;
}

/** What each file in this folder exports as `run`. */
export type Bench = () => Promise<readonly Measurement[]>;

/** One line for a terminal. */
export function measurementLine({ name, value, unit, beside }: Measurement): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${name}: ${value.toFixed(digits)} ${unit} (beside: ${beside})`;
}
