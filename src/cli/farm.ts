/** `scmi-hil farm`: the places of a labgrid farm, and those that dead runs have left. */
import type { Command } from 'commander';
import { abandonedPlaces } from '../lab/acquire-place.ts';
import { Coordinator, coordinatorAddress } from '../lab/drivers/labgrid/coordinator.ts';
import { userName } from '../lab/holder.ts';
import { printableLine } from '../verdict/report/printable.ts';
import { type AddCommand, type CliProcess, exitCode } from './command.ts';
import { addFarmMetrics } from './farm-metrics.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { table } from './table.ts';

interface FarmOptions {
  readonly coordinator?: string;
  readonly json?: boolean;
}

const exits = {
  met: 'listed, or released',
  usage: commonExits.usage,
  infrastructure: 'the coordinator cannot be reached',
  interrupted: commonExits.interrupted,
};

const withCoordinator = (command: Command) =>
  command.option('--coordinator <host:port>', 'else LG_COORDINATOR, else 127.0.0.1:20408');

export const addFarm: AddCommand = (program, process, done) => {
  const farm = withCoordinator(program.command('farm'))
    .description(
      "Lists the places of a labgrid farm: their tags, and who has them. A lab file's board is one of them by `labgrid: { place: NAME }`.",
    )
    .option('--json', 'print JSON')
    .action(async (options: FarmOptions) => {
      await list(options, process);
      done(exitCode.met);
    });
  addHelpNotes(farm, {
    examples: [
      ['farm --coordinator farm.example:20408', 'all places'],
      ['farm release', 'give back what killed runs of yours on this machine have left'],
    ],
    exits,
  });
  const release = withCoordinator(farm.command('release'))
    .description(
      'Gives back the places that runs of this user on this machine have left: their processes are gone.',
    )
    .action(async () => {
      await releaseAll(release.optsWithGlobals<FarmOptions>(), process);
      done(exitCode.met);
    });
  addFarmMetrics(farm, process, done);
  addHelpNotes(release, { examples: [['farm release', 'after a machine was reset in a run']], exits });
};

function sessionFor({ coordinator }: FarmOptions, { env, signal }: CliProcess): Promise<Coordinator> {
  const address = coordinatorAddress(coordinator ?? env['LG_COORDINATOR']);
  return Coordinator.open({ address, name: `scmi-hil/${env['LG_USERNAME'] || userName()}`, signal });
}

async function list(options: FarmOptions, process: CliProcess): Promise<void> {
  await using session = await sessionFor(options, process);
  const abandoned = new Set(await abandonedPlaces(session, process.env));
  const places = [...session.places.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
  if (options.json === true) {
    const all = places.map(place => ({
      ...place,
      acquired: place.acquired ?? null,
      abandoned: abandoned.has(place),
    }));
    process.stdout.write(`${JSON.stringify({ schema: 1, places: all }, null, 2)}\n`);
    return;
  }
  const rows = places.map(place => [
    printableLine(place.name),
    printableLine(
      Object.entries(place.tags)
        .map(([tag, value]) => `${tag}=${value}`)
        .join(' '),
    ) || '-',
    place.acquired === undefined
      ? 'free'
      : `${printableLine(place.acquired)}${abandoned.has(place) ? ' (its run is gone)' : ''}`,
  ]);
  process.stdout.write(table(['PLACE', 'TAGS', 'ACQUIRED BY'], rows));
}

async function releaseAll(options: FarmOptions, process: CliProcess): Promise<void> {
  await using session = await sessionFor(options, process);
  const places = await abandonedPlaces(session, process.env);
  for (const { name, acquired = '' } of places) {
    await session.release(name, acquired);
    process.stdout.write(`${printableLine(name)}: released\n`);
  }
  if (places.length === 0) process.stdout.write('no place was left by a run that is gone\n');
}
