/** A board that boots something else in place of Xen: its deployment is the same, but for what only Xen looks at. */
import type { BoardType, Eeprom } from '../../board/board-type.ts';
import type { PlannedBoard } from '../../lab/planned-board.ts';
import { imageOf } from './deployed-file.ts';

/**
 * The payload's image under the name by which the boot loader starts Xen, and no boot modules.
 * @throws ConfigurationError where the lab names no file for it
 */
export function bootingPayload(board: PlannedBoard, payload: string): PlannedBoard {
  return {
    ...board,
    type: { ...board.type, boot: withoutModules(board.type.boot) },
    images: new Map([...board.images, ['xen', imageOf(board, payload)]]),
  };
}

function withoutModules({ eeprom, uBoot, ...boot }: BoardType['boot']): BoardType['boot'] {
  return {
    ...boot,
    ...(eeprom !== undefined && { eeprom: eepromWithoutModules(eeprom) }),
    ...(uBoot !== undefined && {
      uBoot: { ...uBoot, load: uBoot.load.filter(({ module }) => module === undefined) },
    }),
  };
}

/** A row of modules alone is not asked for either. */
function eepromWithoutModules(eeprom: Eeprom): Eeprom {
  const rows = eeprom.rows.map(row => ({
    ...row,
    parts: row.parts.filter(({ module }) => module === undefined),
  }));
  const gone = new Set(rows.filter(({ parts }) => parts.length === 0).map(({ file }) => file));
  const files = Object.entries(eeprom.files);
  const unasked = new Set(files.filter(([, file]) => gone.has(file)).map(([asked]) => asked));
  return {
    ...eeprom,
    rows: rows.filter(({ file }) => !gone.has(file)),
    files: Object.fromEntries(files.filter(([, file]) => !gone.has(file))),
    config: eeprom.config
      .split('\n')
      .filter(line => !unasked.has(/^initramfs (\S+)/.exec(line)?.[1] ?? ''))
      .join('\n'),
  };
}
