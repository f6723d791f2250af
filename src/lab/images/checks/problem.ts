/** A problem of an image. */
export interface ImageProblem {
  readonly what: string;
  /** Hint for the user. */
  readonly hint?: string;
}
