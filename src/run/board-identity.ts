/** Whether the board behind the console is the one that the lab means, by what it says of itself before Xen. */
import { escaped } from '../config/text.ts';
import type { OpenBoard } from '../lab/open-board.ts';
import { otherModels } from '../board/other-models.ts';
import type { Sign } from '../verdict/console/sign.ts';

/**
 * Signs of another board. What is garbled is none: a model has to be one that is known, a serial number whole.
 */
export function otherBoardSigns({ type, network }: Pick<OpenBoard, 'type' | 'network'>): Sign[] {
  const { eeprom, uBoot } = type.boot;
  const serials = network.prefixes.flatMap(prefix => /^([0-9a-f]{8})\/$/i.exec(prefix)?.[1] ?? []);
  return [
    ...(eeprom !== undefined && serials.length > 0 ? [otherSerial(serials)] : []),
    ...(uBoot !== undefined && type.identity !== undefined ? [otherModel(otherModels(type))] : []),
  ];
}

const common = { name: 'other-board', kind: 'refusal' } as const;

function otherSerial(own: readonly string[]): Sign {
  return {
    ...common,
    talkers: ['eeprom'],
    pattern: new RegExp(
      String.raw`^BOOTMODE: .* serial (?!(?:${own.join('|')})\b)[0-9a-f]{8} boardrev `,
      'i',
    ),
    means: "the EEPROM's serial number is not the lab's",
    source: 'raspberrypi/rpi-eeprom, boot log',
  };
}

function otherModel(models: readonly string[]): Sign {
  return {
    ...common,
    talkers: ['u-boot'],
    pattern: new RegExp(`^Model: (?:${models.map(escaped).join('|')})$`),
    means: 'U-Boot runs on a board of another type',
    source: 'U-Boot common/board_info.c',
  };
}
