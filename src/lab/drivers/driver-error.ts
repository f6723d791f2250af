/** A failure of the lab's own equipment: nothing was learned about the software under test. */
export class DriverError extends Error {
  /** The attempt, in words: `open /dev/ttyUSB0`. */
  readonly attempt: string;
  /** Hint for the user. */
  readonly hint: string;

  constructor(attempt: string, why: string, hint: string, options?: ErrorOptions) {
    super(`${attempt}: ${why}`, options);
    this.name = 'DriverError';
    this.attempt = attempt;
    this.hint = hint;
  }
}
