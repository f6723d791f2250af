/** The steps of a boot by U-Boot and TFTP (texts: U-Boot 2023.01 to 2026.07, net/, cmd/booti.c, common/autoboot.c). */
import { escaped } from '../../config/text.ts';
import type { BootSeen, Fetch, Found } from './boot-seen.ts';
import {
  type BootStep,
  type BootSubject,
  type Cause,
  causeShownBy,
  gotFile,
  powerWords,
  silentConsole,
  stalled,
  strangerAsks,
} from './boot-step.ts';
import { tfaText } from '../console/vocabulary/tf-a.ts';
import { uBootText } from '../console/vocabulary/u-boot.ts';
import { xenText } from '../console/vocabulary/xen.ts';

const crash = causeShownBy(
  new RegExp(`${uBootText.abort.source}|${uBootText.hang.source}|${tfaText.panic.source}`),
  'the boot loader or the firmware crashed',
  'see its report on the console: a load address that lies in its own memory is the usual reason',
);

/** From power on, where U-Boot is the first that is looked for. */
export const toFirstOutput: readonly BootStep[] = [
  {
    name: 'power',
    title: 'power on',
    reached: seen => seen.powerOn,
    causes: [
      ...silentConsole,
      () => ({ what: 'the power was never switched on', hint: 'see the power switch' }),
    ],
  },
  {
    name: 'output',
    title: 'the console speaks',
    reached: seen => (seen.isNoise ? undefined : seen.first(/[\w ]{6}/)),
    causes: [
      ...silentConsole,
      (seen, { board }) => ({
        what: `nothing came on the console${powerWords(seen)}`,
        hint: `see the supply (scmi-hil power ${board} state), the boot mode switches (flash, not serial download), and that boards.${board}.serial is the console's port: of an adapter with several, another -ifNN`,
      }),
    ],
  },
];

export const toPrompt: readonly BootStep[] = [
  {
    name: 'u-boot',
    title: 'U-Boot speaks',
    reached: seen => seen.first(uBootText.banner),
    causes: [
      crash,
      causeShownBy(
        uBootText.spl,
        'the secondary program loader runs, and U-Boot does not come',
        'see where it looks for U-Boot (the lines after `Trying to boot from`), and flash it anew',
      ),
      causeShownBy(
        tfaText.anyLevel,
        'the firmware before U-Boot speaks, and U-Boot does not come',
        'see the last line of the firmware, and that U-Boot is in flash at the place that this firmware starts',
      ),
      seen => ({
        what: 'something speaks, and U-Boot does not come',
        evidence: seen.lastLine,
        hint: 'see that this is the right board, and that U-Boot is in its flash',
      }),
    ],
  },
  {
    name: 'countdown',
    title: 'U-Boot counts down',
    reached: (seen, { uBoot }) =>
      seen.first(uBootText.countdown) ?? (uBoot && seen.first(new RegExp(escaped(uBoot.autoboot)))),
    causes: [
      crash,
      noLink,
      causeShownBy(
        uBootText.handover,
        'U-Boot starts its stored boot command without a countdown',
        'set bootdelay to 2 or more in its environment (`setenv bootdelay 2; saveenv`)',
      ),
      seen => ({
        what: 'U-Boot runs, but shows no countdown',
        evidence: seen.lastLine,
        hint: 'set bootdelay to 2 or more in its environment; what it does before the countdown (preboot, a network that is waited for) is in the last line',
      }),
    ],
  },
  {
    name: 'prompt',
    title: 'U-Boot is at its prompt',
    reached: promptOf,
    causes: [
      crash,
      causeShownBy(
        uBootText.storedCommand,
        'U-Boot ran its stored boot command: no key reached it in time',
        "see that input reaches the board (its receive wire, no flow control, the interrupt key of the board's type); a longer bootdelay helps",
      ),
      (seen, { uBoot }) => ({
        what: `the countdown was seen, but not the prompt "${uBoot?.prompt}"`,
        evidence: seen.lastLine,
        hint: 'see that input reaches the board (its receive wire, no flow control), and uBoot.prompt of its type',
      }),
    ],
  },
];

