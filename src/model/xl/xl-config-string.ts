/** Strings of xl configuration files (libxlu_cfg.c, xlu__cfgl_dequote). */

/**
 * A quoted string without its quotes. Numerical escapes do not work in xl's parser: a hexadecimal one is
 * always refused, of an octal one the character is dropped.
 */
export function dequote(quoted: string): string | { readonly problem: string } {
  const inside = quoted.slice(1, -1);
  let result = '';
  for (let at = 0; at < inside.length; ) {
    const character = inside.charAt(at++);
    if (character !== '\\') {
      result += character;
      continue;
    }
    const escape = inside.charAt(at++);
    const plain = escapes[escape];
    if (plain !== undefined) {
      result += plain;
    } else if (escape === 'x') {
      return { problem: `${invalidDigit} hexnumerical character escape in quoted string` };
    } else if (escape >= '0' && escape <= '7') {
      const digits = /^\s*[+-]?[0-9]*/.exec(inside.slice(at, at + 3))?.[0] ?? '';
      if (digits.length < 2)
        return { problem: `${invalidDigit} octalnumerical character escape in quoted string` };
      at += digits.length;
    } else {
      return { problem: 'invalid character after backlash in quoted string' };
    }
  }
  return result;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const invalidDigit = 'invalid digit after backslash';
