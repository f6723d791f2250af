/** What is wrong with an image. */
export interface ImageProblem {
  readonly what: string;
  /** What to do about it. */
  readonly hint?: string;
}
