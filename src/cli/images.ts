/** `scmi-hil images`: what an emulated board runs, fetched, built and checked. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Argument } from 'commander';
import { ConfigurationError } from '../config/configuration-error.ts';
import { loadBoardType } from '../board/board-types.ts';
import { boardOf, emulatedBoards } from '../lab/load-lab.ts';
import { bootsShippedTree, cutDownTree, ownTreeHint } from '../lab/needed-images.ts';
import { imageDirectory } from '../lab/images/places.ts';
import { buildQemuVirt, checkQemuVirt, fetchQemuVirt, type ImageWork } from '../lab/images/qemu-virt.ts';
import { librariesIn, ramdiskWithTools, readToolstack } from '../lab/images/toolstack.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { imagesGiven, withImages } from './image-option.ts';
import { checkBoardImages, checkBoardLayout, imageTable, layoutTable } from './images-check.ts';
import { addLabOption, labOf, type LabOption } from './lab-option.ts';
import { repeated } from './repeated.ts';
import { scenarioOn } from './scenario-on.ts';
import { writeFile } from './write-file.ts';

const actions = ['fetch', 'build', 'check', 'ramdisk'] as const;
type Action = (typeof actions)[number];

interface ImagesOptions extends LabOption {
  readonly json?: boolean;
  readonly scenario?: string;
  readonly update?: boolean;
  readonly tools?: string;
  readonly base?: string;
  readonly out?: string;
  readonly image: readonly string[];
}

export const addImages: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('images'))
    .description(
      'Gets what an emulated board runs: Debian packages for arm64 (nothing of the system changes), the EL3 ' +
        "firmware and Dom0's ramdisk, built with new SSH keys. Checks the image files of any board of the lab.",
    )
    .addArgument(
      new Argument(
        '<action>',
        'fetch gets and builds, build builds again from what was fetched, ramdisk puts a toolstack into a ramdisk',
      ).choices(actions),
    )
    .addArgument(new Argument('[board]', 'qemu-virt; for check, any board of the lab; none for ramdisk'))
    .option('--update', 'fetch: ask Debian for newer packages, also where all are there')
    .option('--json', 'check: print JSON')
    .option('--scenario <name>', 'check: its device tree and domains in memory; else the board as it stands')
    .option(
      '--image <name=path>',
      "check: a file of your own in place of the board's (may be given several times); without a board, these alone",
      repeated,
      [],
    )
    .option('--tools <directory>', 'ramdisk: dist/install of a Xen tree after `make dist-tools`')
    .option('--base <file>', "ramdisk: Dom0's ramdisk; absent: the archive has the toolstack alone")
    .option('--out <file>', 'ramdisk: where to write it')
    .action(async (action: Action, board: string | undefined, options: ImagesOptions) => {
      done(await images(action, board, options, process));
    });
  addHelpNotes(command, {
    examples: [
      ['images fetch qemu-virt', 'into ~/.cache/scmi-hil/qemu-virt (XDG_CACHE_HOME is followed)'],
      ['run hwdom-forwarding --board qemu-virt', 'then this boots it'],
      [
        'images fetch qemu-virt --update',
        'newer packages; without it the network is asked for missing ones only',
      ],
      ['images build qemu-virt', 'after a change of the firmware'],
      [
        'images ramdisk --tools xen/dist/install --base initrd.gz --out dom0.gz',
        "Xen's tools of your own in the ramdisk of a physical board",
      ],
      ['images check rpi5-01', 'are the files of the lab what the board needs?'],
      ['images check --image xen=xen/xen --image tools=dist/install', 'may qemu-virt boot these?'],
      ['images check rpi5-01 --scenario dom0less-domain-runs', 'and does all of it fit into memory?'],
    ],
    exits: {
      met: 'done; or, for check, nothing speaks against the images',
      usage: `${commonExits.usage}, or something must be installed first; check: an image is wrong`,
      interrupted: commonExits.interrupted,
    },
  });
};

async function images(
  action: Action,
  board: string | undefined,
  options: ImagesOptions,
  process: CliProcess,
): Promise<number> {
  if (action === 'ramdisk') return ramdisk(options, process);
  if (options.image.length > 0) {
    if (action !== 'check') throw new UsageError(`images ${action} takes no --image`, 'it goes with check');
    if (board === undefined) return checkGiven(options, process);
  }
  if (board === undefined) throw new UsageError(`images ${action}: name a board`, 'for instance qemu-virt');
  if (action === 'check') return check(board, options, process);
  if (!emulatedBoards.includes(board)) {
    throw new ConfigurationError(
      `the images of ${board} cannot be fetched: they are its lab's own`,
      `where to get each: firmware/TYPE/images.yaml; then: scmi-hil images check ${board}`,
    );
  }
  const directory = imageDirectory(board, process.env);
  const work: ImageWork = {
    directory,
    address: loadBoardType(board).emulator?.network.address ?? '',
    env: process.env,
    signal: process.signal,
    progress: progressOn(process.stderr),
  };
  if (action === 'fetch') await fetchQemuVirt(work, options.update === true);
  await buildQemuVirt(work);
  process.stdout.write(`${directory}\n`);
  return exitCode.met;
}

function ramdisk({ tools, base, out }: ImagesOptions, { cwd, stdout, stderr }: CliProcess): number {
  if (tools === undefined || out === undefined) {
    throw new UsageError(
      'images ramdisk: --tools and --out are needed',
      'for instance: scmi-hil images ramdisk --tools xen/dist/install --base initrd.gz --out dom0.gz',
    );
  }
  const directory = path.resolve(cwd, tools);
  const missing: string[] = [];
  const below = base === undefined ? new Uint8Array() : readBase(path.resolve(cwd, base));
  const find = base === undefined ? undefined : librariesIn(below);
  const toolstack = readToolstack(directory, library => {
    if (find !== undefined) return find(library);
    missing.push(library);
    return 'present';
  });
  const file = path.resolve(cwd, out);
  const bytes = ramdiskWithTools(below, toolstack);
  writeFile(file, bytes);
  const version = toolstack.version === undefined ? '' : ` of Xen ${toolstack.version}`;
  stdout.write(`${file}: ${bytes.length} bytes, with the toolstack${version}\n`);
  if (missing.length > 0) stderr.write(`Dom0's own ramdisk must have: ${missing.join(', ')}\n`);
  return exitCode.met;
}

function readBase(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    throw new UsageError(`--base: cannot read ${file}: ${String(error)}`);
  }
}

/** The user's files alone, as an emulated board would boot them. */
async function checkGiven({ image, json }: ImagesOptions, process: CliProcess): Promise<number> {
  const given = imagesGiven(image, process.cwd);
  const [board = ''] = emulatedBoards;
  const emulated = { type: board, emulated: true, images: {} } as const;
  const entry = withImages({ name: board, type: loadBoardType(board), setup: emulated }, given);
  const checked = await checkBoardImages(entry, process, Object.keys(given));
  process.stdout.write(
    json === true ? `${JSON.stringify({ images: checked }, undefined, 2)}\n` : imageTable(checked),
  );
  return checked.every(({ problems }) => problems.length === 0) ? exitCode.met : exitCode.usage;
}

