/** The one table of what each program says by which a boot is followed, and of what it says when it is in trouble. */
import type { Sign } from './sign.ts';
import { eepromSigns } from './vocabulary/eeprom.ts';
import { kernelRestarts, linuxSigns } from './vocabulary/linux.ts';
import { probeSigns } from './vocabulary/probe.ts';
import { tfaSigns } from './vocabulary/tf-a.ts';
import { uBootSigns } from './vocabulary/u-boot.ts';
import { xenSigns } from './vocabulary/xen.ts';
import { zephyrSigns } from './vocabulary/zephyr.ts';

/** Ranks of the talkers: how far the boot has got, at least, when one of them speaks. */
export const talkerRank = { unknown: -1, eeprom: 0, 'tf-a': 0.5, 'u-boot': 0.5, xen: 7, linux: 9 } as const;

/** Watched for always, on every console. */
export const signs: readonly Sign[] = [
  ...eepromSigns,
  ...tfaSigns,
  ...uBootSigns,
  ...probeSigns,
  ...xenSigns,
  ...linuxSigns,
  ...zephyrSigns,
];

/** The trouble that this sign reports, if any: it is never part of a good boot. */
export function troubleOf(name: string, text: string): Sign | undefined {
  if (name === kernelRestarts.name) return kernelRestarts;
  return troubles.find(sign => sign.name === name && sign.pattern.test(text));
}

/**
 * The same of a line by what it says, in a log of one talker.
 * @param kinds of signs that the log can show
 */
export function troubleIn(
  talker: 'xen' | 'linux',
  text: string,
  kinds: readonly Sign['kind'][],
): Sign | undefined {
  return troubles.find(
    ({ kind, talkers, pattern }) =>
      kinds.includes(kind) && talkers?.includes(talker) === true && pattern.test(text),
  );
}

const troubles = signs.filter(({ kind }) => kind === 'trouble' || kind === 'fatal' || kind === 'restart');
