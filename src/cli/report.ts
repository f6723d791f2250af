/** `scmi-hil report`: reports of runs that were recorded. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { renderMail } from '../verdict/report/mail.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { packageVersion } from './package.ts';
import { repeated } from './repeated.ts';
import { recordedRunOf, type ReportFile, reportFile, reportKinds, writeReports } from './report-option.ts';
import { runsIn } from './recorded-runs.ts';
import { reportOfRun } from './verify.ts';

interface ReportOptions {
  readonly report: readonly string[];
  readonly html?: string;
  readonly markdown?: string;
  readonly junit?: string;
  readonly mail?: boolean;
  readonly strict?: boolean;
}

const byName = ['html', 'markdown', 'junit'] as const;

export const addReport: AddCommand = (program, process, done) => {
  const command = program
    .command('report <run...>')
    .description(
      'Judges recorded runs again and writes reports of them. A directory of runs stands for all runs in it.',
    )
    .option('--html <file>', 'one page with everything: matrix, failures, consoles, time lines')
    .option('--markdown <file>', 'for a step summary or the note of a merge request')
    .option('--junit <file>', 'for Jenkins and GitLab')
    .option('--report <kind=file>', `${reportKinds} (may be given several times)`, repeated, [])
    .option('--mail', 'print a reply for the mailing list: plain text, 72 columns')
    .option('--strict', 'a claim that breaks as predicted fails')
    .action(async (runs: readonly string[], options: ReportOptions) => {
      await report(runs, options, process);
      done(process.signal.aborted ? exitCode.interrupted : exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['report runs --html runs.html', 'all runs in one page'],
      ['report runs/2026-02-16T102030-rpi5-01-dom0-and-guest --mail', 'a reply to the series'],
    ],
    exits: {
      met: 'the reports are written, whatever the verdicts are',
      usage: commonExits.usage,
      interrupted: commonExits.interrupted,
    },
  });
};

async function report(names: readonly string[], options: ReportOptions, process: CliProcess): Promise<void> {
  const strictness = { strict: options.strict === true };
  const wanted = [
    ...options.report,
    ...byName.flatMap(kind => (options[kind] === undefined ? [] : [`${kind}=${options[kind]}`])),
  ];
  if (wanted.length === 0 && options.mail !== true) {
    throw new UsageError(
      'no report was asked for',
      'give --html FILE, --markdown FILE, --junit FILE or --mail',
    );
  }
  const files: readonly ReportFile[] = wanted.map(text => reportFile(text, process.cwd));
  const reports = [];
  const mailed = [];
  for (const directory of names.flatMap(name => runsIn(path.resolve(process.cwd, name)))) {
    process.signal.throwIfAborted();
    const judged = await reportOfRun(directory, { strict: strictness.strict }, process);
    if (judged === undefined) continue;
    reports.push(judged);
    if (options.mail === true) mailed.push(await recordedRunOf(judged, process));
  }
  if (reports.length === 0)
    throw new UsageError('none of the runs has a verdict', 'they ended before their prediction');
  await writeReports(files, { reports, strictness, leftOut: [] }, process);
  for (const { file } of files) process.stderr.write(`wrote ${file}: ${reports.length} runs\n`);
  if (options.mail === true) {
    const controller = `scmi-hil ${packageVersion()}`;
    process.stdout.write(renderMail(mailed, { ...strictness, tester: gitUser(process), controller }));
  }
}

/** `Name <address>` as git knows the user; undefined where it does not. */
function gitUser({ cwd }: CliProcess): string | undefined {
  const ask = (key: string) =>
    execFileSync('git', ['config', key], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    return `${ask('user.name')} <${ask('user.email')}>`;
  } catch {
    return undefined;
  }
}
