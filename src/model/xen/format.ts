/** What a conversion of a message's format takes. */
export type FormatArgument = number | string;

export interface FormattedText {
  readonly text: string;
  /** Anchored regular expression; absent where every part of the text is predicted. */
  readonly pattern?: string;
}

/**
 * Fills in a format as Xen's vsnprintf does, for the conversions that the mediator's messages use
 * (xen/common/vsprintf.c): `%d %u %x %X %s %c`, their `l` forms, `%#x`, widths with zeros, and `%p`, `%pd`, `%pv`.
 *
 * `%p` is an address of Xen's own that no configuration decides, and a conversion with `?` any other number of
 * that kind: the text has the argument, the pattern takes any. Where `open` is set the pattern lets anything follow.
 *
 * @throws {RangeError} when arguments are missing
 */
export function format(template: string, values: readonly FormatArgument[], open = false): FormattedText {
  let text = '';
  let pattern = '';
  let next = 0;
  let vague = open;
  for (const { literal, conversion } of pieces(template)) {
    text += literal;
    pattern += escape(literal);
    if (conversion === undefined) continue;
    const value = values[next++];
    if (value === undefined) throw new RangeError(`no argument for ${conversion} of "${template}"`);
    const part = convert(conversion, value);
    text += part;
    if (conversion === '%p' || conversion.startsWith('%?')) {
      vague = true;
      pattern += part.startsWith('0x') ? '0x[0-9a-f]+' : `[0-9a-f]{${part.length}}`;
    } else pattern += escape(part);
  }
  return vague ? { text, pattern: `^${pattern}${open ? '.*' : ''}$` } : { text };
}

/** A regular expression that matches exactly the given text. */
export function exactly(text: string): string {
  return `^${escape(text)}$`;
}

const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

function* pieces(template: string): Generator<{ literal: string; conversion?: string }> {
  let end = 0;
  for (const match of template.matchAll(/%(?:\??#?0?\d*l?[duxXsc]|p[dv]?|%)/g)) {
    const literal = template.slice(end, match.index);
    end = match.index + match[0].length;
    if (match[0] === '%%') yield { literal: `${literal}%` };
    else yield { literal, conversion: match[0] };
  }
  yield { literal: template.slice(end) };
}

function convert(conversion: string, value: FormatArgument): string {
  if (conversion === '%pd') return `d${value}`;
  if (conversion === '%pv') return `d${value}v0`;
  if (conversion === '%p') return (typeof value === 'string' ? value : hexadecimal(value)).padStart(16, '0');
  const [, alternate = '', width = '', kind = ''] = /^%\??(#?)(0?\d*)l?([a-zA-Z])$/.exec(conversion) ?? [];
  const digits = convertPlain(kind, value);
  const prefixed = alternate === '#' && value !== 0 ? `0x${digits}` : digits;
  return prefixed.padStart(Number(width), width.startsWith('0') ? '0' : ' ');
}

function convertPlain(kind: string, value: FormatArgument): string {
  if (kind === 's' || kind === 'c' || typeof value === 'string') return String(value);
  if (kind === 'd') return String(value > 0x7fff_ffff && value <= 0xffff_ffff ? value - 2 ** 32 : value);
  if (kind === 'u') return String(value < 0 ? value + 2 ** 32 : value);
  return kind === 'X' ? hexadecimal(value).toUpperCase() : hexadecimal(value);
}

const hexadecimal = (value: number): string => (value < 0 ? value + 2 ** 32 : value).toString(16);
