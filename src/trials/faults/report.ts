/** Results of the trials of faults: for a terminal, for scripts, and as docs/faults.md. */
import { tmpdir } from 'node:os';
import type { NamedFault } from '../../lab/virtual-faults.ts';
import type { FaultTrial } from './fault-trials.ts';
import { printableLine } from '../../verdict/report/printable.ts';

/** Columns of a terminal that the longest names take. */
export interface FaultWidths {
  readonly fault: number;
  readonly board: number;
}

/** A line of a terminal: whether a run came out as it must, how it ended, and what it says of the cause. */
export function faultLine(trial: FaultTrial, widths: FaultWidths): string {
  const { fault, board, outcome, attempts, milliseconds, cause, wrong, directory } = trial;
  const cells = [
    wrong === undefined ? 'ok   ' : 'WRONG',
    fault.name.padEnd(widths.fault),
    board.padEnd(widths.board),
    outcome.padEnd('infrastructure'.length),
    seconds(milliseconds).padStart(6),
    attempts === 1 ? '' : `${String(attempts)} power-ons:`,
    printableLine(cause),
  ];
  const line = cells.filter(cell => cell !== '').join('  ');
  return `${line}\n${wrong === undefined ? '' : `       ${wrong}; see ${directory}\n`}`;
}

/** One line for the end: how many came out as they must. */
export function faultSummary(trials: readonly FaultTrial[], milliseconds: number): string {
  const right = trials.filter(({ wrong }) => wrong === undefined).length;
  return `${right} of ${trials.length} runs came out as they must, in ${seconds(milliseconds)}`;
}

export function faultsJson(trials: readonly FaultTrial[]): string {
  const runs = trials.map(({ fault: { name, must }, ...rest }) => ({ fault: name, must, ...rest }));
  return `${JSON.stringify({ schema: 1, runs }, null, 2)}\n`;
}

/**
 * The page docs/faults.md.
 * @param trials of one scenario, of all faults on each board that can have them
 */
export function faultsPage(trials: readonly FaultTrial[], scenario: string): string {
  const sections = sectionsByEnd.flatMap(({ must, title, words }) => {
    const own = [...Map.groupBy(trials, ({ fault }) => fault)].filter(([fault]) => fault.must === must);
    if (own.length === 0) return [];
    return [`## ${title}`, words, `${heading}\n${own.map(([fault, runs]) => row(fault, runs)).join('\n')}`];
  });
  return `${[preface(scenario), ...sections].join('\n\n')}\n`;
}

const preface = (scenario: string): string => `# Faults of a lab, and what a run makes of them

Made by \`npm run faults\` from runs of \`${scenario}\` on the virtual boards; change \`src/lab/virtual/fault-table.ts\` or
the controller, not this page.

Each fault was met by somebody in a lab of boards. A virtual board, and the lab around it, can be told to have it:
\`scmi-hil run ${scenario} --board virtual-v4h --fault NAME\`. Whatever the fault, a run ends before its deadlines
do, switches the board off, gives back what it took, and never passes or fails software that it has not seen.`;

const sectionsByEnd = [
  {
    must: 'recover',
    title: 'The run gets over it',
    words: 'All expectations are met. What had to be tried again is in the recording.',
  },
  {
    must: 'infrastructure',
    title: 'The run ends as a failure of the lab',
    words: 'Exit status 3: nothing was learned about the software, and the report names the cause.',
  },
  {
    must: 'finding',
    title: 'It is a finding',
    words: 'No lab does this: it is what the software under test did, and the run fails. Exit status 1.',
  },
] as const satisfies readonly { must: NamedFault['must']; title: string; words: string }[];

const heading =
  '| fault | what happens | met in | power-ons | time | the run says |\n|---|---|---|---|---|---|';

function row({ name, title, from }: NamedFault, runs: readonly FaultTrial[]): string {
  const attempts = [...new Set(runs.map(run => run.attempts))].join(', ');
  const times = runs.map(run => run.milliseconds);
  const said = runs.map(({ cause }) => cause).find(cause => cause !== '') ?? '';
  const cells = [`\`${name}\``, title, from, attempts, span(times), withoutPlaces(said)];
  return `| ${cells.map(inCell).join(' | ')} |`;
}

function span(times: readonly number[]): string {
  const [least, most] = [seconds(Math.min(...times)), seconds(Math.max(...times))];
  return least === most ? least : `${least.replace(' s', '')}–${most}`;
}

/** Directories that the trial made are others each time. */
function withoutPlaces(text: string): string {
  return text.replaceAll(`${tmpdir()}/`, '').replaceAll(/scmi-hil-\S*\/(?=[^/\s]+)/g, '…/');
}

function inCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
