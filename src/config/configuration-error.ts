/** A file that a person wrote is wrong: the message names file, line and field, `hint` what to do. */
export class ConfigurationError extends Error {
  /** Hint for the user. */
  readonly hint?: string;

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConfigurationError';
    if (hint !== undefined) this.hint = hint;
  }
}
