/** `scmi-hil doctor`: looks at a lab before a run, or at the boot of a run that failed. */
import path from 'node:path';
import { type BoardEntry, boardOf, type LabInParts, loadLabInParts } from '../lab/load-lab.ts';
import { Guard } from '../lab/guard/guard.ts';
import { bootMistake } from '../lab/needed-images.ts';
import { openBoard } from '../lab/open.ts';
import { followBoot } from '../doctor/boot.ts';
import type { DoctorReport } from '../doctor/finding.ts';
import { examine } from '../doctor/examine.ts';
import { RecordedBoot } from '../doctor/recorded.ts';
import { wantsColour } from '../verdict/report/colour.ts';
import { renderEnd, renderReached } from '../verdict/report/boot.ts';
import { renderDoctor } from '../doctor/report.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { doctorImage } from './doctor-image.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { imagesGiven } from './image-option.ts';
import { addLabOption, labOf, type LabOption } from './lab-option.ts';
import { repeated } from './repeated.ts';
import { DamageSeen } from '../verdict/recording/reader.ts';
import { eventsOfRun, warnOfDamage } from './verify.ts';

interface DoctorOptions extends LabOption {
  readonly switch?: boolean;
  readonly boot?: boolean;
  readonly run?: string;
  readonly runs: string;
  readonly image: readonly string[];
  readonly json?: boolean;
}

export const addDoctor: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('doctor [board]'))
    .description(
      'Looks at a lab before a run: console, power, file server, keys, images, disk, clock. Switches and changes ' +
        'nothing. With --boot or --run, says in which step a boot, or that of a recorded run, is stuck.',
    )
    .option('--switch', 'switch the board off, on and off, to see that its switch does')
    .option('--boot', 'switch the board on, follow it until Xen speaks, and switch it off')
    .option('--run <dir>', 'a recorded run, instead of the lab')
    .option('--runs <dir>', 'where runs will be kept', 'runs')
    .option(
      '--image <name=path>',
      'a Xen image (xen=PATH) instead of the lab: its mediator, build and version, and the scenarios that it can run',
      repeated,
      [],
    )
    .option('--json', 'print JSON')
    .action(async (board: string | undefined, options: DoctorOptions) => {
      done(await doctor(board, options, process));
    });
  addHelpNotes(command, {
    examples: [
      ['doctor', 'the machine, and every board of the lab'],
      ['doctor v4h-01 --switch', 'one board, its power switch too'],
      ['doctor rpi5-01 --boot', 'does it come to Xen, and if not, why?'],
      ['doctor --image xen=xen/xen', 'which mediator has this Xen, and what can it run on QEMU?'],
      ['doctor --run runs/2026-02-16T102030-rpi5-01-dom0-and-guest', 'why did it not boot?'],
    ],
    exits: {
      met: 'no problem; with --boot or --run, the board came to Xen',
      usage: `${commonExits.usage}; also where the doctor finds that`,
      infrastructure: 'the lab has a problem; with --boot or --run, the board was stuck',
      interrupted: commonExits.interrupted,
    },
  });
};

function doctor(board: string | undefined, options: DoctorOptions, process: CliProcess): Promise<number> {
  const { boot, run, switch: switches, image } = options;
  const given = [
    boot === true && '--boot',
    run !== undefined && '--run',
    switches === true && '--switch',
    image.length > 0 && '--image',
  ];
  const [one, other] = given.filter(each => each !== false);
  if (other !== undefined) {
    throw new UsageError(`${one} and ${other} do not go together`, 'give one after the other');
  }
  if (image.length > 0) {
    const json = options.json === true;
    return Promise.resolve(doctorImage(imagesGiven(image, process.cwd), { json }, process));
  }
  if (run !== undefined) return recorded(run, options, process);
  return boot === true ? live(board, options, process) : lab(board, options, process);
}

