/** `scmi-hil mutants`: which bugs the shipped scenarios catch. */
import { loadBoardType } from '../board/board-types.ts';
import { virtualBoards } from '../lab/load-lab.ts';
import { hintAt } from '../config/nearest-name.ts';
import { askVirtualDomain } from '../lab/virtual-shell.ts';
import { mutantNamed, mutants } from '../trials/mutants/index.ts';
import type { Mutant } from '../trials/mutants/mutant.ts';
import { mutantsPage } from '../trials/mutants/page.ts';
import { type Catch, type MutantResult, type Trial, Trials } from '../trials/mutants/trials.ts';
import { fitsBoardType } from '../scenario/fit.ts';
import { eachScenario, loadScenario } from '../scenario/load.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { breathe, interruptible } from './signals.ts';
import { table } from './table.ts';

interface MutantsOptions {
  readonly boardType?: string;
  readonly every?: boolean;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

export const addMutants: AddCommand = (program, process, done) => {
  const command = program
    .command('mutants [name...]')
    .description(
      'Runs all shipped scenarios on machines of the model that have one bug each, and says whose verdict ' +
        'tells. Without names, all mutants. On a virtual board: scmi-hil run SCENARIO --mutant NAME.',
    )
    .option('--board-type <type>', 'only on this type of board; else on those of the virtual boards')
    .option('--every', 'try a mutant on all scenarios, also when some have caught it; so it is with names')
    .option('--json', 'print JSON')
    .option('--markdown', 'print the page of the documentation; nothing is run')
    .action(async (names: readonly string[], options: MutantsOptions) => {
      done(await tryMutants(names, options, process));
    });
  addHelpNotes(command, {
    examples: [
      ['mutants', 'all of them: caught or not, and by which scenarios first'],
      ['mutants --every --json', 'each mutant by each scenario, for scripts'],
      ['mutants keeps-channel', 'one of them: each scenario that catches it, and by what'],
      ['mutants --markdown > docs/mutants.md', 'the page of the documentation'],
    ],
    exits: {
      met: 'every mutant is caught, and the right machine passes all scenarios',
      failed: 'a mutant survives, or the right machine does not pass',
      usage: commonExits.usage,
      interrupted: commonExits.interrupted,
    },
  });
};

async function tryMutants(
  names: readonly string[],
  { boardType, every, json, markdown }: MutantsOptions,
  process: CliProcess,
): Promise<number> {
  const chosen = names.length === 0 ? mutants : names.map(required);
  if (markdown === true) {
    process.stdout.write(mutantsPage(chosen));
    return exitCode.met;
  }
  const types = boardType === undefined ? Object.values(virtualBoards) : [boardType];
  const between = () => breathe(process.signal);
  const listed = await interruptible(eachTrialOf(types), process.signal);
  const trials = await Trials.prepare(listed, askVirtualDomain, between);
  const most = every === true || names.length > 0 ? Infinity : enoughCatches;
  const results: MutantResult[] = [];
  for (const mutant of chosen) results.push(await trials.try(mutant, most));
  const found: Found = { results, falseAlarms: trials.falseAlarms, trials: trials.count };
  process.stdout.write(json === true ? asJson(found) : asText(found, names.length > 0));
  const survives = results.some(({ catches }) => catches.length === 0);
  return survives || trials.falseAlarms.length > 0 ? exitCode.failed : exitCode.met;
}

interface Found {
  readonly results: readonly MutantResult[];
  readonly falseAlarms: readonly Catch[];
  readonly trials: number;
}

function required(name: string): Mutant {
  const mutant = mutantNamed(name);
  if (mutant !== undefined) return mutant;
  throw new UsageError(
    `there is no mutant ${name}`,
    hintAt(
      name,
      mutants.map(each => each.name),
    ),
  );
}

/** The shipped scenarios as some types of boards run them. */
export function trialsOf(boardTypes: readonly string[]): readonly Trial[] {
  const each = eachTrialOf(boardTypes);
  for (let next = each.next(); ; next = each.next()) if (next.done === true) return next.value;
}

/** As `trialsOf`, a scenario at a time: reading all of them takes seconds. */
function* eachTrialOf(boardTypes: readonly string[]): Generator<void, readonly Trial[], void> {
  const trials: Trial[] = [];
  for (const boardType of boardTypes) {
    const type = loadBoardType(boardType);
    for (const { file, document } of eachScenario()) {
      yield;
      if (!fitsBoardType(document, type)) continue;
      trials.push({ boardType, scenario: loadScenario(file, type), directory: type.dom0.directory });
    }
  }
  return trials;
}

function asText({ results, falseAlarms, trials }: Found, inFull: boolean): string {
  const shown = inFull ? results.map(details).join('\n') : overview(results);
  const survivors = results.filter(({ catches }) => catches.length === 0);
  const caught = results.length - survivors.length;
  return [
    shown,
    '',
    ...falseAlarms.map(each => `the right machine fails ${each.scenario} on ${each.boardType}: ${each.by}`),
    ...survivors.map(({ mutant }) => `survives: ${mutant.name}: ${mutant.words}`),
    `${caught} of ${results.length} mutants caught; the right machine passes ${trials - falseAlarms.length} of ${trials} runs`,
    '',
  ].join('\n');
}

function overview(results: readonly MutantResult[]): string {
  const rows = results.map(({ mutant, catches }) => {
    const by = scenariosOf(catches);
    const others = by.length > shownScenarios ? ', ...' : '';
    const caughtBy = by.length === 0 ? 'NOT CAUGHT' : `${by.slice(0, shownScenarios).join(', ')}${others}`;
    return [mutant.name, mutant.part, caughtBy];
  });
  return table(['MUTANT', 'BUG OF', 'CAUGHT BY'], rows).trimEnd();
}

function details({ mutant, catches }: MutantResult): string {
  const rows = catches.map(({ scenario, boardType, by }) => [scenario, boardType, by]);
  const how = rows.length === 0 ? '' : table(['CAUGHT BY', 'BOARD', 'HOW'], rows);
  return `${mutant.name} (${mutant.part}): ${mutant.words}\n${how}`;
}

function asJson({ results, falseAlarms, trials }: Found): string {
  const found = {
    schema: 1,
    runs: trials,
    caught: results.filter(({ catches }) => catches.length > 0).length,
    falseAlarms,
    mutants: results.map(({ mutant: { name, part, words }, catches }) => ({ name, part, words, catches })),
  };
  return `${JSON.stringify(found, null, 2)}\n`;
}

function scenariosOf(catches: readonly Catch[]): readonly string[] {
  return [...new Set(catches.map(({ scenario }) => scenario))];
}

const shownScenarios = 2;
/** Nobody reads more without asking for one mutant by name. */
const enoughCatches = 3;
