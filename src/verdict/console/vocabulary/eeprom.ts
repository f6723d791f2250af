/**
 * Texts of a Raspberry Pi's EEPROM boot loader (closed source: boot logs of raspberrypi/rpi-eeprom, issues
 * 687, 720, 826 and 857; Raspberry Pi documentation, eeprom-bootloader and boot-net).
 */
import type { Sign } from '../sign.ts';

const source = 'raspberrypi/rpi-eeprom, boot log';

export const eepromText = {
  /** Seconds since it started. They may go backwards. */
  stamp: /^ *\d+\.\d\d (?=\S)/,
  banner: /RPi: BOOTSYS release/,
  speaks: /RPi: BOOT(?:SYS|LOADER) release|BOOTMODE: /,
  warmBoot: /power-on-reset 0\b/,
  bootsFromNetwork: /Boot mode: NETWORK|NET(?:WORK|_BOOT): .*wait for link/,
  modeNetwork: /Boot mode: NETWORK/,
  /** `Boot mode: SD (01) order f` */
  otherMode: /Boot mode: (?!NETWORK|RESTART)(\S+) \(/,
  waitsForLink: /wait for link/,
  linkIsUp: /LINK STATUS: speed: \d|Link ready/,
  link: /Link ready|LINK STATUS|DHCP/,
  dhcpOffer: /DHCP src: |recv OFFER/,
  /** An offer has YI_ADDR too. */
  hasAddress: /recv ACK|\bNET \d+\.\d+\.\d+\.\d+ /,
  addresses: /YI_ADDR|SI_ADDR|\bNET \d/,
  ownAddress: /(?:^|\s)NET ([\d.]+) [\d.]+ gw /,
  request: /TFTP_GET: /,
  requestedFile: /(?:^|\s)TFTP_GET: \S+ \S+ (\S+)\s*$/,
  /** Groups: the server's address. */
  servers: [
    /TFTP_GET: \S+ (\d+\.\d+\.\d+\.\d+) /,
    /\bNET \d\S* .*\btftp (\d+\.\d+\.\d+\.\d+)/,
    /SI_ADDR (\d+\.\d+\.\d+\.\d+)/,
  ],
  transferred: /(?:^|\s)TFTP: complete (\d+)/,
  read: /(?:^|\s)Read (\S+) bytes +(\d+) hnd /,
  /** The server's own words: they need not name the file. */
  tftpError: /(?:^|\s)TFTP (\d+): (.*)$/,
  tftpTimeout: /(?:^|\s)TFTP: disconnect: (timeouts \d+)/,
  readFailed: /(?:^|\s)(Read \S+ failed)\s*$/,
  gaveUp: /(NETBOOT init failed|NETBOOT CANCEL|Boot mode: RESTART.*|Error \d+ loading .*)/,
  handover: /Starting OS \d/,
} as const;

/** Only of a board whose type has an EEPROM. */
export const eepromRefusal: Sign = {
  name: 'eeprom-refusal',
  kind: 'refusal',
  talkers: ['eeprom'],
  pattern: eepromText.gaveUp,
  means: 'the EEPROM could not boot from the network',
  source,
};

export const eepromSigns: readonly Sign[] = [
  {
    name: 'rpi-bootsys-banner',
    kind: 'milestone',
    talkers: ['eeprom', 'unknown'],
    pattern: eepromText.banner,
    rank: 0,
    means: 'the EEPROM of a Raspberry Pi has started',
    source,
  },
  {
    name: 'cold-boot',
    kind: 'milestone',
    talkers: ['eeprom'],
    pattern: /power-on-reset 1\b/,
    means: 'the supply had really been cut before the EEPROM started',
    source,
  },
  {
    name: 'warm-boot',
    kind: 'refusal',
    talkers: ['eeprom'],
    pattern: eepromText.warmBoot,
    means: 'the EEPROM has started without the supply having been cut',
    source,
  },
  {
    name: 'eeprom-link',
    kind: 'milestone',
    talkers: ['eeprom'],
    pattern: /^(?:LINK STATUS: |Link ready)/,
    means: 'the EEPROM has an Ethernet link',
    source,
  },
  {
    name: 'eeprom-dhcp',
    kind: 'milestone',
    talkers: ['eeprom'],
    pattern: /^NET \d+\.\d+\.\d+\.\d+ /,
    means: 'the EEPROM has an address and knows its TFTP server',
    source,
  },
  {
    name: 'handover',
    kind: 'milestone',
    talkers: ['eeprom', 'unknown'],
    pattern: eepromText.handover,
    means: 'the EEPROM starts the armstub',
    source,
  },
];
