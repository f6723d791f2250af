/** A file that a person wrote is wrong: the message names file, line and field, `mend` what to do. */
export class ConfigurationError extends Error {
  /** What to do about it. */
  readonly mend?: string;

  constructor(message: string, mend?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConfigurationError';
    if (mend !== undefined) this.mend = mend;
  }
}
