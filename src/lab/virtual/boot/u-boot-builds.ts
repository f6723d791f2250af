/** U-Boot as it was built for the boards that there are virtual ones of. */
import type { BoardType } from '../../../board/board-type.ts';
import type { UBootBuild } from './u-boot.ts';

/** Lines of U-Boot's secondary program loader, on boards whose type has one. */
export function secondaryLoader({ title, boot }: BoardType): readonly string[] {
  if (!boot.banners.some(banner => banner.startsWith('U-Boot SPL'))) return [];
  return [`U-Boot SPL 2025.07 (virtual ${title})`, 'Trying to boot from SPI'];
}

/**
 * In flash, with its Ethernet (U-Boot configs/r8a779g0_whitehawk_defconfig, doc/board/renesas/rcar-gen4-sparrow-hawk).
 */
export function rcarV4h({ title, identity }: BoardType): UBootBuild {
  return {
    banner: `U-Boot 2025.07 (virtual ${title})`,
    start: [
      `CPU:   ${identity?.cpu}`,
      `Model: ${identity?.models[0]}`,
      'DRAM:  1.9 GiB (total 15.9 GiB)',
      'MMC:   mmc@ee140000: 0',
      'Loading Environment from MMC... OK',
      'In:    serial@e6540000',
      'Out:   serial@e6540000',
      'Err:   serial@e6540000',
      'Net:   eth0: ethernet@e6800000',
    ],
    prompt: '=> ',
    ethernet: 'ethernet@e6800000',
    environment: [
      ['baudrate', '921600'],
      ['bootargs', 'ignore_loglevel rw root=/dev/nfs ip=on'],
    ],
  };
}

/**
 * Started by the EEPROM (U-Boot configs/rpi_arm64_defconfig).
 * @param hasEthernet as xen-troops' does, through the RP1; upstream's has none
 * @param tree address of the device tree that the EEPROM passed
 */
export function raspberryPi(hasEthernet: boolean, tree: number): UBootBuild {
  return {
    banner: `U-Boot 2024.04 (virtual Raspberry Pi 5${hasEthernet ? '' : ', upstream'})`,
    start: [
      'DRAM:  1020 MiB (effective 4 GiB)',
      'RPI 5 Model B (0xd04170)',
      'Core:  26 devices, 13 uclasses, devicetree: board',
      'MMC:   mmc@fff000: 0, mmc@1100000: 1',
      'Loading Environment from FAT... Unable to read "uboot.env" from mmc0:1...',
      'In:    serial,usbkbd',
      'Out:   serial,vidconsole',
      'Err:   serial,vidconsole',
      ...(hasEthernet
        ? ['PCIe BRCM: link up, 5.0 Gbps x4 (!SSC)', 'Net:   eth0: ethernet@100000']
        : ['Net:   No ethernet found.']),
    ],
    prompt: 'U-Boot> ',
    ...(hasEthernet && { ethernet: 'ethernet@100000' }),
    environment: [
      ['fdt_addr', tree.toString(16)],
      ['bootargs', 'console=ttyAMA10,115200 root=/dev/mmcblk0p2'],
    ],
  };
}
