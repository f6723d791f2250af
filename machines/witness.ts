/** What a machine knows of the time and of the console when it has to say why it gave up. */
export interface Witness {
  /** Milliseconds since the run began. */
  now(): number;
  /** When the console was heard last, in milliseconds since the run began; undefined: never. */
  readonly heard?: () => number | undefined;
  /** The last lines of the console, oldest first. */
  lastLines(): readonly string[];
  /** What the last attempt to log in to a domain came to; undefined where none has failed. */
  readonly refusal?: (domain: string) => Error | undefined;
  /** Why a boot stands still, by all that was seen of it, and what to do; undefined where that is not known. */
  readonly bootHint?: () => string | undefined;
  /** What is wrong with the serial line itself, in words; undefined where nothing seems to be. */
  readonly lineTrouble?: () => string | undefined;
  /** Records a problem that does not end the run. */
  readonly note?: (text: string) => void;
}
