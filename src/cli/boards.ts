/** `scmi-hil boards`: what stands in the lab. */
import type { BoardType } from '../board/board-type.ts';
import { claimsOf } from '../lab/claims.ts';
import {
  type BoardEntry,
  boardOf,
  isEmulated,
  isVirtual,
  loadLab,
  requireNoMistake,
} from '../lab/load-lab.ts';
import { missingImages } from '../lab/needed-images.ts';
import { shownPower } from '../lab/lab-power.ts';
import { shownSerial } from '../lab/lab-serial.ts';
import { serialOf, uartOf } from '../lab/open-serial.ts';
import { holderOf } from '../lab/reservation.ts';
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
    .description('Lists the boards of the lab: type, console and power of each, and who holds it.')
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
      const holder = await holderOf(await claimsOf(entry));
      const error = missingImages(entry)?.message ?? null;
      return { ...summary(entry), heldBy: holder ?? null, error };
    }),
  );
  const wrong = [...lab.wrong].map(([name, { error }]) => ({ ...unknown, name, error: error.message }));
  const boards = [...right, ...wrong];
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ lab: lab.name, file: lab.file, boards }, null, 2)}\n`);
    return;
  }
  const rows = boards.map(({ name, type, console, power, title, heldBy, error }) => {
    const held = heldBy === null ? '-' : `${heldBy.user}@${heldBy.host}, process ${heldBy.pid}`;
    return [
      name,
      type ?? '-',
      console ?? '-',
      power ?? '-',
      held,
      error === null ? (title ?? '') : `wrong: ${error}`,
    ];
  });
  process.stdout.write(table(['BOARD', 'TYPE', 'CONSOLE', 'POWER', 'HELD BY', ''], rows));
}

/** Facts about a board whose entry is wrong. */
const unknown = { type: null, title: null, virtual: null, console: null, power: null, heldBy: null };

function showBoard(name: string, options: BoardsOptions, process: CliProcess): void {
  const entry = boardOf(labOf(options, process, [name]), name);
  const { type, setup } = entry;
  if (options.json === true) {
    process.stdout.write(
      `${JSON.stringify({ ...summary(entry), setup: shownSetup(setup), boardType: type }, null, 2)}\n`,
    );
    return;
  }
  const { console, power } = summary(entry);
  const agents = `Xen ${type.agents.xen}, Dom0 ${type.agents.dom0}, guests ${type.agents.guests.join(', ')}`;
  const wires =
    isVirtual(setup) || isEmulated(setup)
      ? []
      : ([
          ...Object.entries(setup.uarts).map(([uart, line]) => {
            const { serial, talkers } = uartOf(uart, line, type);
            const who = talkers.length === 0 ? 'recorded only' : talkers.join(', ');
            return [`UART ${uart}`, `${serial.name} (${who})`] as const;
          }),
          [
            'network',
            `${setup.network.address}, served from ${setup.network.server}:${setup.network.tftpPort}`,
          ],
          [
            'images',
            Object.entries(setup.images)
              .map(([image, file]) => `${image}: ${file}`)
              .join('\n'),
          ],
        ] as const);
  process.stdout.write(
    fields([
      ['board', name],
      ['type', `${type.type} (${type.title}, ${type.soc})`],
      ['console', console],
      ['power', power],
      ...wires,
      ['boot', bootInWords(type)],
      ['firmware', type.firmware],
      ['agents', agents],
      ['xen', `${type.xen.mediator}, debug=${type.xen.debug ? 'y' : 'n'}`],
      ['linux', type.linux],
      ...(type.notes.length === 0 ? [] : [['notes', type.notes.join('\n')] as const]),
    ]),
  );
}

function bootInWords({ boot, boots }: BoardType): string {
  const others = boots.filter(name => name !== boot.name);
  return others.length === 0 ? boot.name : `${boot.name} (there is also ${others.join(', ')})`;
}

/** Without the parts of requests and commands in which secrets may stand. */
function shownSetup(setup: BoardEntry['setup']): BoardEntry['setup'] {
  if (isVirtual(setup) || isEmulated(setup)) return setup;
  const { serial, uarts, power } = setup;
  return {
    ...setup,
    serial: shownSerial(serial),
    uarts: Object.fromEntries(Object.entries(uarts).map(([name, line]) => [name, shownSerial(line)])),
    power: shownPower(power),
  };
}

function summary({ name, type, setup }: BoardEntry) {
  const common = { name, type: type.type, title: type.title };
  if (isVirtual(setup)) return { ...common, virtual: true, console: 'virtual', power: 'virtual' };
  if (isEmulated(setup)) return { ...common, virtual: false, console: 'QEMU', power: 'QEMU' };
  const { name: console } = serialOf(setup.serial, type.console.baudRate);
  return { ...common, virtual: false, console, power: setup.power.kind };
}