async function check(board: string, options: ImagesOptions, process: CliProcess): Promise<number> {
  const lab = labOf(options, process, [board]);
  const given = imagesGiven(options.image, process.cwd);
  const entry = withImages(boardOf(lab, board), given);
  const checked = await checkBoardImages(entry, process);
  const subject = {
    name: board,
    scenario: options.scenario,
    images: given,
    cwd: process.cwd,
    env: process.env,
  };
  // Where the tree is no tree, nothing of it can be laid out.
  const hasTree = checked.every(({ name, problems }) => name !== 'dtb' || problems.length === 0);
  const layout = hasTree
    ? await checkBoardLayout(scenarioOn(subject, lab), process)
    : { ranges: [], problems: [] };
  const changed = emulatedBoards.includes(board)
    ? await checkQemuVirt(imageDirectory(board, process.env))
    : [];
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ images: checked, ...layout, changed }, undefined, 2)}\n`);
  else {
    process.stdout.write(imageTable(checked) + layoutTable(layout));
    if (bootsShippedTree(entry))
      process.stdout.write(`no dtb: ${cutDownTree}\n  hint: ${ownTreeHint(board)}\n`);
    if (changed.length > 0) {
      process.stdout.write(`${changed.join('\n')}\n  what to do: scmi-hil images fetch ${board}\n`);
    }
  }
  const problems = [...checked.flatMap(each => each.problems), ...layout.problems];
  const isRight = changed.length === 0 && problems.length === 0;
  return isRight ? exitCode.met : exitCode.usage;
}

const barLength = 20;

/** A bar in place on a terminal, a line for each piece elsewhere. */
function progressOn(stream: NodeJS.WritableStream & { isTTY?: boolean }): ImageWork['progress'] {
  return (done, of, what) => {
    const filled = Math.round((done / of) * barLength);
    const bar = `[${'#'.repeat(filled)}${' '.repeat(barLength - filled)}] ${done}/${of} ${what}`;
    if (stream.isTTY !== true) stream.write(`${bar}\n`);
    else stream.write(`\r\u001b[K${bar}${done === of ? '\n' : ''}`);
  };
}
