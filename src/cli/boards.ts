/** `scmi-hil boards`: what stands in the lab. */
import type { BoardType } from '../board/board-type.ts';
import { abilitiesOf, byKind } from '../lab/abilities.ts';
import { claimsOf } from '../lab/claims.ts';
import { type BoardEntry, boardOf, loadLab, requireNoMistake } from '../lab/load-lab.ts';
import { missingImages } from '../lab/needed-images.ts';
import { shownPower } from '../lab/lab-power.ts';
import { shownSerial } from '../lab/lab-serial.ts';
import { serialOf, uartOf } from '../lab/open-serial.ts';
import { type Booking, bookingsOf } from '../lab/bookings.ts';
import type { Holder } from '../lab/holder.ts';
import { queueOf } from '../lab/queue.ts';
import { bookedWords, holderOf, holderWords } from '../lab/reservation.ts';
import { type AddCommand, type CliProcess, exitCode } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { addLabOption, labOf, type LabOption } from './lab-option.ts';
import { fields, table } from './table.ts';

interface BoardsOptions extends LabOption {
  readonly json?: boolean;
}

const exits = { met: 'listed', usage: commonExits.usage };

export const addBoards: AddCommand = (program, process, done) => {
  const boards = addLabOption(program.command('boards'))
    .description(
      'Lists the boards of the lab: type, console and power of each, who holds it, who waits, who has reserved it.',
    )
    .option('--json', 'print JSON')
    .action(async (options: BoardsOptions) => {
      await list(options, process);
      done(exitCode.met);
    });
  addHelpNotes(boards, {
    examples: [
      ['boards', 'the boards of ./lab.yaml, or the virtual ones'],
      ['boards show virtual-rpi5', 'everything about one'],
    ],
    exits,
  });
  const show = addLabOption(boards.command('show <board>'))
    .description('Shows one board: its type, agents, wires, images and what a person should know.')
    .option('--json', 'print JSON')
    .action((name: string) => {
      showBoard(name, show.optsWithGlobals<BoardsOptions>(), process);
      done(exitCode.met);
    });
  addHelpNotes(show, { examples: [['boards show virtual-v4h --json', 'for a script']], exits });
};

