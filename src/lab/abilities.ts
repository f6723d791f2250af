/** Abilities of a board of the lab, whether it is virtual, emulated or physical. */
import type { EmulatedBoardEntry, LabBoard, VirtualBoardEntry } from './lab.ts';
import { isEmulated, isVirtual } from './load-lab.ts';

export interface Abilities {
  /** It runs the software that a scenario asks for, with bugs and faults on purpose; else its own. */
  readonly runsAnySoftware: boolean;
  /** Its firmware has the faults that a scenario asks for. */
  readonly takesFirmwareFaults: boolean;
  /** It boots image files. */
  readonly bootsFiles: boolean;
  /** All that it boots is among its image files, so that these tell its build of Xen. */
  readonly bootsFilesAlone: boolean;
  /** Other processes can use it too; else it is made for each command. */
  readonly isShared: boolean;
  /** It is there when no command runs. */
  readonly outlivesCommands: boolean;
}

/** @param board its entry in the lab file, or what is right of it */
export function abilitiesOf({ setup }: { readonly setup: { readonly type: string } }): Abilities {
  const [virtual, emulated] = [isVirtual(setup), isEmulated(setup)];
  return {
    runsAnySoftware: virtual,
    takesFirmwareFaults: virtual || emulated,
    bootsFiles: !virtual,
    bootsFilesAlone: emulated,
    isShared: !virtual && !emulated,
    outlivesCommands: !virtual,
  };
}

/** Image files that the lab file names for a board; none for a board that boots no files. */
export function namedImages({
  setup,
}: {
  readonly setup: LabBoard | VirtualBoardEntry | EmulatedBoardEntry;
}): Readonly<Record<string, string>> {
  return 'images' in setup ? setup.images : {};
}

/** A meaning for each kind of board. */
interface Kinds<Physical, Result> {
  readonly virtual: () => Result;
  readonly emulated: (setup: EmulatedBoardEntry) => Result;
  readonly physical: (setup: Physical) => Result;
}

/** Takes the meaning for a board's kind, where its abilities are not enough: its setup differs. */
export function byKind<Setup extends { readonly type: string }, Result>(
  { setup }: { readonly setup: Setup },
  { virtual, emulated, physical }: Kinds<Exclude<Setup, VirtualBoardEntry | EmulatedBoardEntry>, Result>,
): Result {
  if (isVirtual(setup)) return virtual();
  if (isEmulated(setup)) return emulated(setup);
  return physical(setup as Exclude<Setup, VirtualBoardEntry | EmulatedBoardEntry>);
}
