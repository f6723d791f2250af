/** `scmi-hil scenarios`: what can be run. */
import { boardTypeNames, loadBoardType } from '../board/board-types.ts';
import { fitsBoardType } from '../scenario/fit.ts';
import { findScenario, listScenarios, loadScenario, type ScenarioFile } from '../scenario/load.ts';
import { claimMatrixMarkdown, claimMatrixText } from '../verdict/report/claim-matrix.ts';
import type { Scenario, Step } from '../model/predict/scenario.ts';
import type { ScenarioDocument } from '../scenario/schema.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { fields, table } from './table.ts';

interface ListOptions {
  readonly json?: boolean;
  readonly matrix?: boolean;
  readonly markdown?: boolean;
}

interface ShowOptions {
  readonly json?: boolean;
  readonly boardType?: string;
}

const exits = { met: 'listed', usage: commonExits.usage };

export const addScenarios: AddCommand = (program, process, done) => {
  const scenarios = program
    .command('scenarios')
    .description('Lists the scenarios that come with the program.')
    .option('--matrix', 'statements of the series by scenario and board type, and what the model predicts')
    .option('--markdown', 'the matrix as the page of the documentation')
    .option('--json', 'print JSON')
    .action(async (options: ListOptions) => {
      if (options.markdown === true && (options.matrix !== true || options.json === true)) {
        throw new UsageError('--markdown is a form of the matrix', 'scmi-hil scenarios --matrix --markdown');
      }
      if (options.matrix === true) await printMatrix(options, process);
      else list(options.json === true, process);
      done(exitCode.met);
    });
  addHelpNotes(scenarios, {
    examples: [
      ['scenarios', 'names, statements of the series that they test, titles'],
      ['scenarios show NAME --board-type rpi5', 'one of them, fitted to a Raspberry Pi 5'],
      ['scenarios --matrix', 'which statement is tested where, and which of them breaks'],
      ['scenarios --matrix --markdown > docs/claims.md', 'the page of the documentation'],
    ],
    exits,
  });
  const show = scenarios
    .command('show <scenario>')
    .description('Shows a scenario: its guests, steps and claims; with --board-type as that board runs it.')
    .option('--board-type <type>', 'fit it to this type of board')
    .option('--json', 'print JSON')
    .action((name: string) => {
      showScenario(findScenario(name, process.cwd), show.optsWithGlobals<ShowOptions>(), process);
      done(exitCode.met);
    });
  addHelpNotes(show, {
    examples: [['scenarios show ./my.yaml --board-type rpi5', 'check a scenario of your own']],
    exits,
  });
};

function list(json: boolean, process: CliProcess): void {
  const scenarios = listScenarios().map(each => ({ ...each, boardTypes: boardTypesOf(each) }));
  if (json) {
    const shown = scenarios.map(({ name, file, document, boardTypes }) => {
      const { title, claims } = document;
      return { name, title, claims, boardTypes, file };
    });
    process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
    return;
  }
  const rows = scenarios.map(({ name, document, boardTypes }) => [
    name,
    document.boards === undefined ? 'any' : boardTypes.join(' '),
    document.claims.join(' '),
    document.title,
  ]);
  process.stdout.write(table(['SCENARIO', 'BOARDS', 'CLAIMS', ''], rows));
}

async function printMatrix({ markdown, json }: ListOptions, process: CliProcess): Promise<void> {
  // A list does not need the model.
  const { claimMatrix } = await import('./claim-matrix.ts');
  const matrix = claimMatrix();
  if (json !== true) {
    process.stdout.write(markdown === true ? claimMatrixMarkdown(matrix) : claimMatrixText(matrix));
    return;
  }
  const rows = matrix.rows.map(({ claim, entries }) => ({
    ...claim,
    scenarios: entries.map(({ boards, ...entry }) => ({ ...entry, boards: Object.fromEntries(boards) })),
  }));
  process.stdout.write(`${JSON.stringify({ boardTypes: matrix.boardTypes, statements: rows }, null, 2)}\n`);
}

function boardTypesOf({ document }: ScenarioFile): string[] {
  return boardTypeNames().filter(name => document.boards?.includes(name) ?? true);
}

function showScenario(
  { name, file, document }: ScenarioFile,
  options: ShowOptions,
  process: CliProcess,
): void {
  if (options.boardType !== undefined) {
    const fitted = loadScenario(file, loadBoardType(options.boardType));
    process.stdout.write(options.json === true ? fittedJson(fitted) : fittedText(fitted));
    return;
  }
  // Mistakes that only show when it is fitted are found here, not in the lab.
  for (const type of boardTypeNames().map(loadBoardType)) {
    if (fitsBoardType(document, type)) loadScenario(file, type);
  }
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return;
  }
  process.stdout.write(
    fields([
      ['scenario', name],
      ['title', document.title],
      ...(document.description === undefined ? [] : [['', document.description.trimEnd()] as const]),
      ['claims', document.claims.join(' ')],
      ['boards', document.boards?.join(' ') ?? 'any'],
      ['guests', Object.keys(document.guests).join(' ') || 'none'],
      ['steps', ['boot', ...document.steps.map(stepWords)].join('\n')],
      ['promises', document.statements.map(({ words }) => words).join('\n') || 'none'],
      ['file', file],
    ]),
  );
}

function fittedText(scenario: Scenario): string {
  const guests = [...scenario.guests.values()].map(({ name, origin, config }) =>
    ['', `# ${name}: ${origin}`, config.trimEnd()].join('\n'),
  );
  return `${fields([
    ['scenario', scenario.name],
    ['title', scenario.title],
    ['xen', `${scenario.xen.mediator}, debug=${scenario.xen.debug ? 'y' : 'n'}`],
    ['linux', scenario.linux],
    ['firmware', [scenario.firmware.profile.name, ...scenario.firmware.faults].join(', ')],
    ['steps', ['boot', ...scenario.steps.map(stepWords)].join('\n')],
  ])}${guests.map(text => `${text}\n`).join('')}`;
}

function fittedJson({ guests, steps, statements, xen, linux, firmware, ...rest }: Scenario): string {
  const { name, title, claims } = rest;
  const shown = {
    name,
    title,
    claims,
    xen,
    linux,
    firmware: { profile: firmware.profile.name, faults: firmware.faults },
    guests: [...guests.values()].map(({ files, ...guest }) => ({ ...guest, files: [...files.keys()] })),
    steps,
    statements,
  };
  return `${JSON.stringify(shown, null, 2)}\n`;
}

/** A step as a person would say it. */
export function stepWords(step: Step | ScenarioDocument['steps'][number]): string {
  switch (step.do) {
    case 'look':
      return `look at ${step.domain}`;
    case 'command':
      return `in ${step.domain}: ${step.run}`;
    case 'smc':
    case 'scmi':
    case 'memory':
      return `${step.do} in ${step.domain}`;
    case 'wait':
      return `wait ${step.milliseconds} ms`;
    case 'assign-device':
      return `assign ${step.path} to ${step.guest}`;
    default:
      return `${step.do.replaceAll('-', ' ').replace('guest ', `${step.guest} `)}${step.do.startsWith('guest') ? '' : ` ${step.guest}`}`;
  }
}
