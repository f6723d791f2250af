/** A board as the diagnosis of its boot has to know it: its boot loaders, their files, its network. */
import type { BoardType } from '../board/board-type.ts';
import type { OpenBoard } from '../lab/open-board.ts';
import type { BootSubject } from '../verdict/diagnosis/boot-progress.ts';

/** @param files names of all that the board is given for a run */
export function bootSubjectOf(
  { name, type, network, tftp }: Pick<OpenBoard, 'name' | 'type' | 'network' | 'tftp'>,
  files: Iterable<string>,
): BootSubject {
  const { address, server, prefixes } = network;
  return {
    ...bootSubjectOfType(name, type.boot, files),
    network: { ...(address !== undefined && { address }), server, port: tftp.port, prefixes },
  };
}

/** Subject from the board type alone: for a recording, whose board may stand in another lab. */
export function bootSubjectOfType(
  board: string,
  { eeprom, uBoot }: Pick<BoardType['boot'], 'eeprom' | 'uBoot'>,
  files: Iterable<string>,
): BootSubject {
  const ofEeprom = Object.keys(eeprom?.files ?? {});
  const loaded = new Set(uBoot?.load.map(({ file }) => file));
  const ofUBoot = [...files].filter(file => loaded.has(file) || !ofEeprom.includes(file));
  return {
    board,
    ...(eeprom && { eeprom: { kernel: eeprom.kernel, files: ofEeprom, probes: eeprom.probes } }),
    ...(uBoot && { uBoot: { autoboot: uBoot.autoboot, prompt: uBoot.prompt, files: ofUBoot } }),
  };
}
