/** `scmi-hil doctor`: looks at a lab before a run, or at the boot of a run that came to nothing. */
import path from 'node:path';
import { boardOf } from '../board/load-lab.ts';
import type { DoctorReport } from '../doctor/finding.ts';
import { examine } from '../doctor/examine.ts';
import { diagnoseRecording } from '../doctor/recorded.ts';
import { wantsColour } from '../report/colour.ts';
import { renderDoctor } from '../report/doctor.ts';
import { stateDirectory } from '../run/reservation.ts';
import type { AddCommand, CliProcess } from './command.ts';
import { exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import type { LabOption } from './lab-option.ts';
import { addLabOption, labOf } from './lab-option.ts';
import { readRecordingOf, warnOfDamage } from './verify.ts';

interface DoctorOptions extends LabOption {
  readonly switch?: boolean;
  readonly run?: string;
  readonly runs: string;
  readonly json?: boolean;
}

export const addDoctor: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('doctor [board]'))
    .description(
      'Looks at a lab before a run: console, power, file server, keys, images, disk, clock. Switches and changes ' +
        'nothing. With --run, says in which step of its boot the board of a recorded run was stuck.',
    )
    .option('--switch', 'switch the board off, on and off, to see that its switch does')
    .option('--run <dir>', 'a recorded run, instead of the lab')
    .option('--runs <dir>', 'where runs will be kept', 'runs')
    .option('--json', 'print JSON')
    .action(async (board: string | undefined, options: DoctorOptions) => {
      done(
        options.run === undefined
          ? await lab(board, options, process)
          : await run(options.run, options, process),
      );
    });
  addHelpNotes(command, {
    examples: [
      ['doctor', 'the machine, and every board of the lab'],
      ['doctor v4h-01 --switch', 'one board, its power switch too'],
      ['doctor --run runs/2026-02-16T102030-rpi5-01-dom0-and-guest', 'why did it not boot?'],
    ],
    exits: {
      met: 'no problem; with --run, the board came to Xen',
      usage: `${commonExits.usage}; also where the doctor finds that`,
      infrastructure: 'the lab has a problem; with --run, the board was stuck',
      interrupted: commonExits.interrupted,
    },
  });
};

async function lab(name: string | undefined, options: DoctorOptions, process: CliProcess): Promise<number> {
  const found = labOf(options, process);
  const { env, cwd, signal, stdout, stdin } = process;
  if (options.switch === true && name === undefined) {
    throw new UsageError('--switch needs a board', 'name the board that may be switched');
  }
  const report = await examine({
    lab: found,
    boards: name === undefined ? [...found.boards.values()] : [boardOf(found, name)],
    env,
    cwd,
    runs: path.resolve(cwd, options.runs),
    stateDirectory: stateDirectory(env),
    root: '/',
    now: () => new Date(),
    isAttended: 'isTTY' in stdin && stdin.isTTY === true && !env['CI'],
    switchPower: options.switch === true,
    signal,
  });
  stdout.write(
    options.json === true
      ? `${JSON.stringify(report, null, 2)}\n`
      : renderDoctor(report, { colour: wantsColour(stdout as { readonly isTTY?: boolean }, env) }),
  );
  return codeOf(report);
}

function codeOf({ subjects }: DoctorReport): number {
  const problems = subjects.flatMap(({ findings }) => findings).filter(each => each.level === 'problem');
  if (problems.some(each => each.of === 'configuration')) return exitCode.usage;
  return problems.length > 0 ? exitCode.infrastructure : exitCode.met;
}

async function run(directory: string, options: DoctorOptions, process: CliProcess): Promise<number> {
  const recording = await readRecordingOf(path.resolve(process.cwd, directory));
  warnOfDamage(recording, process);
  const { reached, stuck, attempts } = diagnoseRecording(recording);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ reached, stuck, attempts }, null, 2)}\n`);
  } else {
    for (const { title, place, text } of reached) {
      process.stdout.write(`line ${String(place).padStart(5)}  ${title}: ${text.trim()}\n`);
    }
    if (stuck !== null) {
      const { title, what, evidence, mend } = stuck;
      const where = evidence === undefined ? '' : ` (line ${evidence.place}: ${evidence.text.trim()})`;
      process.stdout.write(`stuck before: ${title}\n  ${what}${where}\n  -> ${mend}\n`);
    }
  }
  return stuck === null ? exitCode.met : exitCode.infrastructure;
}
