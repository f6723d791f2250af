import { format, type FormatArgument } from './format.ts';

export interface PanicOptions {
  /** Node or file that it comes from. */
  readonly place?: string | undefined;
  /** Arguments of the conversions in the text. */
  readonly values?: readonly FormatArgument[];
  /** False where the sources print no newline: the row of stars follows on the same line. */
  readonly hasNewline?: boolean;
}

/** The end of Xen: thrown where the sources call panic(), caught by the caller of the boot. */
export class XenPanic extends Error {
  override readonly name = 'XenPanic';
  /** Text of the panic, without prefix and newline. */
  readonly text: string;
  readonly rule: string;
  /** In words: what in the configuration leads to it. */
  readonly why: string;
  readonly place: string | undefined;
  /** Format and arguments of the line that is printed. */
  readonly line: readonly [template: string, ...values: FormatArgument[]];

  /** @param template text as printf has it where there are `values`, else the text itself */
  constructor(
    rule: string,
    template: string,
    why: string,
    { place, values, hasNewline = true }: PanicOptions = {},
  ) {
    const text = values === undefined ? template : format(template, values).text;
    super(text);
    this.text = text;
    this.rule = rule;
    this.why = why;
    this.place = place;
    const end = hasNewline ? '' : rowOfStars;
    this.line = values === undefined ? ['%s', template + end] : [template + end, ...values];
  }
}

const rowOfStars = '*'.repeat(40);