/** Only where it fetches files. */
export const fetching: readonly BootStep[] = [
  {
    name: 'u-boot-network',
    title: 'U-Boot uses its network',
    reached: seen => seen.first(uBootText.usesNetwork),
    causes: [
      noLink,
      causeShownBy(
        uBootText.notSet,
        'U-Boot has no address',
        'see network.address and network.server in the lab file, and uBoot.environment of the type',
      ),
      causeShownBy(
        uBootText.unknownCommand,
        'this U-Boot lacks a command that is needed',
        'build it with CONFIG_CMD_TFTPBOOT, CONFIG_CMD_BOOTI and CONFIG_NET',
      ),
      seen => ({
        what: 'U-Boot is at its prompt, and its network was not used',
        evidence: seen.lastLine,
        hint: 'see the commands that were typed, and what it answered',
      }),
    ],
  },
  {
    name: 'u-boot-request',
    title: 'U-Boot asks for files',
    reached: (seen, subject) => fetchedByUBoot(seen, subject).find(({ end }) => end !== 'stranger'),
    causes: [
      strangerAsks,
      noLink,
      otherServer,
      causeShownBy(
        uBootText.arpFailed,
        "nobody on the board's network has the server's address",
        'see the cable, and that network.server is an address of this machine on that network (`ip -brief address`)',
      ),
      causeShownBy(
        uBootText.loading,
        'U-Boot asks for files, but its requests do not arrive here',
        "let UDP port 69 (network.tftpPort) through this machine's firewall; ports other than 69 need CONFIG_TFTP_PORT in U-Boot",
      ),
      seen => ({
        what: 'U-Boot uses its network, but no request comes',
        evidence: seen.lastLine,
        hint: 'see what `tftp` said on the console',
      }),
    ],
  },
  {
    name: 'files',
    title: 'every file is fetched',
    reached: (seen, subject) => {
      const got = uBootFiles(subject).map(file => gotFile(seen, file));
      return got.every(file => file !== undefined) ? got.at(-1) : undefined;
    },
    causes: [
      (seen, subject) => {
        const evidence =
          fetchedByUBoot(seen, subject).findLast(({ end }) => end === 'refused') ??
          seen.last(uBootText.tftpErrorCode);
        if (evidence === undefined) return undefined;
        return {
          what: 'a file is asked for that is not there',
          evidence,
          hint: `see uBoot.load of the board's type, and boards.${subject.board}.images`,
        };
      },
      wrongSize,
      causeShownBy(
        uBootText.serverDied,
        'U-Boot lost the TFTP server in the middle of a file',
        "see the link and this machine's firewall: the answers come from a port above 1023",
      ),
      noLink,
      seen => {
        const stop = stalled(seen);
        return (
          stop && {
            ...stop,
            hint: 'see the link: a port that negotiates badly loses packets; another cable or switch port',
          }
        );
      },
      (seen, subject) => {
        const done = seen.fetches.filter(({ end }) => end === 'done').map(({ file }) => file);
        return {
          what: `not fetched: ${uBootFiles(subject)
            .filter(file => !done.includes(file))
            .join(', ')}`,
          evidence: seen.lastLine,
          hint: 'see what U-Boot answered to the last command',
        };
      },
    ],
  },
];

