/** The boot of a recorded run. */
import type { Recording } from '../recording/reader.ts';
import type { BootDiagnosis, BootSubject } from '../verify/boot-progress.ts';
import { diagnoseBoot } from '../verify/boot-progress.ts';

/** @returns how far the board got in its last attempt; places are lines of recording.jsonl */
export function diagnoseRecording({ events, lines }: Recording): BootDiagnosis {
  const header = events.find(event => event.kind === 'run-started')?.data;
  const files = Object.keys(header?.files ?? {});
  return diagnoseBoot(subjectOf(header?.board ?? 'BOARD', files), events, index => lines[index] ?? 0);
}

/** A recording says what was deployed, which tells the boot loaders apart; it does not say what the lab knows. */
function subjectOf(board: string, files: readonly string[]): BootSubject {
  const uBoot = { autoboot: 'Hit any key to stop autoboot', prompt: '=> ' };
  if (!files.includes('config.txt')) return { board, uBoot: { ...uBoot, files } };
  return { board, eeprom: { kernel: 'xen', files, probes: [] } };
}
