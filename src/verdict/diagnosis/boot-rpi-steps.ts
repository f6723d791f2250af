/**
 * The steps of a Raspberry Pi 5's network boot (Raspberry Pi documentation, eeprom-bootloader and boot-net;
 * texts of the EEPROM's log: rpi-eeprom issues 687, 826, 857).
 */
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
import { eepromText } from '../console/vocabulary/eeprom.ts';
import { tfaText } from '../console/vocabulary/tf-a.ts';
import { xenText } from '../console/vocabulary/xen.ts';

export const rpiSteps: readonly BootStep[] = [
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
    name: 'eeprom',
    title: 'the EEPROM speaks',
    reached: seen => seen.first(eepromText.speaks),
    causes: [
      ...silentConsole,
      (seen, { board }) =>
        seen.bytes > 0
          ? {
              what: 'the console speaks, but not the EEPROM',
              evidence: seen.lastLine,
              hint: `set BOOT_UART=1 in the EEPROM's configuration (rpi-eeprom-config), and see that boards.${board}.serial is this board's`,
            }
          : undefined,
      (seen, { board }) => ({
        what: `nothing came on the console, and no request for a file${powerWords(seen)}`,
        hint: `see the supply (scmi-hil power ${board} state; WAIT_FOR_POWER_BUTTON=0), the debug UART (3 pins between the HDMI ports), and BOOT_UART=1 in the EEPROM's configuration`,
      }),
    ],
  },
  {
    name: 'network',
    title: 'the EEPROM boots from the network',
    reached: seen => seen.first(eepromText.bootsFromNetwork),
    causes: [
      otherBootMode,
      seen => ({
        what: 'the EEPROM runs, but does not come to the network',
        evidence: seen.lastLine,
        hint: 'set BOOT_ORDER=0xf12 (network first) with rpi-eeprom-config; digits are read from the right, 2 is the network',
      }),
    ],
  },
  {
    name: 'link',
    title: 'the link is up',
    reached: seen => seen.first(eepromText.linkIsUp),
    causes: [
      seen => ({
        what: 'the EEPROM waits for the Ethernet link',
        evidence: seen.last(eepromText.waitsForLink),
        hint: 'see the cable and the port of the switch (lit? a port with spanning tree needs portfast, a managed one its VLAN)',
      }),
    ],
  },
  {
    name: 'offer',
    title: 'a DHCP server answers',
    reached: seen => seen.first(eepromText.dhcpOffer),
    causes: [
      (seen, { board }) => ({
        what: 'the link is up, but no DHCP server offers an address',
        evidence: seen.last(eepromText.link),
        hint: `run a DHCP server on the board's network: scmi-hil dhcp-config ${board} prints its dnsmasq lines (is network.macAddress this board's?)`,
      }),
    ],
  },
  {
    name: 'address',
    title: 'the board has an address',
    reached: seen => seen.first(eepromText.hasAddress),
    causes: [
      strangerAsks,
      (seen, { board }) => ({
        what: 'the EEPROM got an offer and did not go on',
        evidence: seen.last(eepromText.dhcpOffer),
        hint: `the offer needs option 43 ("Raspberry Pi Boot", with its sub-options) and a boot file name: scmi-hil dhcp-config ${board} prints both for dnsmasq`,
      }),
    ],
  },
  {
    name: 'request',
    title: 'the board asks for files',
    reached: seen => seen.fetches.find(({ end }) => end !== 'stranger'),
    causes: [
      strangerAsks,
      otherServer,
      (seen, { network }) => {
        const evidence = seen.last(eepromText.request);
        if (evidence === undefined || network === undefined || network.port === 69) return undefined;
        return {
          what: `the EEPROM asks at port 69, and files are served at ${network.port}`,
          evidence,
          hint: 'set network.tftpPort: 69 (or leave it out): the EEPROM knows no other',
        };
      },
      causeShownBy(
        eepromText.request,
        'the EEPROM asks for files, but its requests do not arrive here',
        "let UDP port 69 through this machine's firewall (and the answers, from ports above 1023)",
      ),
      (seen, { board, network }) => ({
        what: 'the board has an address, but asks for no file',
        evidence: seen.last(eepromText.addresses),
        hint: `its TFTP server must be ${network?.server ?? 'this machine'}: DHCP option 66 or the next server (scmi-hil dhcp-config ${board}), option 43 "Raspberry Pi Boot", and no other TFTP_IP in the EEPROM`,
      }),
    ],
  },
  {
    name: 'config',
    title: 'config.txt is fetched',
    reached: seen => gotFile(seen, 'config.txt'),
    causes: [
      otherPrefix,
      strangerAsks,
      stalledTransfer,
      (seen, { board }) => {
        const evidence = seen.fetches.findLast(({ end }) => end === 'refused');
        if (evidence === undefined || !evidence.file.endsWith('config.txt')) return undefined;
        return {
          what: 'config.txt is asked for and not there',
          evidence,
          hint: `see the files of the board's type (eeprom.files), and boards.${board}.network.serialNumber`,
        };
      },
      seen => ({
        what: 'files are asked for, but config.txt is not',
        evidence: seen.fetches.at(-1),
        hint: 'see TFTP_PREFIX in the EEPROM (0: the serial number), and that no other TFTP server answers',
      }),
    ],
  },
  {
    name: 'kernel',
    title: 'the kernel is fetched',
    reached: (seen, { eeprom }) => gotFile(seen, eeprom?.kernel ?? ''),
    causes: [
      stalledTransfer,
      missingFile,
      otherBootMode,
      causeShownBy(
        eepromText.gaveUp,
        'the EEPROM gave the network boot up',
        'the lines before say which file it needed; it does not try a file again (TFTP_FILE_TIMEOUT is how long it waits)',
      ),
      (seen, { eeprom }) => ({
        what: `config.txt was fetched, but not ${eeprom?.kernel}`,
        evidence: seen.fetches.at(-1),
        hint: `see kernel= in config.txt (eeprom.config of the board's type), and that no other TFTP server answers`,
      }),
    ],
  },
  {
    name: 'handover',
    title: 'the EEPROM hands over',
    reached: seen => seen.first(eepromText.handover) ?? seen.first(tfaText.bl31),
    causes: [
      stalledTransfer,
      otherBootMode,
      ...silentConsole,
      (seen, { board }) =>
        seen.bytes > 0
          ? undefined
          : {
              what: 'the board fetched its files, and nothing came on the console',
              evidence: seen.fetches.at(-1),
              hint: `see that boards.${board}.serial is at its debug UART (3 pins between the HDMI ports; transmit and receive crossed), and BOOT_UART=1 in the EEPROM's configuration`,
            },
      seen => ({
        what: 'every file was fetched, and then nothing came',
        evidence: seen.fetches.at(-1),
        hint: 'see armstub= in config.txt and that the armstub is a bl31.bin of plat rpi5; uart_2ndstage=1 shows what the EEPROM does',
      }),
    ],
  },
];

