/** Runs a scenario in a virtual lab that has a fault, and holds what came of it against what must. */
import type { BoardEntry } from '../../lab/load-lab.ts';
import { openBoard } from '../../lab/open.ts';
import type { OpenBoard } from '../../lab/open-board.ts';
import { fullDisk, type NamedFault, type VirtualFaults } from '../../lab/virtual-faults.ts';
import type { RecordedEvent } from '../../verdict/recording/event.ts';
import type { Scenario } from '../../model/predict/scenario.ts';
import type { Verdict } from '../../verdict/verify/verdict.ts';
import { runOnBoard } from '../../run/run.ts';

export interface FaultTrial {
  readonly fault: NamedFault;
  readonly board: string;
  readonly outcome: Verdict['outcome'];
  /** The run's first fault, or its notes of what was tried again; empty where there was neither. */
  readonly cause: string;
  /** How often the board was switched on. */
  readonly attempts: number;
  readonly milliseconds: number;
  /** In words, what is not as the table says; undefined where all is. */
  readonly wrong?: string;
  /** The run's directory. */
  readonly directory: string;
}

export interface TrialOptions {
  readonly scenario: Scenario;
  /** For the run and its reservation: no other trial's. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** @throws what the run itself could not end in a verdict */
export async function tryFault(
  fault: NamedFault,
  entry: BoardEntry,
  { scenario, directory: own, signal }: TrialOptions,
): Promise<FaultTrial> {
  const { firmware, linux, xen } = scenario;
  const { faults } = fault;
  await using board = await openBoard(entry, { env: {}, software: { firmware, linux, xen }, faults });
  const events: RecordedEvent[] = [];
  const { verdict, directory, milliseconds } = await runOnBoard({
    board,
    scenario,
    runs: own,
    signal,
    controller: 'faults',
    command: `scmi-hil faults ${fault.name}`,
    faults: [fault.name],
    write: faults.diskBytes === undefined ? undefined : fullDisk(faults.diskBytes),
    onEvent: event => events.push(event),
  });
  const told = saidOf(verdict, events);
  const wrong = notAsTold(fault, verdict.outcome, told) ?? (await leftBehind(board, fault));
  return {
    fault,
    board: entry.name,
    outcome: verdict.outcome,
    cause: firstLine(told[0] ?? ''),
    attempts: events.filter(({ kind, data }) => kind === 'power' && data.action === 'on').length,
    milliseconds,
    ...(wrong !== undefined && { wrong }),
    directory,
  };
}

/** In words, what the run took and did not give back; undefined where nothing. */
async function leftBehind({ power }: OpenBoard, { faults }: NamedFault): Promise<string | undefined> {
  if (!obeys(faults.switch)) return undefined;
  const state = await power.state(AbortSignal.timeout(switchAnswers));
  return state === 'off' ? undefined : `the switch is ${state} after the run`;
}

/** Of the others nobody can ask more than that they are told to go off. */
function obeys(fault: VirtualFaults['switch']): boolean {
  return fault === undefined || fault === 'fails-once' || fault === 'only-resets';
}

/** Milliseconds; a virtual switch that answers at all does so at once. */
const switchAnswers = 5000;

/** Troubles that the run reported: its faults, then its notes of retries. */
function saidOf(
  { faults, notes: judged = [] }: Verdict,
  events: readonly RecordedEvent[],
): readonly string[] {
  const notes = events.flatMap(({ kind, data }) => {
    if (kind === 'note') return [data.text];
    return kind === 'line' ? [data.detail] : [];
  });
  const failures = events.flatMap(({ kind, data }) =>
    kind === 'power' && data.action === 'failed' ? [data.detail ?? ''] : [],
  );
  return [...faults.map(({ what }) => what), ...judged, ...notes, ...failures];
}

function notAsTold({ must, says }: NamedFault, outcome: Verdict['outcome'], told: readonly string[]) {
  if (outcome !== outcomeOf[must]) return `it is to ${words[must]}, and the verdict is ${outcome}`;
  if (says === undefined || told.some(text => new RegExp(says).test(text))) return undefined;
  return `nothing says /${says}/`;
}

const outcomeOf = { recover: 'met', infrastructure: 'infrastructure', finding: 'failed' } as const;
const words = {
  recover: 'recover',
  infrastructure: 'end as a failure of the lab',
  finding: 'be found',
} as const;

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/; the console's last line: .*$/, '');
}
