/** The boot of a recorded run. */
import type { BoardType } from '../board/board-type.ts';
import { loadBoardType, loadBoardTypeBooting } from '../board/board-types.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { byKind } from '../lab/abilities.ts';
import type { BoardEntry, LoadedLab } from '../lab/load-lab.ts';
import { prefixesOf } from '../lab/open.ts';
import type { RecordedEvent, RunHeader } from '../verdict/recording/event.ts';
import { bootSubjectOfType } from '../run/boot-subject.ts';
import { type BootDiagnosis, BootProgress, type BootSubject } from '../verdict/diagnosis/boot-progress.ts';

/** How far a board got in its last attempt, by a recording that is read event by event. */
export class RecordedBoot {
  readonly #lab: LoadedLab;
  #boot: BootProgress | undefined;

  /** @param lab whose board it may have been */
  constructor(lab: LoadedLab) {
    this.#lab = lab;
  }

  /** @param line of recording.jsonl; the first event is the header */
  take(event: RecordedEvent, line: number): void {
    const header = event.kind === 'run-started' ? event.data : undefined;
    this.#boot ??= new BootProgress(subjectOf(header, this.#lab));
    this.#boot.take(event, line);
  }

  /** Places are lines of recording.jsonl. */
  diagnosis(): BootDiagnosis {
    return (this.#boot ?? new BootProgress(subjectOf(undefined, this.#lab))).diagnosis();
  }
}

function subjectOf(header: RunHeader | undefined, lab: LoadedLab): BootSubject {
  const { board = 'BOARD', boardType = '', files = {} } = header ?? {};
  const names = Object.keys(files);
  const network = networkOf(lab.boards.get(board), boardType);
  return {
    ...bootSubjectOfType(board, bootOf(boardType, names), names),
    ...(network !== undefined && { network }),
  };
}

/** The recording names the type and the files; of several ways to boot, it was the one that has most of them. */
function bootOf(boardType: string, files: readonly string[]): Pick<BoardType['boot'], 'eeprom' | 'uBoot'> {
  const type = typeNamed(boardType);
  if (type === undefined) return likelyBoot(files);
  const boots = type.boots.map(name => loadBoardTypeBooting(boardType, name).boot);
  const fitting = boots.filter(boot => filesOf(boot).every(file => files.includes(file)));
  return fitting.toSorted((one, other) => filesOf(other).length - filesOf(one).length)[0] ?? type.boot;
}

function filesOf({ eeprom, uBoot }: Pick<BoardType['boot'], 'eeprom' | 'uBoot'>): readonly string[] {
  return [...Object.keys(eeprom?.files ?? {}), ...(uBoot?.load ?? []).map(({ file }) => file)];
}

/** @returns undefined where this version of the program does not know the type */
function typeNamed(name: string): BoardType | undefined {
  try {
    return loadBoardType(name);
  } catch (error) {
    if (error instanceof ConfigurationError) return undefined;
    throw error;
  }
}

/** By the files alone: `config.txt` is a Raspberry Pi's. */
function likelyBoot(files: readonly string[]): BoardType['boot'] {
  return loadBoardType(files.includes('config.txt') ? 'rpi5' : 'rcar-v4h-white-hawk').boot;
}

function networkOf(entry: BoardEntry | undefined, boardType: string): BootSubject['network'] {
  if (entry === undefined || entry.type.type !== boardType) return undefined;
  return byKind<BoardEntry['setup'], BootSubject['network']>(entry, {
    virtual: () => undefined,
    emulated: () => undefined,
    physical: setup => {
      const { address, server, tftpPort: port } = setup.network;
      return { address, server, port, prefixes: prefixesOf(setup) };
    },
  });
}