/** After the hand-over, where the EEPROM starts Xen itself. */
export const xenAfterEeprom: BootStep = {
  name: 'xen',
  title: 'Xen speaks',
  reached: seen => seen.first(xenText.speaks),
  causes: [
    causeShownBy(
      tfaText.panic,
      'the EL3 firmware stopped',
      'see the firmware: its crash report is on the console',
    ),
    causeShownBy(
      tfaText.bl31,
      'the EL3 firmware runs, and Xen says nothing',
      'see that kernel= is an arm64 Image of Xen, and dtuart= in xen,xen-bootargs of the tree: the debug UART is serial10; CONFIG_EARLY_PRINTK shows more',
    ),
    seen => ({
      what: 'the EEPROM handed over, and then nothing came',
      evidence: seen.last(eepromText.handover),
      hint: "the armstub is silent or not there: build TF-A's bl31.bin for plat rpi5 with its console (RPI3_RUNTIME_UART=0), and see enable_uart=1 in config.txt",
    }),
  ],
};

/** `Boot mode: SD (01) order f`: the network was not tried, or given up. */
function otherBootMode(seen: BootSeen): Cause | undefined {
  const evidence = seen.last(eepromText.otherMode);
  if (evidence === undefined) return undefined;
  const tried = seen.first(eepromText.modeNetwork) !== undefined;
  return {
    what: `the EEPROM ${tried ? 'gave the network up and boots' : 'boots'} from ${evidence.groups[0]}`,
    evidence,
    hint: 'set BOOT_ORDER=0xf12 (network first), or take the card out: what boots from it is not what is deployed',
  };
}

