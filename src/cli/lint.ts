/** `scmi-hil lint`: mistakes of a configuration, before anything boots. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Option } from 'commander';
import { boardTypeNames, loadBoardType } from '../board/board-types.ts';
import { displayName } from '../config/yaml-file.ts';
import { type Finding, type Place, placeText, severities } from '../model/lint/finding.ts';
import { lint, lintScenario } from '../model/lint/lint.ts';
import { rulesMarkdown } from '../model/lint/markdown.ts';
import { rules, themes } from '../model/lint/rules.ts';
import { type LintSubject, subjectOfScenario } from '../model/lint/subject.ts';
import { renderSarif } from '../verdict/report/sarif.ts';
import { fitsBoardType } from '../scenario/fit.ts';
import { findScenario, listScenarios, loadScenario } from '../scenario/load.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import {
  addConfigurationOptions,
  type ConfigurationOptions,
  predictGiven,
  scenarioOf,
} from './configuration-options.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { packageVersion } from './package.ts';
import { breathe } from './signals.ts';
import { table } from './table.ts';
import { writeFile } from './write-file.ts';

interface LintOptions extends ConfigurationOptions {
  readonly json?: boolean;
  readonly sarif?: string;
  readonly rules?: boolean;
  readonly markdown?: boolean;
}

/** One configuration that was checked. */
interface Checked {
  readonly name: string;
  /** The file that stands for it. */
  readonly file: string;
  readonly findings: readonly Finding[];
}

export const addLint: AddCommand = (program, process, done) => {
  const command = addConfigurationOptions(
    program
      .command('lint [scenarios...]')
      .description(
        'Warns of mistakes in a configuration before anything boots: what will happen, and what to change. ' +
          'Without names and without --host-dt, all shipped scenarios are checked.',
      ),
  )
    .option('--json', 'print JSON')
    .option('--sarif <file>', 'write a SARIF log, for a code host')
    .option('--rules', 'list the rules')
    .addOption(new Option('--markdown', 'as docs/lint.md').hideHelp())
    .action(async (names: readonly string[], options: LintOptions) => {
      if (options.rules === true) {
        process.stdout.write(listOfRules(options));
        done(exitCode.met);
        return;
      }
      const checked = await check(names, options, process);
      if (options.sarif !== undefined) writeSarif(path.resolve(process.cwd, options.sarif), checked, process);
      process.stdout.write(options.json === true ? asJson(checked) : asText(checked));
      done(count(checked, 'error') > 0 ? exitCode.failed : exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['lint --host-dt host.dts --board-type rpi5 --xl-cfg guest.cfg', 'a tree and a guest'],
      ['lint dom0-and-guest --board-type rpi5', 'a scenario as a Raspberry Pi 5 runs it'],
      ['lint ./my.yaml --sarif lint.sarif', 'for a merge request'],
      ['lint --rules', 'what is looked for'],
    ],
    exits: {
      met: 'no errors (there may be warnings)',
      failed: 'at least one error was found',
      usage: commonExits.usage,
      interrupted: commonExits.interrupted,
    },
  });
};

async function check(
  names: readonly string[],
  options: LintOptions,
  process: CliProcess,
): Promise<Checked[]> {
  if (options.hostDt === undefined) return checkScenarios(names, options, process);
  if (names.length > 0) throw new UsageError('lint takes scenarios or --host-dt, not both');
  const { hostDt } = options;
  const subject = subjectOf(scenarioOf(options, process.cwd), hostDt, options);
  if (subject.firmware === null) {
    process.stderr.write(
      'lint: the firmware is not known, rules about it were left out; give --board-type or --firmware\n',
    );
  }
  return [{ name: hostDt, file: hostDt, findings: lint(subject) }];
}

/** Rules about a firmware that is not known find nothing; what the model predicts without it is told all the same. */
function subjectOf(scenario: Scenario, hostDt: string, options: LintOptions): LintSubject {
  const subject = subjectOfScenario(scenario);
  return {
    ...subject,
    firmware: scenario.firmware.profile.name === 'unknown' ? null : subject.firmware,
    prediction: predictGiven(scenario),
    files: { hostTree: hostDt, partialTrees: partialTreeFiles(subject, options.partialDt) },
  };
}

/** Trees without `NODE=` are the guests', in order; the last one is that of all further ones. */
function partialTreeFiles({ guests }: LintSubject, given: readonly string[]): ReadonlyMap<string, string> {
  const named = given.flatMap(each => {
    const [, node, file] = /^([^=/\\]+)=(.+)$/.exec(each) ?? [];
    return node === undefined || file === undefined ? [] : [[node, file] as const];
  });
  const inOrder = given.filter(each => !/^[^=/\\]+=/.test(each));
  const ofGuests = guests.flatMap(({ name }, index) => {
    const file = inOrder[index] ?? inOrder.at(-1);
    return file === undefined ? [] : [[name, file] as const];
  });
  return new Map([...named, ...ofGuests]);
}

