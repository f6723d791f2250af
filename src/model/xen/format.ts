import { escaped } from '../../config/text.ts';
import type { FreePart } from '../trace/observation.ts';

/** Arguments of a conversion in a message's format. */
export type FormatArgument = number | string;

export interface FormattedText {
  readonly text: string;
  /** Regular expression, anchored at both ends. */
  readonly pattern: string;
  /** The parts of the text that no configuration decides. */
  readonly free: readonly FreePart[];
}

/**
 * Fills in a format as Xen's vsnprintf does, for the conversions that the mediator's messages use
 * (xen/common/vsprintf.c): `%d %u %x %X %s %c`, their `l` forms, `#`, widths with zeros, and `%p`, `%pd`, `%pv`.
 *
 * `%p` is an address of Xen's own, and a conversion with `?` any other number that no configuration decides, as which
 * vCPU of a domain `%pv` names, and `FILE.c:LINE` of the sources: the text has the argument, the pattern takes any.
 * Where `open` is set the pattern lets anything follow.
 *
 * @throws {RangeError} when arguments are missing
 */
export function format(template: string, values: readonly FormatArgument[], open = false): FormattedText {
  let text = '';
  let pattern = '';
  const free: FreePart[] = [];
  let next = 0;
  const add = (part: string, form: string, because?: string) => {
    if (because !== undefined) free.push({ from: text.length, to: text.length + part.length, because });
    text += part;
    pattern += form;
  };
  const addText = (whole: string) => {
    for (const [index, part] of whole.split(sourcePlace).entries()) {
      if (index % 2 === 0) add(part, escaped(part));
      else addSourcePlace(part, add);
    }
  };
  for (const { literal, conversion } of pieces(template)) {
    addText(literal);
    if (conversion === undefined) continue;
    const value = values[next++];
    if (value === undefined) throw new RangeError(`no argument for ${conversion} of "${template}"`);
    const part = convert(conversion, value);
    if (conversion === '%pv') {
      add(`d${value}v`, `d${value}v`);
      add('0', '\\d+', 'which of its vCPUs calls is the affair of the domain');
    } else if (conversion === '%p') add(part, '[0-9a-f]{16}', "an address of Xen's own");
    else if (conversion.startsWith('%?')) add(part, anyNumber(conversion), 'no configuration decides it');
    else addText(part);
  }
  return { text, pattern: `^${pattern}${open ? '.*' : ''}$`, free };
}

/** `__FILE__` and `__LINE__` of a source file, by its path below xen/. */
const sourcePlace = /((?:arch|common|drivers|include|lib)\/[\w/.-]+\.[ch]:\d+)/;
/** A build out of its tree says an absolute path, and bug.c cuts off what is above 50 characters. */
const anyDirectory = '(?:\\S*\\/|\\.\\.\\.)?';
const lineNumber = 'numbers of source lines change with every commit';

function addSourcePlace(place: string, add: (part: string, form: string, because?: string) => void): void {
  const [file = '', line = ''] = place.split(':');
  add(`${file}:`, `${anyDirectory}${escaped(file)}:`);
  add(line, '\\d+', lineNumber);
}

/** Possible results of a conversion, for every number: with `#` a width counts the `0x`. */
function anyNumber(conversion: string): string {
  const [, alternate = '', width = ''] = /^%\?(#?)(?:0(\d+))?/.exec(conversion) ?? [];
  const prefix = alternate === '' ? '' : '0x';
  return width === ''
    ? `(?:${prefix}[1-9a-f][0-9a-f]*|0)`
    : `${prefix}[0-9a-f]{${Number(width) - prefix.length},16}`;
}

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
  const prefix = alternate === '#' && value !== 0 ? '0x' : '';
  return width.startsWith('0')
    ? prefix + digits.padStart(Number(width) - prefix.length, '0')
    : (prefix + digits).padStart(Number(width), ' ');
}

function convertPlain(kind: string, value: FormatArgument): string {
  if (kind === 's' || kind === 'c' || typeof value === 'string') return String(value);
  if (kind === 'd') return String(value > 0x7fff_ffff && value <= 0xffff_ffff ? value - 2 ** 32 : value);
  if (kind === 'u') return String(value < 0 ? value + 2 ** 32 : value);
  return kind === 'X' ? hexadecimal(value).toUpperCase() : hexadecimal(value);
}

const hexadecimal = (value: number): string => (value < 0 ? value + 2 ** 32 : value).toString(16);
