/** Colours of the terminal (ECMA-48 SGR), or none. */

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36 } as const;

export type Colour = keyof typeof codes;
/** Paints a text in a colour, or gives it back as it is. */
export type Paint = (colour: Colour, text: string) => string;

export function painter(enabled: boolean): Paint {
  return (colour, text) => (enabled ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text);
}

/** Whether a stream wants colours: a terminal, unless NO_COLOR says no; FORCE_COLOR says yes to any. */
export function wantsColour(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  if (environment['NO_COLOR']) return false;
  const { FORCE_COLOR: forced } = environment;
  if (forced !== undefined && forced !== '') return forced !== '0';
  return stream.isTTY === true && environment['TERM'] !== 'dumb';
}
