/** Requests of the Raspberry Pi 5's EEPROM to the TFTP server, in its order. */
import type { EepromConfig } from './eeprom-config.ts';

export interface EepromRequest {
  readonly asksFor: Asked;
  /** Separator between the directory of the board and the name; the EEPROM doubles it. */
  readonly slashes: '/' | '//';
  /**
   * `whole`: a file without which it stops. `wanted`: one that it goes on without. `look`: ended with ERROR 0
   * after the first packet, to see whether the file is there.
   */
  readonly how: 'whole' | 'wanted' | 'look';
  /** Only where something is laid over the device tree: a line of config.txt says so, or the stepping of the SoC. */
  readonly ifOverlaid?: true;
  /** Where the request was seen in this place. */
  readonly source: string;
}

export type Asked =
  | 'config'
  | 'self-update'
  | 'kernel'
  | 'initramfs'
  | 'tree'
  | 'overlay-map'
  | 'stepping'
  | 'overlays'
  | 'command-line'
  | 'armstub';

const netboot = 'requests of a Pi 5 with EEPROM 2026-05-26, field report';
const issue687 = 'rpi-eeprom issue 687';
const uefi8 = 'NumberOneGit/rpi5-uefi issue 8, console of a Pi 5 of stepping D0';
const linux7319 = 'raspberrypi/linux issue 7319, console of a Pi 5 that boots from a card';

export const eepromRequests: readonly EepromRequest[] = [
  { asksFor: 'config', slashes: '/', how: 'whole', source: netboot },
  { asksFor: 'self-update', slashes: '/', how: 'look', source: netboot },
  { asksFor: 'config', slashes: '//', how: 'whole', source: netboot },
  { asksFor: 'config', slashes: '//', how: 'whole', source: netboot },
  { asksFor: 'kernel', slashes: '/', how: 'look', source: netboot },
  { asksFor: 'initramfs', slashes: '/', how: 'whole', source: linux7319 },
  { asksFor: 'tree', slashes: '/', how: 'whole', source: netboot },
  { asksFor: 'overlay-map', slashes: '//', how: 'wanted', ifOverlaid: true, source: issue687 },
  { asksFor: 'stepping', slashes: '//', how: 'wanted', source: uefi8 },
  { asksFor: 'config', slashes: '//', how: 'whole', ifOverlaid: true, source: issue687 },
  { asksFor: 'overlays', slashes: '//', how: 'wanted', source: issue687 },
  { asksFor: 'command-line', slashes: '//', how: 'wanted', source: netboot },
  { asksFor: 'armstub', slashes: '/', how: 'whole', source: netboot },
  { asksFor: 'kernel', slashes: '/', how: 'whole', source: netboot },
];

/** The stepping D0 needs the tree of the stepping C1 changed. */
const isD0 = (revision: string): boolean => revision.endsWith('1');

/**
 * Names in the directory of the board: none where there is no reason to ask, several overlays where config.txt has
 * several `dtoverlay=` lines.
 * @param revision the board's revision code
 */
export function namesOf(
  { asksFor, ifOverlaid }: EepromRequest,
  config: EepromConfig,
  revision: string,
): readonly string[] {
  if (ifOverlaid === true && !config.changesTree && !isD0(revision)) return [];
  switch (asksFor) {
    case 'config':
      return ['config.txt'];
    case 'self-update':
      return ['pieeprom.sig'];
    case 'kernel':
      return [config.kernel];
    case 'initramfs':
      return config.initramfs === undefined ? [] : [config.initramfs.file];
    case 'tree':
      return [config.tree];
    case 'overlay-map':
      return ['overlays/overlay_map.dtb'];
    case 'stepping':
      return isD0(revision) ? ['overlays/bcm2712d0.dtbo'] : [];
    case 'overlays':
      return config.overlays.map(name => `overlays/${name}.dtbo`);
    case 'command-line':
      return [config.commandLine];
    case 'armstub':
      return [config.armstub];
    default:
      return asksFor satisfies never;
  }
}