async function lab(name: string | undefined, options: DoctorOptions, process: CliProcess): Promise<number> {
  const { env, cwd, signal, stdout, stdin } = process;
  const found = loadLabInParts({ lab: options.lab, cwd, env });
  if (options.switch === true && name === undefined) {
    throw new UsageError('--switch needs a board', 'name the board that may be switched');
  }
  const report = await examine({
    lab: found,
    boards: boardsOf(found, name),
    named: name,
    env,
    cwd,
    runs: path.resolve(cwd, options.runs),
    root: '/',
    now: () => new Date(),
    isAttended: 'isTTY' in stdin && stdin.isTTY === true && !env['CI'],
    switchPower: options.switch === true,
    signal,
    progress: progressOn(process),
  });
  stdout.write(
    options.json === true
      ? `${JSON.stringify(report, null, 2)}\n`
      : renderDoctor(report, { colour: wantsColour(stdout as { readonly isTTY?: boolean }, env) }),
  );
  return codeOf(report);
}

/** The one that is named, else all. One that a wrong lab file does not have may be there once that is corrected. */
function boardsOf(found: LabInParts, name: string | undefined): readonly BoardEntry[] {
  // A board that clashes with another is right by itself.
  const clashing = [...found.wrong.values()].flatMap(({ entry }) => (entry === undefined ? [] : [entry]));
  if (name === undefined) return [...found.boards.values(), ...clashing];
  const isUntold = found.topError !== undefined && !found.boards.has(name);
  if (!isUntold && !found.wrong.has(name)) return [boardOf(found, name)];
  return clashing.filter(entry => entry.name === name);
}

/** The running check, in one line that is erased again; nothing if nobody watches. */
function progressOn({ stderr, env }: CliProcess): (subject: string, check: string, isOver: boolean) => void {
  if (!('isTTY' in stderr && stderr.isTTY === true) || env['CI'] || env['TERM'] === 'dumb') return () => {};
  const running = new Set<string>();
  return (subject, check, isOver) => {
    if (isOver) running.delete(`${subject} ${check}`);
    else running.add(`${subject} ${check}`);
    stderr.write(`\r\x1b[K${[...running].join(', ').slice(0, 78)}`);
  };
}

function codeOf({ subjects }: DoctorReport): number {
  const problems = subjects.flatMap(({ findings }) => findings).filter(each => each.level === 'problem');
  if (problems.some(each => each.of === 'configuration')) return exitCode.usage;
  return problems.length > 0 ? exitCode.infrastructure : exitCode.met;
}

async function live(name: string | undefined, options: DoctorOptions, process: CliProcess): Promise<number> {
  if (name === undefined) throw new UsageError('--boot needs a board', 'name the board that may be started');
  const { env, signal, stdout, stderr } = process;
  const out = options.json === true ? stderr : stdout;
  const entry = boardOf(labOf(options, process, [name]), name);
  const mistake = bootMistake(entry);
  if (mistake !== undefined) throw mistake;
  await using board = await openBoard(entry, { env });
  await using guard = Guard.start();
  const followed = await followBoot(board, {
    reservation: { command: `scmi-hil doctor ${name} --boot`, guard },
    signal,
    told: step => out.write(renderReached(step, `${(step.t / 1000).toFixed(1).padStart(6)} s`)),
  });
  if (options.json === true) stdout.write(`${JSON.stringify(followed, null, 2)}\n`);
  else stdout.write(renderEnd(followed));
  const isWell = followed.stuck === null && followed.faults.length === 0;
  return isWell ? exitCode.met : exitCode.infrastructure;
}

async function recorded(directory: string, options: DoctorOptions, process: CliProcess): Promise<number> {
  const damage = new DamageSeen();
  const boot = new RecordedBoot(loadLabInParts({ lab: options.lab, cwd: process.cwd, env: process.env }));
  for await (const piece of eventsOfRun(path.resolve(process.cwd, directory), damage))
    for (const { event, line } of piece) boot.take(event, line);
  warnOfDamage(damage, process);
  const { reached, stuck, attempts } = boot.diagnosis();
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ reached, stuck, attempts }, null, 2)}\n`
      : reached.map(step => renderReached(step, `line ${String(step.place).padStart(5)}`)).join('') +
          renderEnd({ stuck, attempts }, place => `line ${place}`),
  );
  return stuck === null ? exitCode.met : exitCode.infrastructure;
}
