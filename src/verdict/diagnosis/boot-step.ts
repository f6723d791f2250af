/** The words in which the way of a board to Xen is told: its steps, and why it stands still before one. */
import type { BootSeen, Fetch, Sighting } from './boot-seen.ts';
import { eepromText } from '../console/vocabulary/eeprom.ts';
import { uBootText } from '../console/vocabulary/u-boot.ts';

/** The board that boots, as far as its lab and its type are known. */
export interface BootSubject {
  /** Its name in the lab file: the fields to change are named by it. */
  readonly board: string;
  /** A Raspberry Pi's, where that is its first boot loader. */
  readonly eeprom?: {
    /** The file that it starts. */
    readonly kernel: string;
    /** Names that it has to fetch, and such as it asks for though they need not be there. */
    readonly files: readonly string[];
    readonly probes: readonly string[];
  };
  /** The only boot loader, or what the EEPROM starts. */
  readonly uBoot?: {
    readonly autoboot: string;
    readonly prompt: string;
    /** Names that it is told to fetch; none where all is in memory when it starts. */
    readonly files: readonly string[];
  };
  /** Network of the board in the lab file; absent: no lab file knows the board. */
  readonly network?: {
    readonly address?: string;
    readonly server: string;
    readonly port: number;
    /** Directories of its requests, each with the slash after it. */
    readonly prefixes: readonly string[];
  };
}

/** A point on the way. */
export interface BootStep {
  readonly name: string;
  /** State when it is reached: `the link is up`. */
  readonly title: string;
  /** Evidence that it was reached. */
  readonly reached: (seen: BootSeen, subject: BootSubject) => Sighting | undefined;
  /** Why it may not be reached although the one before is: the first that applies; the last one always does. */
  readonly causes: readonly ((seen: BootSeen, subject: BootSubject) => Cause | undefined)[];
}

export interface Cause {
  /** In words, without the evidence. */
  readonly what: string;
  /** The line or request that shows it; absent: that nothing came is what shows it. */
  readonly evidence?: Sighting | undefined;
  /** Hint, in one line. */
  readonly hint: string;
}

/** A cause that the last matching line of the console shows. */
export function causeShownBy(pattern: RegExp, what: string, hint: string): BootStep['causes'][number] {
  return seen => {
    const evidence = seen.last(pattern);
    return evidence && { what, evidence, hint };
  };
}

/** A cause that a fault of the run shows, by how that begins. */
function causeOfFault(
  start: string,
  what: string,
  hint: (board: string) => string,
): BootStep['causes'][number] {
  return (seen, { board }) => {
    const evidence = seen.fault(start);
    return evidence && { what, evidence, hint: hint(board) };
  };
}

/** Requests from an address that is not the lab's for this board: perhaps this board's all the same. */
export function strangerAsks(seen: BootSeen, { board, network }: BootSubject): Cause | undefined {
  const evidence = seen.fetches.findLast(({ end }) => end === 'stranger');
  if (evidence === undefined || seen.fetches.some(({ end }) => end === 'done')) return undefined;
  const lab = network?.address === undefined ? '' : `, and the lab says ${network.address}`;
  return {
    what: `files are asked for from ${evidence.client}${lab}`,
    evidence,
    hint: `where that is this board, set boards.${board}.network.address: ${evidence.client}, or give it its address by DHCP (scmi-hil dhcp-config ${board})`,
  };
}

/** The transfer of a whole file; a console tells of it with its directory before it. */
export function gotFile(seen: BootSeen, file: string): Fetch | undefined {
  return seen.fetches.find(
    fetch => fetch.end === 'done' && (fetch.file === file || fetch.file.endsWith(`/${file}`)),
  );
}

/** A transfer that came to no end, or that the server gave up. */
export function stalled(seen: BootSeen): (Cause & { readonly file: string }) | undefined {
  const evidence = seen.fetches.findLast(({ end }) => end === 'under way' || end === 'broken');
  if (evidence === undefined) return undefined;
  const { file, bytes } = evidence;
  return { what: `the transfer of ${file} stopped after ${bytes} bytes`, evidence, hint: '', file };
}

/** Causes of a console without the first words of the boot loader. */
export const silentConsole: readonly BootStep['causes'][number][] = [
  seen =>
    seen.powerFailed && {
      what: 'the power switch failed',
      evidence: seen.powerFailed,
      hint: 'see power in the lab file; scmi-hil doctor checks the switch alone',
    },
  (seen, { board }) =>
    seen.isNoise
      ? {
          what: 'what comes on the console is no text',
          evidence: seen.lastLine,
          hint: `the speed is wrong: see boards.${board}.serial.baudRate; else ground and level of the wires`,
        }
      : undefined,
  (seen, { board }) =>
    seen.bytes === 0 && seen.elsewhere !== undefined
      ? {
          what: 'nothing came on the console, and another UART speaks',
          evidence: seen.elsewhere,
          hint: `if that is the boot loader, boards.${board}.serial and that port are exchanged in the lab file; else it is what ran last`,
        }
      : undefined,
];

/** Causes that there may be before any step. */
export const anywhere: readonly BootStep['causes'][number][] = [
  (seen, { board }) => {
    const evidence = seen.lineAway ?? seen.fault('read the console: ');
    return (
      evidence && {
        what: 'the serial line is gone',
        evidence,
        hint: `see the adapter of boards.${board}.serial: its plug, and whether it takes its supply from the board`,
      }
    );
  },
  causeOfFault(
    'the board behind this port is another',
    'another board is behind this port',
    board => `see boards.${board}.serial, and whose supply the switch turns`,
  ),
  seen => {
    const starts = [...seen.all(eepromText.banner), ...seen.all(uBootText.banner)];
    const again = starts.find(({ text }, index) => starts.slice(0, index).some(each => each.text === text));
    return (
      again && {
        what: 'the board started again by itself',
        evidence: again,
        hint: 'see its supply (a Raspberry Pi 5 wants 5 V and 5 A), its cable, and what else may reset it',
      }
    );
  },
  causeShownBy(
    eepromText.warmBoot,
    'the power switch did not cut the supply',
    'see that it feeds this board, and that HDMI, USB or the serial adapter do not',
  ),
];

/** `, and the switch says that it is on` */
export function powerWords(seen: BootSeen): string {
  return seen.powerConfirmed ? ', though the switch says that the power is on' : '';
}
