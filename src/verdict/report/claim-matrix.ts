/** The statements of the series by scenario and board type: for a terminal, and as docs/claims.md. */
import type { Claim } from '../../scenario/claims.ts';

/** Prediction for a statement: the board shows that it holds, or that it breaks. */
export type PredictedOutcome = 'holds' | 'breaks';

export interface MatrixEntry {
  readonly scenario: string;
  readonly title: string;
  /** By board type; a type that the scenario is not for is not there. */
  readonly boards: ReadonlyMap<string, PredictedOutcome>;
  /** The break: the promise, and the model's reason why it does not come true. */
  readonly breaks: readonly { readonly board: string; readonly promise: string; readonly why: string }[];
}

interface MatrixRow {
  readonly claim: Claim;
  readonly entries: readonly MatrixEntry[];
}

export interface ClaimMatrix {
  readonly boardTypes: readonly string[];
  readonly rows: readonly MatrixRow[];
}

/** Under each statement the scenarios that test it, with a column for each board type. */
export function claimMatrixText({ boardTypes, rows }: ClaimMatrix): string {
  const names = rows.flatMap(({ entries }) => entries.map(({ scenario }) => scenario));
  const width = Math.max('SCENARIO'.length, ...names.map(name => name.length));
  const columns = (cells: readonly string[]) =>
    cells.map((cell, column) => cell.padEnd(boardTypes[column]?.length ?? 0)).join('  ');
  const line = (name: string, cells: readonly string[]) =>
    `${indent}${name.padEnd(width)}  ${columns(cells)}`.trimEnd();
  const blocks = rows.map(({ claim, entries }) => [
    `${claim.id.padEnd(indent.length)}${claim.statement}`,
    ...entries.map(({ scenario, boards }) =>
      line(
        scenario,
        boardTypes.map(type => boards.get(type) ?? '-'),
      ),
    ),
    ...(claim.unseen === undefined ? [] : [`${indent}cannot be seen: ${claim.unseen.trimEnd()}`]),
    ...(claim.partly === undefined ? [] : [`${indent}not seen of it: ${claim.partly.trimEnd()}`]),
  ]);
  return `${[line('SCENARIO', boardTypes), ...blocks.flat(), '', summary(rows)].join('\n')}\n`;
}

const indent = '        ';

/** The page docs/claims.md. */
export function claimMatrixMarkdown({ boardTypes, rows }: ClaimMatrix): string {
  const sections = groups.map(({ title, id }) => {
    const own = rows.filter(row => id.test(row.claim.id));
    return [`## ${title}`, ...own.map(row => claimSection(row, boardTypes))].join('\n\n');
  });
  return `${[heading, summary(rows), overview(rows), ...sections].join('\n\n')}\n`;
}

const heading = `# What the series promises, and what boards show

<!-- Written by \`scmi-hil scenarios --matrix --markdown\`: change scenarios/, not this file. -->

The statements of the patch series "xen/arm: scmi: introduce SCI SCMI SMC multi-agent support" (v4 to v11), in this
project's words, the scenarios that test them, and what the model predicts on each type of board with the firmware
that the board type, or the scenario, names:

- **holds**: the board shows what is promised. Else the run fails.
- **breaks**: driver, firmware or toolstack do otherwise, and the board shows that. The verdict of the run is "broken as
  predicted"; should the promise come true, the run fails.

\`scmi-hil scenarios --matrix\` prints the same for a terminal, \`--json\` for a program. The statements are
[scenarios/series/claims.yaml](../scenarios/series/claims.yaml).`;

/** Where the statements were made, by the form of their ids. */
const groups = [
  { title: 'Documentation and commit texts', id: /^D/ },
  { title: 'Review', id: /^R/ },
  { title: 'Change logs', id: /^v\d+-\d/ },
  { title: 'Toolstack', id: /-T/ },
] as const;

function summary(rows: readonly MatrixRow[]): string {
  const tested = rows.filter(({ entries }) => entries.length > 0);
  const scenarios = new Set(tested.flatMap(({ entries }) => entries.map(({ scenario }) => scenario)));
  const broken = tested.filter(({ entries }) => entries.some(({ breaks }) => breaks.length > 0));
  return (
    `${rows.length} statements: ${tested.length} tested by ${scenarios.size} scenarios, ` +
    `${rows.length - tested.length} cannot be seen from outside; ${broken.length} break in at least one scenario.`
  );
}

function overview(rows: readonly MatrixRow[]): string {
  const lines = rows.map(({ claim: { id, statement }, entries }) => {
    const seen = new Set(entries.flatMap(({ boards }) => [...boards.values()]));
    const outcomes = (['holds', 'breaks'] as const).filter(each => seen.has(each));
    const outcome = entries.length === 0 ? 'cannot be seen' : outcomes.join(', ');
    return `| [${id}](#${id.toLowerCase()}) | ${statement} | ${entries.length || ''} | ${outcome} |`;
  });
  return ['| | Statement | Scenarios | |', '|---|---|---|---|', ...lines].join('\n');
}

function claimSection({ claim, entries }: MatrixRow, boardTypes: readonly string[]): string {
  const parts = [`### ${claim.id}`, `${claim.statement}.`];
  if (claim.unseen !== undefined) parts.push(`Cannot be seen: ${claim.unseen.trimEnd()}`);
  if (claim.partly !== undefined) parts.push(`Not seen of it: ${claim.partly.trimEnd()}.`);
  if (entries.length > 0) parts.push(entryTable(entries, boardTypes));
  const breaks = entries.flatMap(breakLines);
  if (breaks.length > 0) parts.push(breaks.join('\n'));
  return parts.join('\n\n');
}

function entryTable(entries: readonly MatrixEntry[], boardTypes: readonly string[]): string {
  const rows = entries.map(({ scenario, title, boards }) => {
    const cells = boardTypes.map(type => outcomeCell(boards.get(type)));
    return `| [${scenario}](../scenarios/${scenario}.yaml) | ${title} | ${cells.join(' | ')} |`;
  });
  return [
    `| Scenario | | ${boardTypes.join(' | ')} |`,
    `|---|---|${boardTypes.map(() => '---|').join('')}`,
    ...rows,
  ].join('\n');
}

function outcomeCell(outcome: PredictedOutcome | undefined): string {
  return outcome === 'breaks' ? '**breaks**' : (outcome ?? '');
}

/** One line for all boards on which the same promise breaks: the reasons differ in addresses at most. */
function breakLines({ scenario, breaks }: MatrixEntry): string[] {
  return [...Map.groupBy(breaks, ({ promise }) => promise)].map(([promise, same]) => {
    const boards = same.map(({ board }) => board).join(', ');
    return `- ${scenario} (${boards}), "${promise}": ${escaped(same[0]?.why ?? '')}.`;
  });
}

/** Quotations of the model may look like Markdown. */
function escaped(text: string): string {
  return text.replace(/[<>|*]/g, '\\$&').replace(/\s+/g, ' ');
}
