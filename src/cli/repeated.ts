/**
 * An option that may be given several times: for commander, which calls it with each value and those before it.
 *
 * @example
 * command.option('--board <name>', 'only on this board (may be given several times)', repeated, []);
 */
export function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
