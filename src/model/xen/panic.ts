/** The end of Xen: thrown where the sources call panic(), caught by the caller of the boot. */
export class XenPanic extends Error {
  override readonly name = 'XenPanic';
  /** Text of the panic, without prefix and newline. */
  readonly text: string;
  readonly rule: string;
  /** In words: what in the configuration leads to it. */
  readonly why: string;
  readonly place: string | undefined;

  constructor(rule: string, text: string, why: string, place?: string) {
    super(text);
    this.text = text;
    this.rule = rule;
    this.why = why;
    this.place = place;
  }
}
