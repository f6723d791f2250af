/** The machine and the boards of a lab, each looked at from all sides at once. */
import type { BoardEntry, LabInParts } from '../lab/load-lab.ts';
import { boardChecks } from './board.ts';
import { type Check, type Circumstances, lookAt } from './check.ts';
import type { DoctorReport, Finding } from './finding.ts';
import { machineChecks } from './machine.ts';

export interface Examination extends Circumstances {
  readonly lab: LabInParts;
  readonly boards: readonly BoardEntry[];
  /** The only board that is looked at; undefined: all of the lab. */
  readonly named: string | undefined;
  /** Switch each board off, on and off, to see that its switch does. */
  readonly switchPower: boolean;
  readonly signal: AbortSignal;
  /** Called when a check begins and when it is over. */
  readonly progress?: (subject: string, check: string, isOver: boolean) => void;
}

/**
 * Looks at everything that a run will need; switches and changes nothing unless it is told to.
 * @throws the signal's reason
 */
export async function examine(examination: Examination): Promise<DoctorReport> {
  const { lab, boards } = examination;
  const all = await Promise.all([
    look('machine', machineChecks(examination), examination),
    ...boards.map(board => examineBoard(board, examination)),
  ]);
  return { schema: 2, lab: lab.file, subjects: all };
}

async function examineBoard(
  board: BoardEntry,
  examination: Examination,
): Promise<DoctorReport['subjects'][number]> {
  await using checks = await boardChecks(board, examination);
  return await look(board.name, checks.list, examination);
}

async function look(
  name: string,
  checks: readonly Check[],
  { signal, progress }: Examination,
): Promise<{ name: string; findings: Finding[] }> {
  const findings = await Promise.all(
    checks.map(async check => {
      progress?.(name, check.name, false);
      const found = await lookAt(check, signal);
      progress?.(name, check.name, true);
      return found;
    }),
  );
  return { name, findings: findings.flat() };
}