function otherServer(seen: BootSeen, { board, network }: BootSubject): Cause | undefined {
  const asked: Found | undefined = eepromText.servers
    .map(server => seen.last(server))
    .find(found => found !== undefined);
  const server = asked?.groups[0];
  if (server === undefined || network === undefined || server === network.server) return undefined;
  return {
    what: `the EEPROM takes ${server} for its TFTP server, and files are served at ${network.server}`,
    evidence: asked,
    hint: `give ${network.server} as DHCP option 66 and next server (scmi-hil dhcp-config ${board}), and take TFTP_IP out of the EEPROM's configuration`,
  };
}

/** `bd989ae1//config.txt`: the directory is the last eight digits of the serial number. */
function otherPrefix(seen: BootSeen, { board, eeprom, network }: BootSubject): Cause | undefined {
  for (const evidence of seen.fetches.filter(({ end }) => end === 'refused')) {
    const [, directory, name = ''] = /^\/*([^/]+)\/+(.+)$/.exec(evidence.file) ?? [];
    if (directory === undefined || eeprom?.files.includes(name) !== true) continue;
    const known = network?.prefixes.map(prefix => prefix.replace(/\/+$/, '')) ?? [];
    if (known.includes(directory)) continue;
    const lab = known.length === 0 ? 'the lab names none' : `the lab says ${known.join(', ')}`;
    const isSerial = /^[0-9a-f]{8}$/i.test(directory);
    return {
      what: `the board asks for files below ${directory}/, and ${lab}`,
      evidence,
      hint: isSerial
        ? `set boards.${board}.network.serialNumber: "${directory}"`
        : `set TFTP_PREFIX=0 in the EEPROM's configuration, so that it asks below its serial number`,
    };
  }
  return undefined;
}

function missingFile(seen: BootSeen, { eeprom, board }: BootSubject): Cause | undefined {
  const evidence = seen.fetches.findLast(
    fetch => fetch.end === 'refused' && eeprom?.probes.some(probe => fetch.file.endsWith(probe)) !== true,
  );
  if (evidence === undefined) return undefined;
  return {
    what: `${evidence.file} is asked for and not there`,
    evidence,
    hint: `see what config.txt names (eeprom.config and eeprom.files of the type of ${board})`,
  };
}

/** The EEPROM waits, then gives up: it does not ask for a block again (rpi-eeprom issue 687). */
function stalledTransfer(seen: BootSeen): Cause | undefined {
  const stop = stalled(seen);
  if (stop === undefined) return undefined;
  return {
    ...stop,
    hint: `see the link (a port that negotiates badly loses packets) and raise TFTP_FILE_TIMEOUT in the EEPROM: it does not try again${tooLarge(stop.evidence)}`,
  };
}

/** Block numbers have 16 bits; EEPROMs before 2025-09-23 stop at the last one (rpi-eeprom issue 720). */
function tooLarge(fetch: Partial<Fetch> | undefined): string {
  return (fetch?.bytes ?? 0) >= 65_000 * 1024
    ? '; an EEPROM before 2025-09-23 cannot fetch 65536 blocks'
    : '';
}