export const starting: readonly BootStep[] = [
  {
    name: 'start',
    title: 'U-Boot hands over',
    // The stored boot command may have ended in the same words, before anything was fetched.
    reached: (seen, subject) => {
      const loaded = uBootFiles(subject).length === 0 || seen.first(uBootText.transferred) !== undefined;
      return loaded ? seen.last(uBootText.handover) : undefined;
    },
    causes: [
      crash,
      causeShownBy(
        uBootText.badMagic,
        'what is loaded as Xen is no arm64 Image',
        'give the plain binary `xen` (not xen.gz, not a uImage) as images.xen',
      ),
      causeShownBy(
        uBootText.badTree,
        'U-Boot does not take the device tree',
        "see that images.dtb is a flattened tree (.dtb), and that uBoot.load's ranges do not overlap",
      ),
      wrongSize,
      seen => ({
        what: 'every file was fetched, and Xen was not started',
        evidence: seen.lastLine,
        hint: "see uBoot.start of the board's type, and what U-Boot answered",
      }),
    ],
  },
  {
    name: 'xen',
    title: 'Xen speaks',
    reached: seen => seen.first(xenText.speaks),
    causes: [
      crash,
      seen => ({
        what: 'U-Boot handed over, and then nothing came',
        evidence: seen.last(uBootText.handover),
        hint: "see that U-Boot runs at EL2 (Xen cannot start at EL1), console=dtuart and dtuart= in xen,xen-bootargs, and that the tree is this board's; CONFIG_EARLY_PRINTK shows more",
      }),
    ],
  },
];

function promptOf(seen: BootSeen, { uBoot }: BootSubject): Found | undefined {
  return uBoot && seen.first(new RegExp(`^${escaped(uBoot.prompt)}`));
}

function uBootFiles({ uBoot }: BootSubject): readonly string[] {
  return uBoot?.files ?? [];
}

/** Lines before the prompt were the EEPROM's. */
function fetchedByUBoot(seen: BootSeen, subject: BootSubject): readonly Fetch[] {
  const prompt = promptOf(seen, subject);
  return seen.fetches.filter(
    ({ place, file }) => place > (prompt?.place ?? Infinity) || uBootFiles(subject).includes(file),
  );
}

function noLink(seen: BootSeen): Cause | undefined {
  const none = seen.last(uBootText.noEthernet);
  if (none !== undefined) {
    return {
      what: 'this U-Boot knows no Ethernet device',
      evidence: none,
      hint: "build U-Boot with the driver of the board's Ethernet; on a Raspberry Pi 5 let the EEPROM load the files",
    };
  }
  const [waits] = [seen.last(uBootText.waitsForLink), seen.last(uBootText.noLink)]
    .filter(sighting => sighting !== undefined)
    .toSorted((one, other) => other.place - one.place);
  if (waits === undefined || seen.fetches.some(({ place }) => place > waits.place)) return undefined;
  if (/done\s*$/.test(waits.text)) return undefined;
  return {
    what: 'the Ethernet link does not come up',
    evidence: waits,
    hint: 'see the cable and the port of the switch (lit? its VLAN?), and that it is the connector that U-Boot uses',
  };
}

function otherServer(seen: BootSeen, { network }: BootSubject): Cause | undefined {
  const evidence = seen.last(uBootText.tftpServer);
  const server = evidence?.groups[0];
  if (server === undefined || network === undefined || server === network.server) return undefined;
  return {
    what: `U-Boot asks ${server}, and files are served at ${network.server}`,
    evidence,
    hint: 'something set serverip after the controller did: an answer of DHCP (autoload), or preboot',
  };
}

/** U-Boot's own count against what was sent. */
function wrongSize(seen: BootSeen): Cause | undefined {
  const evidence = seen.last(uBootText.transferred);
  const sent = seen.fetches.findLast(({ end }) => end === 'done');
  const bytes = Number(evidence?.groups[0]);
  if (evidence === undefined || sent === undefined || bytes === sent.bytes) return undefined;
  // The count may be that of a file before, where the last one's has not come yet.
  if (seen.fetches.some(fetch => fetch.end === 'done' && fetch.bytes === bytes)) return undefined;
  return {
    what: `U-Boot counts ${bytes} bytes, and ${sent.bytes} were sent of ${sent.file}`,
    evidence,
    hint: 'see that no other TFTP server answers, and that the file does not change while it is fetched',
  };
}
