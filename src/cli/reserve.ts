/** `scmi-hil reserve` and `scmi-hil release`: a board for a person, without a process that holds it. */
import { Option } from 'commander';
import { abilitiesOf } from '../lab/abilities.ts';
import { book, bookingsOf, endBooking } from '../lab/bookings.ts';
import { type Claim, claimsOf } from '../lab/claims.ts';
import { holderOfBoard } from '../lab/holder.ts';
import { wiredBoardOf } from '../lab/load-lab.ts';
import { reserve } from '../lab/reservation.ts';
import { waitForTurn } from '../lab/turn.ts';
import { durationOf } from './duration.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { addLabOption, labOf, type LabOption, warnOfWrong } from './lab-option.ts';

interface ReserveOptions extends LabOption {
  /** Milliseconds. */
  readonly for: number;
  /** Milliseconds. */
  readonly wait?: number;
}

export const addReserve: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('reserve <board>'))
    .description(
      'Keeps a board of the lab for this user: commands of other users are refused, or wait (run --wait). ' +
        'No process stays; reserving again sets another end.',
    )
    .addOption(
      new Option('--for <duration>', 'how long: 90m, 2h')
        .argParser(durationOf('--for'))
        .default(3_600_000, '1h'),
    )
    .option('--wait <duration>', 'wait for a board that others use', durationOf('--wait'))
    .action(async (name: string, options: ReserveOptions) => {
      const until = await reserveFor(name, await sharedClaims(name, options, process), options, process);
      process.stdout.write(`${name}: reserved until ${until}\n`);
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['reserve rpi5-01 --for 2h', 'nobody else uses it meanwhile'],
      ['reserve rpi5-01 --for 2h --wait 30m', 'as soon as the run that has it is over'],
    ],
    exits: {
      met: 'reserved',
      usage: commonExits.usage,
      infrastructure: 'somebody else has the board',
      interrupted: commonExits.interrupted,
    },
  });
};

export const addRelease: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('release <board>'))
    .description('Ends a reservation of this user, and puts a board back that failed its health check.')
    .action(async (name: string, options: LabOption) => {
      process.stdout.write(`${name}: ${await releaseAll(await sharedClaims(name, options, process))}\n`);
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [['release rpi5-01', 'for the others']],
    exits: {
      met: 'released, or nothing was to release',
      usage: commonExits.usage,
      infrastructure: 'the reservation is of another user',
    },
  });
};

/** @throws UsageError for a board that nobody shares */
async function sharedClaims(
  name: string,
  options: LabOption,
  process: CliProcess,
): Promise<readonly Claim[]> {
  const lab = labOf(options, process, [name]);
  const entry = wiredBoardOf(lab, name);
  warnOfWrong(lab, name, process);
  if (!abilitiesOf(entry).isShared) {
    throw new UsageError(`${name} is made for each run: nobody else can have it`, 'use it right away');
  }
  return claimsOf(entry);
}

/** @returns its end, ISO 8601 */
async function reserveFor(
  board: string,
  claims: readonly Claim[],
  { for: time, wait }: ReserveOptions,
  { signal, stderr }: CliProcess,
): Promise<string> {
  const holder = holderOfBoard(board, `scmi-hil reserve ${board}`);
  await using stack = new AsyncDisposableStack();
  if (wait !== undefined) {
    const waiting = (words: string) => void stderr.write(`waiting: ${words}\n`);
    const { place } = await waitForTurn([{ name: board, claims }], { holder, wait, signal, waiting });
    stack.use(place);
  }
  stack.use(await reserve(claims, holder));
  const before = (await bookingsOf(claims)).filter(
    ({ isOwn, outOfRotation }) => isOwn && outOfRotation === undefined,
  );
  const { until } = await book(board, claims, { until: Date.now() + time });
  await Promise.all(before.map(endBooking));
  return until ?? 'it is released';
}

async function releaseAll(claims: readonly Claim[]): Promise<string> {
  const bookings = await bookingsOf(claims);
  for (const booking of bookings) await endBooking(booking);
  if (bookings.length === 0) return 'it was not reserved';
  return bookings.some(({ outOfRotation }) => outOfRotation !== undefined) ? 'back in rotation' : 'released';
}
