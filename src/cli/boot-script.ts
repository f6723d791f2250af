/** `scmi-hil boot-script`: what U-Boot does to boot a board, for a board that boots without a run. */
import { abilitiesOf } from '../lab/abilities.ts';
import path from 'node:path';
import type { BoardEntry } from '../lab/load-lab.ts';
import { requireImages } from '../lab/needed-images.ts';
import { openBoard } from '../lab/open.ts';
import { plannedBoard } from '../lab/planned-board.ts';
import { uBootScript } from '../lab/images/u-boot-script.ts';
import { type Deployment, prepareDeployment } from '../run/deploy/deployment.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { imagesGiven } from './image-option.ts';
import { addLabOption, labOf, type LabOption } from './lab-option.ts';
import { repeated } from './repeated.ts';
import { scenarioOn } from './scenario-on.ts';
import { writeFile } from './write-file.ts';

interface ScriptOptions extends LabOption {
  readonly image: readonly string[];
  readonly write?: string;
}

export const addBootScript: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('boot-script'))
    .description(
      "Prints the commands with which U-Boot boots a board: its network, the files with their places, the modules' " +
        'sizes in the device tree, the start of Xen. They are those that a run types.',
    )
    .argument('<board>', 'name of the board')
    .argument('[scenario]', 'whose device tree and dom0less domains; without it, the board as it stands')
    .option('--image <name=path>', "a file of your own in place of the lab's", repeated, [])
    .option('--write <dir>', 'write boot.cmd, boot.scr (for `source`) and the files that are made for it')
    .action(async (board: string, scenario: string | undefined, options: ScriptOptions) => {
      await bootScript(board, scenario, options, process);
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['boot-script v4h-01', 'to read, or to paste at the prompt'],
      [
        'boot-script v4h-01 dom0less-domain-runs --write /srv/tftp',
        'then at U-Boot: tftpboot 0x60000000 boot.scr; source 0x60000000',
      ],
    ],
    exits: { met: 'printed or written', usage: `${commonExits.usage}, or two files overlap in memory` },
  });
};

async function bootScript(
  name: string,
  scenario: string | undefined,
  options: ScriptOptions,
  process: CliProcess,
): Promise<void> {
  const images = imagesGiven(options.image, process.cwd);
  const { board, fitted } = scenarioOn(
    { name, scenario, images, cwd: process.cwd, env: process.env },
    labOf(options, process, [name]),
  );
  const { type } = board;
  if (type.boot.uBoot === undefined) {
    throw new UsageError(
      `${name} boots by ${type.boot.name}, without U-Boot`,
      `ways to boot a ${type.type}: ${type.boots.join(', ')} (boot: NAME in the lab file)`,
    );
  }
  const { bootScript: script = '', files } = await deploymentOf(board, fitted, process);
  if (options.write === undefined) process.stdout.write(script);
  else process.stdout.write(written(path.resolve(process.cwd, options.write), script, files));
}

/** A virtual board has its files once it is open. */
async function deploymentOf(board: BoardEntry, scenario: Scenario, { env }: CliProcess): Promise<Deployment> {
  requireImages(board);
  if (abilitiesOf(board).bootsFiles) return prepareDeployment(plannedBoard(board, env), scenario);
  await using opened = await openBoard(board, { env });
  return await prepareDeployment(opened, scenario);
}

/**
 * Writes what no file of the lab is.
 * @returns what is there now, and which files of the lab are to be put beside
 */
function written(directory: string, script: string, files: Deployment['files']): string {
  const made = new Map<string, string | Uint8Array>([
    ...files,
    ['boot.cmd', new TextEncoder().encode(script)],
    ['boot.scr', uBootScript(script, 'scmi-hil')],
  ]);
  const lines: string[] = [];
  for (const [file, content] of made) {
    const into = path.join(directory, file);
    if (typeof content !== 'string') writeFile(into, content);
    lines.push(typeof content === 'string' ? `put ${content} there as ${file}` : into);
  }
  return `${lines.join('\n')}\n`;
}