async function list(options: BoardsOptions, process: CliProcess): Promise<void> {
  const lab = loadLab({ lab: options.lab, cwd: process.cwd, env: process.env });
  if (lab.boards.size === 0) requireNoMistake(lab);
  const right = await Promise.all(
    [...lab.boards.values()].map(async entry => {
      const error = missingImages(entry)?.message ?? null;
      return { ...summary(entry), ...(await useOf(entry)), error };
    }),
  );
  const wrong = [...lab.wrong].map(([name, { error }]) => ({ ...unknown, name, error: error.message }));
  const boards = [...right, ...wrong];
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ lab: lab.name, file: lab.file, boards }, null, 2)}\n`);
    return;
  }
  const rows = boards.map(({ name, type, console, power, title, error, ...use }) => [
    name,
    type ?? '-',
    console ?? '-',
    power ?? '-',
    useWords(use),
    error === null ? (title ?? '') : `wrong: ${error}`,
  ]);
  process.stdout.write(table(['BOARD', 'TYPE', 'CONSOLE', 'POWER', 'HELD BY', ''], rows));
  const details = boards.flatMap(({ name, ...use }) => useDetails(use).map(detail => `${name}: ${detail}\n`));
  if (details.length > 0) process.stdout.write(`\n${details.join('')}`);
}

/** The use of a board by processes and people. */
interface Use {
  readonly heldBy: Holder | null;
  /** In the order in which they get it. */
  readonly waiting: readonly Holder[];
  readonly reserved: BookingShown | null;
  readonly outOfRotation: (BookingShown & { readonly why: string }) | null;
}

type BookingShown = Pick<Booking, 'user' | 'host' | 'since' | 'until'>;

const unused: Use = { heldBy: null, waiting: [], reserved: null, outOfRotation: null };

/** Facts about a board whose entry is wrong. */
const unknown = { type: null, title: null, virtual: null, console: null, power: null, ...unused };

export async function useOf(entry: BoardEntry): Promise<Use> {
  const claims = await claimsOf(entry);
  const [holder, queue, bookings] = [await holderOf(claims), await queueOf(claims), await bookingsOf(claims)];
  // Between two of its runs, a command has the board by its place at the head of the queue.
  const heldBy = holder ?? queue[0] ?? null;
  const reserved = bookings.find(({ outOfRotation }) => outOfRotation === undefined);
  const out = bookings.find(({ outOfRotation }) => outOfRotation !== undefined);
  return {
    heldBy,
    waiting: queue.filter(({ pid }) => pid !== heldBy?.pid),
    reserved: reserved === undefined ? null : shown(reserved),
    outOfRotation: out === undefined ? null : { ...shown(out), why: out.outOfRotation ?? '' },
  };
}

function shown({ user, host, since, until }: Booking): BookingShown {
  return { user, host, since, until };
}

function useWords({ heldBy, waiting, reserved, outOfRotation }: Use): string {
  const words = [
    ...(outOfRotation === null ? [] : ['out of rotation']),
    ...(heldBy === null ? [] : [`${heldBy.user}@${heldBy.host}, process ${heldBy.pid}`]),
    ...(reserved === null ? [] : [`reserved by ${reserved.user}@${reserved.host}`]),
    ...(waiting.length === 0 ? [] : [`${waiting.length} waiting`]),
  ];
  return words.length === 0 ? '-' : words.join('; ');
}

function useDetails({ heldBy, waiting, reserved, outOfRotation }: Use): string[] {
  return [
    ...(outOfRotation === null
      ? []
      : [`out of rotation since ${outOfRotation.since} by ${outOfRotation.user}: ${outOfRotation.why}`]),
    ...(reserved === null ? [] : [bookedWords(reserved)]),
    ...(heldBy === null ? [] : [`held by ${holderWords(heldBy)}`]),
    ...waiting.map((waiter, index) => `${index + 1}. waits: ${holderWords(waiter)}`),
  ];
}

function showBoard(name: string, options: BoardsOptions, process: CliProcess): void {
  const entry = boardOf(labOf(options, process, [name]), name);
  const { type } = entry;
  if (options.json === true) {
    process.stdout.write(
      `${JSON.stringify({ ...summary(entry), setup: shownSetup(entry), boardType: type }, null, 2)}\n`,
    );
    return;
  }
  const { console, power } = summary(entry);
  const agents = `Xen ${type.agents.xen}, Dom0 ${type.agents.dom0}, guests ${type.agents.guests.join(', ')}`;
  process.stdout.write(
    fields([
      ['board', name],
      ['type', `${type.type} (${type.title}, ${type.soc})`],
      ['console', console],
      ['power', power],
      ...wiresOf(entry),
      ['boot', bootInWords(type)],
      ['firmware', type.firmware],
      ['agents', agents],
      ['xen', `${type.xen.mediator}, debug=${type.xen.debug ? 'y' : 'n'}`],
      ['linux', type.linux],
      ...(type.notes.length === 0 ? [] : [['notes', type.notes.join('\n')] as const]),
    ]),
  );
}

type Row = readonly [name: string, value: string];

function wiresOf(entry: BoardEntry): readonly Row[] {
  return byKind<BoardEntry['setup'], readonly Row[]>(entry, {
    virtual: () => [],
    emulated: () => [],
    physical: ({ uarts, network, images }) => [
      ...Object.entries(uarts).map(([uart, line]): Row => {
        const { serial, talkers } = uartOf(uart, line, entry.type);
        return [`UART ${uart}`, `${serial.name} (${talkers.join(', ') || 'recorded only'})`];
      }),
      ['network', `${network.address}, served from ${network.server}:${network.tftpPort}`],
      [
        'images',
        Object.entries(images)
          .map(([image, file]) => `${image}: ${file}`)
          .join('\n'),
      ],
    ],
  });
}

function bootInWords({ boot, boots }: BoardType): string {
  const others = boots.filter(name => name !== boot.name);
  return others.length === 0 ? boot.name : `${boot.name} (there is also ${others.join(', ')})`;
}

/** Without the parts of requests and commands in which secrets may stand. */
function shownSetup(entry: BoardEntry): BoardEntry['setup'] {
  return byKind<BoardEntry['setup'], BoardEntry['setup']>(entry, {
    virtual: () => entry.setup,
    emulated: setup => setup,
    physical: setup => ({
      ...setup,
      serial: shownSerial(setup.serial),
      uarts: Object.fromEntries(Object.entries(setup.uarts).map(([name, line]) => [name, shownSerial(line)])),
      power: shownPower(setup.power),
    }),
  });
}

function summary(entry: BoardEntry) {
  const { name, type } = entry;
  const wires = byKind<BoardEntry['setup'], { console: string; power: string }>(entry, {
    virtual: () => ({ console: 'virtual', power: 'virtual' }),
    emulated: () => ({ console: 'QEMU', power: 'QEMU' }),
    physical: ({ serial, power }) => ({
      console: serialOf(serial, type.console.baudRate).name,
      power: power.kind,
    }),
  });
  return { name, type: type.type, title: type.title, virtual: abilitiesOf(entry).runsAnySoftware, ...wires };
}
