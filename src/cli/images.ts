/** `scmi-hil images`: what an emulated board runs, fetched, built and checked. */
import { Argument } from 'commander';
import { loadBoardType } from '../board/board-types.ts';
import { imageDirectory } from '../images/places.ts';
import { buildQemuVirt, checkQemuVirt, fetchQemuVirt, type ImageWork } from '../images/qemu-virt.ts';
import type { AddCommand, CliProcess } from './command.ts';
import { exitCode } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';

const actions = ['fetch', 'build', 'check'] as const;
type Action = (typeof actions)[number];

export const addImages: AddCommand = (program, process, done) => {
  const command = program
    .command('images')
    .description(
      'Gets what an emulated board runs: Debian packages for arm64 (nothing of the system changes), the EL3 ' +
        "firmware and Dom0's ramdisk, built with new SSH keys.",
    )
    .addArgument(
      new Argument('<action>', 'fetch gets and builds, build builds again from what was fetched').choices(
        actions,
      ),
    )
    .addArgument(new Argument('<type>', 'type of board').choices(['qemu-virt']))
    .action(async (action: Action, type: string) => {
      done(await images(action, type, process));
    });
  addHelpNotes(command, {
    examples: [
      ['images fetch qemu-virt', 'into ~/.cache/scmi-hil/qemu-virt (XDG_CACHE_HOME is followed)'],
      ['run hwdom-forwarding --board qemu-virt', 'then this boots it'],
      ['images build qemu-virt', 'after a change of the firmware'],
    ],
    exits: {
      met: 'done; or, for check, all images are as they were built',
      failed: 'check: there are none, or one has changed',
      usage: `${commonExits.usage}, or something must be installed first`,
      interrupted: commonExits.interrupted,
    },
  });
};

async function images(action: Action, type: string, process: CliProcess): Promise<number> {
  const directory = imageDirectory(type, process.env);
  if (action === 'check') return check(directory, type, process);
  const work: ImageWork = {
    directory,
    address: loadBoardType(type).emulator?.network.address ?? '',
    env: process.env,
    signal: process.signal,
    progress: progressOn(process.stderr),
  };
  if (action === 'fetch') await fetchQemuVirt(work);
  await buildQemuVirt(work);
  process.stdout.write(`${directory}\n`);
  return exitCode.met;
}

async function check(directory: string, type: string, { stdout }: CliProcess): Promise<number> {
  const wrong = await checkQemuVirt(directory);
  if (wrong.length === 0) {
    stdout.write(`${directory}: as built\n`);
    return exitCode.met;
  }
  stdout.write(`${wrong.join('\n')}\nwhat to do: scmi-hil images fetch ${type}\n`);
  return exitCode.failed;
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
