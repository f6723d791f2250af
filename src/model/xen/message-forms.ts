/** Whether Xen has a message that a regular expression matches: what can never be printed can be neither met nor missed. */
import { messages } from './messages.ts';

/** Values that a conversion of printf may have, beside the numbers that the pattern itself names. */
const samples: Readonly<Record<string, readonly string[]>> = {
  pv: ['d0v0', 'd1v0', 'd2v0'],
  pd: ['d0', 'd1', 'd2'],
};
const conversion = /%\??[#0-9]*l*(pv|pd|[a-zA-Z])/g;

/** @param pattern of a line of Xen, without its prefix; not anchored unless it says so itself */
export function isMessageOfXen(pattern: string): boolean {
  const form = new RegExp(pattern);
  const names = pattern.split(/\s+/).map(word => word.replace(/[^\w/@,.-]/g, ''));
  const numbers = pattern.match(/0x[0-9a-f]+|-?\d+/gi) ?? [];
  return Object.values(messages).some(({ format }) =>
    rendered(format.trimEnd(), numbers, names).some(text => form.test(text)),
  );
}

/** The format with each combination of values in it. */
function rendered(format: string, numbers: readonly string[], names: readonly string[]): readonly string[] {
  const values = [...new Set(['0', '1', '-1', ...numbers.flatMap(each => [each, each.replace(/^0x/i, '')])])];
  const parts = format.split(conversion);
  let texts = [parts[0] ?? ''];
  for (let at = 1; at < parts.length; at += 2) {
    const kind = parts[at] ?? '';
    const fillers = kind === 's' ? ['x', ...names] : (samples[kind] ?? values);
    // The value of a conversion that the pattern does not name makes no difference: few values stand for all.
    texts = texts
      .flatMap(text => fillers.map(filler => text + filler + (parts[at + 1] ?? '')))
      .slice(0, mostForms);
  }
  return texts;
}

/** Of one format. Five conversions of five values each are fewer. */
const mostForms = 4000;
