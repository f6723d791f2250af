/**
 * The Raspberry Pi 5's EEPROM booting over the network: its requests in the order in which a real one makes
 * them, its console lines (Raspberry Pi documentation, eeprom-bootloader and boot-net; rpi-eeprom issue 687).
 */
import { parseFlat, writeFlat } from '../../../model/dt/flat.ts';
import { TftpFetchError } from '../../drivers/tftp/client.ts';
import { applyOverlay } from '../../../model/dt/overlay.ts';
import type { DeviceTree } from '../../../model/dt/tree.ts';
import type { Uart } from '../uart.ts';
import { type EepromConfig, readEepromConfig } from './eeprom-config.ts';
import { type Asked, eepromRequests, namesOf } from './eeprom-requests.ts';
import { type BootMachine, BoardReset, type Handover } from './handover.ts';

/** Where the firmware puts the device tree, and below which it puts an initramfs that has no place of its own. */
const treeAddress = 0x2efec600;
const page = 0x1000;
const otherSerial = '0c0ffee1';

export interface Eeprom {
  /** Last eight digits of the serial number, lower case: the directory of every request. */
  readonly serial: string;
  /** Board revision code in hexadecimal; `e04171` for instance has the SoC's stepping D0. */
  readonly revision?: string;
}

/** Rev 1.0, of stepping C1. */
const boardRevision = 'd04170';

/** The board stopped: it waits for a power cycle and does nothing until then. */
export class BoardHalted extends Error {}

/**
 * Runs the EEPROM's boot loader until it hands over to TF-A.
 * @throws BoardHalted where a file that it needs is missing or stalls
 */
export async function runEeprom(machine: BootMachine, eeprom: Eeprom): Promise<Handover> {
  const { mishaps } = machine;
  const serial = mishaps.faults.otherBoard === true ? otherSerial : eeprom.serial;
  const { revision = boardRevision } = eeprom;
  const log = new Log(machine.uart);
  for (const line of start(serial, revision, machine.isCold)) log.line(line);
  if (mishaps.reached('boot-loader')) throw new BoardReset();
  joinNetwork(log, machine);
  const requests = new Requests(machine, log, serial);
  const { config, files, overlays } = await fetchAll(requests, revision);
  return place(machine, log, config, { files, overlays });
}

/** Link, offer, acknowledgement: rpi-eeprom issue 687. */
function joinNetwork(log: Log, { network: { address, server }, mishaps }: BootMachine): void {
  const { eeprom: stop } = mishaps.faults;
  log.line('NETWORK: d8:3a:dd:00:00:01 wait for link TFTP: 0.0.0.0');
  if (stop === 'no-link') throw new BoardHalted('there is no link');
  log.line('LINK STATUS: speed: 1000 full duplex');
  log.line('Link ready');
  if (stop === 'no-offer') {
    for (const line of noOffer) log.line(line);
    throw new BoardHalted('no DHCP server makes an offer');
  }
  log.line(`DHCP src: d8:3a:dd:00:00:02 ${server}`);
  log.line(`YI_ADDR ${address}`);
  log.line(`SI_ADDR ${server}`);
  log.line('OPTIONS:-');
  log.bare('        op: 53 len:   1 DHCP recv OFFER (2) expect OFFER');
  if (stop === 'offer-not-taken') throw new BoardHalted('the offer lacks option 43');
  log.bare('        op: 53 len:   1 DHCP recv ACK (5) expect ACK');
  log.line(`NET ${address} 255.255.255.0 gw 0.0.0.0 tftp ${server}`);
}

/** Fetched files: by purpose, and the overlays in the order of config.txt. */
interface Fetched {
  readonly files: ReadonlyMap<Asked, Uint8Array>;
  readonly overlays: readonly Uint8Array[];
}

/** Goes through the table; config.txt is read anew whenever it comes. */
async function fetchAll(
  requests: Requests,
  revision: string,
): Promise<Fetched & { readonly config: EepromConfig }> {
  const files = new Map<Asked, Uint8Array>();
  const overlays: Uint8Array[] = [];
  let config = readEepromConfig('');
  for (const request of eepromRequests) {
    const { asksFor, slashes, how } = request;
    for (const name of namesOf(request, config, revision)) {
      const path = `${slashes}${name}`;
      if (how === 'look') {
        await requests.look(path);
        continue;
      }
      const bytes = how === 'whole' ? await requests.whole(path) : await requests.wanted(path);
      if (bytes === undefined) continue;
      files.set(asksFor, bytes);
      if (asksFor === 'overlays' || asksFor === 'stepping') overlays.push(bytes);
      if (asksFor === 'config') config = readEepromConfig(new TextDecoder().decode(bytes));
    }
  }
  return { config, files, overlays };
}

