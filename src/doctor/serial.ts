/** A board's console, and each UART beside it: there, this user's, free, open, and somebody speaks. */
import { setTimeout as delay } from 'node:timers/promises';
import { openWires, type Wires } from '../lab/open.ts';
import type { LabSerial } from '../lab/lab-serial.ts';
import type { SerialDriver } from '../lab/drivers/serial/serial.ts';
import type { Check, Circumstances, PhysicalBoard } from './check.ts';
import { brokenLab, ok, type Said, warning } from './finding.ts';
import { deviceProblem, nameHint } from './serial-device.ts';

/** Milliseconds in which a board that is on may say something. */
const listening = 1500;
const opening = 10_000;

/** @param powerState what the switch says */
export function serialChecks(
  board: PhysicalBoard,
  circumstances: Pick<Circumstances, 'root'>,
  powerState: Promise<'on' | 'off' | 'unknown'>,
): Check[] {
  const { serial, uarts } = board.setup;
  const lines: readonly Line[] = [
    { field: 'serial', setup: serial, of: wires => wires.serial },
    ...Object.entries(uarts).map(([name, setup]) => ({
      field: `uarts.${name}`,
      setup,
      of: (wires: Wires) => wires.uarts?.get(name)?.serial ?? wires.serial,
    })),
  ];
  return lines.map(line => lineCheck(board, line, circumstances, powerState));
}

interface Line {
  /** In the board's entry of the lab file. */
  readonly field: string;
  readonly setup: LabSerial;
  readonly of: (wires: Wires) => SerialDriver;
}

function lineCheck(
  board: PhysicalBoard,
  { field, setup, of }: Line,
  { root }: Pick<Circumstances, 'root'>,
  powerState: Promise<'on' | 'off' | 'unknown'>,
): Check {
  return {
    name: field,
    deadline: opening + listening,
    look: async signal => {
      const device = setup.kind === 'device' ? setup : undefined;
      const isAway = device?.transient === true && (await powerState) !== 'on';
      const problem = device && (await deviceProblem(device.path, root));
      if (problem !== undefined) {
        return [
          isAway && problem.isAbsent ? ok(`${device?.path}: away, as its board is not on`) : problem.said,
        ];
      }
      const hints = device === undefined ? [] : await nameHint(device.path, root);
      await using wires = await openWires(board);
      const driver = of(wires);
      const heard = await listen(driver, signal);
      return [...heardWords(driver.name, heard, await powerState, { board: board.name, field }), ...hints];
    },
  };
}

interface Heard {
  readonly bytes: Uint8Array;
  readonly lost: Error | undefined;
}

/**
 * Opens a line and listens for a while; types nothing.
 * @throws DriverError where it cannot be opened
 */
async function listen(
  driver: SerialDriver,
  signal: AbortSignal,
  milliseconds: number = listening,
): Promise<Heard> {
  const pieces: Uint8Array[] = [];
  const gone = new AbortController();
  let lost: Error | undefined;
  const events = {
    data: (bytes: Uint8Array) => void pieces.push(Uint8Array.from(bytes)),
    lost: (error: Error) => {
      lost = error;
      gone.abort();
    },
  };
  await using _ = await driver.open(events, signal);
  await delay(milliseconds, undefined, { signal: AbortSignal.any([signal, gone.signal]) }).catch(
    () => undefined,
  );
  return { bytes: new Uint8Array(Buffer.concat(pieces)), lost };
}

/** Whether more of it than a torn letter is no text: the line runs at another speed. */
function isNoise(bytes: Uint8Array): boolean {
  const strange = bytes.filter(
    byte => byte >= 0x80 || (byte < 0x20 && ![7, 8, 9, 10, 13, 27].includes(byte)),
  );
  return bytes.length >= 16 && strange.length * 4 > bytes.length;
}

function heardWords(
  name: string,
  { bytes, lost }: Heard,
  power: 'on' | 'off' | 'unknown',
  { board, field }: { readonly board: string; readonly field: string },
): Said[] {
  if (lost !== undefined) {
    const hint = 'hint' in lost && typeof lost.hint === 'string' ? lost.hint : 'see what ended it';
    return [brokenLab(`${name}: opens, and is lost at once: ${lost.message}`, hint)];
  }
  if (isNoise(bytes)) {
    return [
      warning(
        `${name}: opens; what comes is no text`,
        `see boards.${board}.${field}.baudRate, ground and level`,
      ),
    ];
  }
  if (bytes.length > 0) return [ok(`${name}: opens, ${bytes.length} bytes came in ${listening / 1000} s`)];
  if (power === 'off') return [ok(`${name}: opens; silent, as the board is off`)];
  return [
    warning(
      `${name}: opens; nothing came in ${listening / 1000} s${power === 'on' ? ', and the board is on' : ''}`,
      `a board that waits says nothing; scmi-hil doctor ${board} --boot listens to a boot`,
    ),
  ];
}
