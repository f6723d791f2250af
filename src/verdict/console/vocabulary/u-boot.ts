/** Texts of U-Boot (2023.01 to 2026.07). */
import type { Sign } from '../sign.ts';

export const uBootText = {
  /** lib/display_options.c, display_options; common/spl/spl.c, preloader_console_init. */
  anyBanner: /^U-Boot (?:[ST]PL )?\d{4}\.\d\d/,
  banner: /^U-Boot \d{4}\.\d\d/,
  splBanner: /^U-Boot [ST]PL \d{4}\./,
  /** Behind an open line. */
  breaksIn: 'U-Boot (?:[ST]PL )?\\d{4}\\.\\d\\d',
  spl: /^U-Boot [ST]PL \d{4}\.|Trying to boot from/,
  /** common/autoboot.c */
  countdown: /Hit any key to stop autoboot|Press .{1,40} to (?:stop|abort) autoboot/,
  /** boot/bootm.c */
  handover: /Starting kernel \.\.\./,
  /** Lines that are the same in each boot. */
  constants: ['Starting kernel ...', 'Booting using Device Tree'],
  storedCommand: /Starting kernel \.\.\.|Booting using the fdt blob/,
  /** net/net.c, net/tftp.c, net/lwip/tftp.c */
  usesNetwork: /Using \S+ device|TFTP from server/,
  tftpServer: /TFTP from server (\d+\.\d+\.\d+\.\d+)/,
  ownAddress: /^TFTP from server \S+; our IP address is ([\d.]+)/,
  filename: /^Filename '(.*)'\.$/,
  /** A mark for ten blocks, of CONFIG_TFTP_BLOCKSIZE; T for a timeout. */
  marks: /^((?:Loading: |\s)[*\s]*[#T][#T\s]*)$/,
  loading: /Loading: \*|Retry count exceeded|^T(?: T)+/,
  transferred: /Bytes transferred = (\d+) \(/,
  /** The number twice: what of it was lost shows. */
  size: /(?<!\d)(\d+) \(([0-9a-f]+) hex\)/,
  sizeRemains: /transf|sferred|hex\)/,
  tftpErrorOfNet: /^TFTP error: '(.*)' \((\d+)\)/,
  tftpErrorOfLwip: /^TFTP error: (\d+) \((.*)\)/,
  tftpErrorCode: /TFTP error: .*\((\d+)\)/,
  startsOver: /(TFTP server died; starting again|(?:ARP )?Retry count exceeded; starting again)/,
  serverDied: /TFTP server died; starting again/,
  arpFailed: /ARP Retry count exceeded/,
  interrupted: /^Abort$/,
  noEthernet: /No ethernet found|Net: +No ethernet/i,
  /** Ethernet without a link (drivers/net/phy/phy.c, genphy_update_link; the texts of the MAC drivers differ). */
  noLink:
    /Waiting for PHY .*TIMEOUT|Could not initialize PHY|phy_startup\(\) failed|\bNo link\b|link (?:is )?down|could not establish link|PHY (?:is )?not found|could not get PHY/i,
  waitsForLink: /Waiting for PHY/,
  notSet: /\*\*\* ERROR: `(\w+)' not set/,
  unknownCommand: /Unknown command '(\w+)'/,
  /** arch/arm/lib/image.c */
  badMagic: /Bad Linux ARM64 Image magic!/,
  /** boot/image-fdt.c */
  badTree:
    /Did not find a cmdline Flattened Device Tree|Could not find a valid device tree|FDT creation failed|reserving fdt memory region failed/,
  /** A command that failed: `libfdt` of what cannot be taken away is no error, it was not there. */
  commandFailed:
    /^(## Error|Unknown command|ERROR|Usage:|libfdt (?!fdt_delprop))|TFTP error|Retry count exceeded|Abort/,
  /** arch/arm/lib/interrupts_64.c */
  abort: /"(?:Synchronous Abort|Error)" handler, esr 0x[0-9a-f]+/,
  /** lib/hang.c */
  hang: /### ERROR ### Please RESET/,
} as const;

export const uBootSigns: readonly Sign[] = [
  {
    name: 'u-boot-spl-banner',
    kind: 'milestone',
    talkers: ['u-boot', 'unknown'],
    pattern: uBootText.splBanner,
    rank: 0.7,
    means: 'the secondary program loader has started',
    source: 'U-Boot common/spl/spl.c',
  },
  {
    name: 'u-boot-banner',
    kind: 'milestone',
    talkers: ['u-boot', 'unknown'],
    pattern: uBootText.banner,
    rank: 5,
    unlessAfter: /\bver(?:s|si|sio|sion)?\s*$/,
    means: 'U-Boot has started',
    source: 'U-Boot lib/display_options.c',
  },
  {
    name: 'u-boot-autoboot',
    kind: 'milestone',
    talkers: ['u-boot'],
    pattern: uBootText.countdown,
    onTail: true,
    means: 'the countdown runs, a key stops it',
    source: 'U-Boot common/autoboot.c',
  },
  {
    name: 'u-boot-tftp-error',
    kind: 'refusal',
    talkers: ['u-boot'],
    pattern: new RegExp(`(TFTP error: .*|${uBootText.startsOver.source}|Not retrying\\.\\.\\.)`),
    means: 'a file did not come',
    source: 'U-Boot net/tftp.c, net/arp.c, net/net.c, net/lwip/tftp.c',
  },
  {
    name: 'u-boot-refuses-image',
    kind: 'refusal',
    talkers: ['u-boot'],
    pattern:
      /(Bad Linux ARM64 Image magic!|ERROR: Did not find a cmdline Flattened Device Tree|Could not find a valid device tree|FDT creation failed.*|ERROR: reserving fdt memory region failed.*)/,
    means: 'what was loaded cannot be started',
    source: 'U-Boot arch/arm/lib/image.c, boot/image-fdt.c',
  },
  {
    name: 'u-boot-loads-bl31',
    kind: 'milestone',
    talkers: ['u-boot', 'unknown'],
    pattern: /^\s*Trying 'tfa-bl31[^']*' loadables subimage/,
    foretells: 'bl31-banner',
    means: 'U-Boot, which is at EL3, starts TF-A on the way to EL2',
    source: 'U-Boot boot/image-fit.c, board/renesas/common/gen4-common.c',
  },
  {
    name: 'handover',
    kind: 'milestone',
    talkers: ['u-boot', 'unknown'],
    pattern: uBootText.handover,
    means: 'U-Boot starts what it has loaded',
    source: 'U-Boot boot/bootm.c',
  },
  {
    name: 'synchronous-abort',
    kind: 'fatal',
    pattern:
      /^("(?:Synchronous Abort|Error|Irq|Fiq|Bad \w{2,8})" handler, esr 0x[0-9a-f]+.*|Bad mode in "[^"]*" handler.*)/,
    means: 'a crash of the boot loader',
    source: 'U-Boot arch/arm/lib/interrupts_64.c',
  },
  {
    name: 'u-boot-hangs',
    kind: 'fatal',
    pattern: /^(### ERROR ### Please RESET the board ###)/,
    means: 'U-Boot hangs after an error',
    source: 'U-Boot lib/hang.c',
  },
  {
    name: 'u-boot-resets',
    kind: 'restart',
    talkers: ['u-boot'],
    pattern: /^(resetting \.\.\.|Resetting CPU \.\.\.)/,
    means: 'U-Boot resets the board',
    source: 'U-Boot arch/arm/lib/reset.c, interrupts_64.c',
  },
];