/** Puts everything into memory as config.txt says. */
function place(
  { memory }: BootMachine,
  log: Log,
  config: EepromConfig,
  { files, overlays }: Fetched,
): Handover {
  const fetched = (asked: Asked): Uint8Array => files.get(asked) ?? new Uint8Array();
  let tree = parseFlat(fetched('tree'), 'device tree of the network boot');
  for (const overlay of overlays)
    tree = applyOverlay(tree, parseFlat(overlay, 'overlay of the network boot'));
  memory.store(0, fetched('armstub'));
  memory.store(config.kernelAddress, fetched('kernel'));
  if (config.initramfs !== undefined) {
    const bytes = fetched('initramfs');
    const address = config.initramfs.address ?? Math.floor((treeAddress - bytes.length) / page) * page;
    memory.store(address, bytes);
    announceRamdisk(tree, address, address + bytes.length);
  }
  const flat = writeFlat(tree);
  memory.store(treeAddress, flat);
  log.message(`Device tree loaded to 0x${treeAddress.toString(16)} (size 0x${flat.length.toString(16)})`);
  log.message('Starting OS 5794 ms');
  return { image: config.kernelAddress, tree: treeAddress };
}

function start(serial: string, revision: string, isCold: boolean): readonly string[] {
  return [
    'RPi: BOOTSYS release VERSION:69471177 DATE: 2025/05/08 TIME: 15:13:17',
    `BOOTMODE: 0x06 partition 0 build-ts BUILD_TIMESTAMP=1746713597 serial ${serial} boardrev ${revision} stc 880031`,
    `POWER_OFF_ON_HALT: 0 WAIT_FOR_POWER_BUTTON 0 power-on-reset ${isCold ? 1 : 0}`,
    'Initialising SDRAM rank 2 total-size: 32 Gbit 4267 (0x15 0x00)',
    'RPi: BOOTLOADER release VERSION:69471177 DATE: 2025/05/08 TIME: 15:13:17',
    'Boot mode: NETWORK (02) order f',
  ];
}

/** Lines printed if DHCP gets no answer, before it goes on to the next entry of BOOT_ORDER. */
const noOffer: readonly string[] = ['DHCP timeout', 'NETBOOT init failed', 'Boot mode: RESTART (0f) order 0'];

/** The EEPROM's console: its lines have the seconds before them. */
class Log {
  readonly #uart: Uart;
  readonly #began = performance.now();

  constructor(uart: Uart) {
    this.#uart = uart;
  }

  line(text: string): void {
    this.#uart.line(`${this.#seconds().toFixed(2).padStart(6)} ${text}`);
  }

  /** Without the seconds. */
  bare(text: string): void {
    this.#uart.line(text);
  }

  /** Lines of its last stage. */
  message(text: string): void {
    const seconds = this.#seconds().toFixed(6).padStart(9, '0');
    this.line(`MESS:00:00:${seconds}:0: ${text}`);
  }

  #seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }
}

/** TFTP requests in the board's directory, with what the console says of each. */
class Requests {
  readonly #machine: BootMachine;
  readonly #log: Log;
  /** Empty where no config.txt is in the directory of the serial number. */
  #directory: string;

  constructor(machine: BootMachine, log: Log, directory: string) {
    this.#machine = machine;
    this.#log = log;
    this.#directory = directory;
  }

  /** A file without which the board does not boot; the first of them may be above the board's directory. */
  async whole(path: string): Promise<Uint8Array> {
    const bytes = await this.wanted(path);
    if (bytes !== undefined) return bytes;
    if (this.#directory !== '' && path === '/config.txt') {
      this.#directory = '';
      return await this.whole(path);
    }
    this.#log.line('Boot mode: RESTART (0f) order 0');
    this.#log.line('Restart 0 max 0');
    throw new BoardHalted(`the EEPROM needs ${this.#name(path)}`);
  }

  /**
   * @returns undefined where there is none
   * @throws BoardHalted where the server falls silent: it does not ask again (rpi-eeprom issue 687)
   */
  async wanted(path: string): Promise<Uint8Array | undefined> {
    const { network, signal } = this.#machine;
    const name = this.#ask(path);
    try {
      const bytes = await network.fetch(name, {
        server: network.server,
        port: network.tftpPort,
        blockSize: 1468,
        signal,
      });
      this.#log.line(`TFTP: complete ${bytes.length}`);
      this.#log.line(`Read ${name} bytes ${String(bytes.length).padStart(8)} hnd 0x0`);
      return bytes;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BoardReset) throw error;
      if (error instanceof TftpFetchError && error.code !== undefined) {
        this.#log.line(`TFTP 1: file ${name} not found`);
        return undefined;
      }
      this.#log.line('TFTP: disconnect: timeouts 6');
      this.#log.line(`Read ${name} failed`);
      throw new BoardHalted(`the EEPROM does not ask for ${name} again`, { cause: error });
    }
  }

  /** Whether a file is there. */
  async look(path: string): Promise<void> {
    const { network, signal } = this.#machine;
    const name = this.#ask(path);
    if (!(await network.probe(name, signal))) this.#log.line(`TFTP 1: file ${name} not found`);
  }

  #ask(path: string): string {
    const name = this.#name(path);
    this.#log.line(`TFTP_GET: d8:3a:dd:00:00:02 ${this.#machine.network.server} ${name}`);
    return name;
  }

  #name(path: string): string {
    return this.#directory === '' ? path.replace(/^\/+/, '') : `${this.#directory}${path}`;
  }
}

/** Whatever is started is told that all of the `initramfs` is a ramdisk. */
function announceRamdisk(tree: DeviceTree, first: number, end: number): void {
  const chosen = tree.node('/chosen');
  chosen?.properties.set('linux,initrd-start', cell(first));
  chosen?.properties.set('linux,initrd-end', cell(end));
}

function cell(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
