/** The doctor's report for a terminal. */
import type { DoctorReport } from './finding.ts';
import { type Colour, painter } from '../verdict/report/colour.ts';

const colours = { ok: 'green', warning: 'yellow', problem: 'red' } as const satisfies Record<string, Colour>;

export function renderDoctor({ subjects }: DoctorReport, options: { readonly colour: boolean }): string {
  const paint = painter(options.colour);
  const all = subjects.flatMap(({ findings }) => findings);
  const width = Math.max(0, ...all.map(({ check }) => check.length));
  const lines = subjects.flatMap(({ name, findings }) => [
    paint('bold', name),
    ...findings.flatMap(finding => {
      const { level, check, what } = finding;
      const head = `  ${paint(colours[level], level.padEnd(7))}  ${check.padEnd(width)}  ${what}`;
      return finding.level === 'ok' ? [head] : [head, `${''.padEnd(width + 13)}-> ${finding.hint}`];
    }),
  ]);
  const count = (level: string) => all.filter(each => each.level === level).length;
  return `${lines.join('\n')}\nproblems: ${count('problem')}, warnings: ${count('warning')}\n`;
}
