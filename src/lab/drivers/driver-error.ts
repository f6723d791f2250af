/** A failure of the lab's own equipment: nothing was learned about the software under test. */
export class DriverError extends Error {
  /** What was attempted, in words: `open /dev/ttyUSB0`. */
  readonly attempt: string;
  /** What to do about it. */
  readonly mend: string;

  constructor(attempt: string, why: string, mend: string, options?: ErrorOptions) {
    super(`${attempt}: ${why}`, options);
    this.name = 'DriverError';
    this.attempt = attempt;
    this.mend = mend;
  }
}
