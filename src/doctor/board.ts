/** Checks of one board of the lab. */
import { claimsOf } from '../lab/claims.ts';
import { byKind } from '../lab/abilities.ts';
import type { BoardEntry } from '../lab/load-lab.ts';
import { openWires } from '../lab/open.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { holderOfBoard } from '../lab/holder.ts';
import { BoardHeldError, reserve } from '../lab/reservation.ts';
import type { Check, Circumstances, PhysicalBoard } from './check.ts';
import { dhcpCheck } from './dhcp.ts';
import { emulatedChecks } from './emulated.ts';
import { brokenLab, warning, ok } from './finding.ts';
import { hostCheck } from './host.ts';
import { imagesCheck } from './images.ts';
import { keyCheck } from './key.ts';
import { powerCheck, switchingCheck } from './power.ts';
import { serialChecks } from './serial.ts';
import { tftpCheck } from './tftp.ts';

export interface BoardOptions extends Circumstances {
  readonly switchPower: boolean;
}

export interface BoardChecks extends AsyncDisposable {
  readonly list: readonly Check[];
}

/** The board is reserved until they are disposed of; of one that somebody else has, no wire is touched. */
export function boardChecks(board: BoardEntry, options: BoardOptions): Promise<BoardChecks> {
  return byKind<BoardEntry['setup'], Promise<BoardChecks>>(board, {
    virtual: () => untaken([virtualCheck(board)]),
    emulated: setup => untaken(emulatedChecks(board, setup, options)),
    physical: setup => physicalChecks({ ...board, setup }, options),
  });
}

/** Checks of a board that nobody else can have. */
function untaken(list: readonly Check[]): Promise<BoardChecks> {
  return Promise.resolve({ list, [Symbol.asyncDispose]: nothing });
}

async function physicalChecks(real: PhysicalBoard, options: BoardOptions): Promise<BoardChecks> {
  const others = [
    tftpCheck(real),
    dhcpCheck(real, options),
    keyCheck(real, options),
    hostCheck(real),
    imagesCheck(real),
  ];
  const claims = await claimsOf(real);
  try {
    const reservation = await reserve(claims, holderOfBoard(real.name, `scmi-hil doctor ${real.name}`));
    const close = () => reservation.release();
    return { list: [...wireChecks(real, options), ...others], [Symbol.asyncDispose]: close };
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    return { list: [notReserved(error), ...others], [Symbol.asyncDispose]: nothing };
  }
}

/** Whether silence is right depends on the switch, which is asked once. */
function wireChecks(board: PhysicalBoard, options: BoardOptions): Check[] {
  if (options.switchPower) return [switchingCheck(board)];
  const power = powerCheck(board, options);
  return [power.check, ...serialChecks(board, options, power.state)];
}

function notReserved(error: DriverError): Check {
  const { message, hint } = error;
  const untouched = 'its console and its switch were not touched';
  return {
    name: 'wires',
    deadline: 20_000,
    look: async () => [
      error instanceof BoardHeldError
        ? warning(`somebody else has the board, so that ${untouched} (${message})`, hint)
        : brokenLab(`the board cannot be reserved, so that ${untouched} (${message})`, hint),
    ],
  };
}

function virtualCheck(board: BoardEntry): Check {
  return {
    name: 'board',
    deadline: 20_000,
    look: async () => {
      await using _ = await openWires(board);
      return [ok('virtual: made in this process for each run')];
    },
  };
}

const nothing = () => Promise.resolve();