async function checkScenarios(
  names: readonly string[],
  options: LintOptions,
  process: CliProcess,
): Promise<Checked[]> {
  refuseTreeOptions(options);
  const files = names.length === 0 ? listScenarios() : names.map(name => findScenario(name, process.cwd));
  const wanted = options.boardType === undefined ? boardTypeNames() : [options.boardType];
  const types = wanted.map(loadBoardType);
  const checked: Checked[] = [];
  for (const { name, file, document } of files) {
    // A scenario that is named and does not fit is a mistake; of all scenarios only those that fit are meant.
    const isMeant = names.length > 0 && options.boardType !== undefined;
    for (const type of types.filter(each => isMeant || fitsBoardType(document, each))) {
      await breathe(process.signal);
      const findings = lintScenario(loadScenario(file, type));
      checked.push({ name: `${name} on ${type.type}`, file: displayName(file), findings });
    }
  }
  return checked;
}

function refuseTreeOptions({
  xlCfg,
  partialDt,
  xen,
  xenDebug,
  xenVersion,
  firmware,
  ...rest
}: LintOptions): void {
  const given: readonly (readonly [string, boolean])[] = [
    ['--xl-cfg', xlCfg.length > 0],
    ['--partial-dt', partialDt.length > 0],
    ['--xen', xen !== undefined],
    ['--xen-debug', xenDebug !== undefined],
    ['--xen-version', xenVersion !== undefined],
    ['--firmware', firmware !== undefined],
    ['--firmware-fault', rest.firmwareFault.length > 0],
    ['--linux', rest.linux !== undefined],
  ];
  const option = given.find(([, isGiven]) => isGiven)?.[0];
  if (option === undefined) return;
  throw new UsageError(`${option} goes with --host-dt`, 'a scenario says itself what it is booted with');
}

function writeSarif(file: string, checked: readonly Checked[], process: CliProcess): void {
  const results = checked.flatMap(({ name, file: itsFile, findings }) =>
    findings.map(finding => ({
      finding,
      file: fileOf(finding.place, itsFile, process),
      ...(checked.length === 1 ? {} : { configuration: name }),
    })),
  );
  writeFile(file, renderSarif(results, { version: packageVersion(), rules }));
}

/** A place may name a text of a scenario as its file: then it is the scenario's file. */
function fileOf({ file }: Place, otherwise: string, { cwd }: CliProcess): string {
  return file !== undefined && existsSync(path.resolve(cwd, file)) ? file : otherwise;
}

function asJson(checked: readonly Checked[]): string {
  const configurations = checked.map(({ name, file, findings }) => ({
    name,
    file,
    findings: findings.map(finding => ({ ...finding, at: placeText(finding.place) })),
  }));
  const [errors, warnings, notes] = severities.map(severity => count(checked, severity));
  return `${JSON.stringify({ schema: 2, errors, warnings, notes, configurations }, null, 2)}\n`;
}

function asText(checked: readonly Checked[]): string {
  return checked.map(each => `${summary(each)}\n${each.findings.map(text).join('')}`).join('\n');
}

function summary(checked: Checked): string {
  const counts = severities
    .map(severity => [count([checked], severity), severity] as const)
    .filter(([number]) => number > 0)
    .map(([number, severity]) => `${number} ${severity}${number === 1 ? '' : 's'}`);
  return `${checked.name}: ${counts.length === 0 ? 'nothing found' : counts.join(', ')}`;
}

function text({ rule, severity, place, message, consequence, predicted, hint, documented }: Finding): string {
  const lines = [`  ${severity} ${rule} at ${placeText(place)}`, `    ${message}`];
  if (severity !== 'note') {
    lines.push(`    ${consequence}`, ...predicted.map(line => `      | ${line}`));
    lines.push(`    Hint: ${hint}`, `    See: ${documented.join(', ')}`);
  }
  return `${lines.join('\n')}\n`;
}

function listOfRules({ markdown, json }: LintOptions): string {
  if (markdown === true) return rulesMarkdown(themes);
  if (json === true) {
    const known = rules.map(({ id, severity, title }) => ({ id, severity, title }));
    return `${JSON.stringify({ schema: 2, rules: known }, null, 2)}\n`;
  }
  return table(
    ['RULE', 'SEVERITY', ''],
    rules.map(({ id, severity, title }) => [id, severity, title]),
  );
}

function count(checked: readonly Checked[], severity: Finding['severity']): number {
  return checked.flatMap(({ findings }) => findings).filter(each => each.severity === severity).length;
}
