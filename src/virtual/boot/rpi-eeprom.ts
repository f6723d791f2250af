/**
 * The Raspberry Pi 5's EEPROM booting over the network: its requests in the order in which a real one makes
 * them, its console lines (Raspberry Pi documentation, eeprom-bootloader and boot-net; rpi-eeprom issue 687).
 */
import { parseFlat, writeFlat } from '../../dt/flat.ts';
import { type BootMachine, BoardReset, type Handover } from './handover.ts';

/** Where the firmware puts things unless config.txt says otherwise. */
const KERNEL_ADDRESS = 0x200000;
const TREE_ADDRESS = 0x2efec600;
const RETRIES_BEFORE_HALT = 0;
const OTHER_SERIAL = '0c0ffee1';

export interface Eeprom {
  /** Last eight digits of the serial number, lower case: the directory of every request. */
  readonly serial: string;
}

/** The board stopped: it waits for a power cycle and does nothing until then. */
export class BoardHalted extends Error {}

interface Config {
  readonly kernel: string;
  readonly kernelAddress: number;
  readonly armstub: string;
  readonly tree: string;
  readonly initramfs?: { readonly file: string; readonly address: number };
}

/**
 * Runs the EEPROM's boot loader until it hands over to TF-A.
 * @throws BoardHalted where a file that it needs is missing or stalls
 */
export async function runEeprom(machine: BootMachine, eeprom: Eeprom): Promise<Handover> {
  const { uart, mishaps } = machine;
  const serial = mishaps.faults.otherBoard === true ? OTHER_SERIAL : eeprom.serial;
  const powerOnReset = machine.isCold ? '1' : '0';
  for (const line of start) {
    uart.line(line.replace('${serial}', serial).replace('${powerOnReset}', powerOnReset));
  }
  if (mishaps.reached('boot-loader')) throw new BoardReset();
  uart.line(`NETWORK: d8:3a:dd:00:00:01 wait for link TFTP: 0.0.0.0`);
  uart.line('LINK STATUS: speed: 1000 full duplex');
  uart.line('Link ready');
  if (mishaps.faults.noOffer === true) {
    for (const line of noOffer) uart.line(line);
    throw new BoardHalted('no DHCP server makes an offer');
  }
  uart.line(`NET ${machine.network.address} 255.255.255.0 gw 0.0.0.0 tftp ${machine.network.server}`);

  const files = new Requests(machine, serial);
  await files.require('/config.txt');
  await files.probe('/pieeprom.sig');
  const config = readConfig(new TextDecoder().decode(await files.require('//config.txt')));
  await files.probe(`/${config.kernel}`);
  const tree = await files.require(`/${config.tree}`);
  await files.probe('//overlays/overlay_map.dtb');
  await files.require('//config.txt');
  await files.probe('//cmdline.txt');
  const initramfs = config.initramfs;
  let ramdisk: { readonly start: number; readonly end: number } | undefined;
  if (initramfs !== undefined) {
    const bytes = await files.require(`/${initramfs.file}`);
    machine.memory.store(initramfs.address, bytes);
    ramdisk = { start: initramfs.address, end: initramfs.address + bytes.length };
  }
  const stub = await files.require(`/${config.armstub}`);
  const kernel = await files.require(`/${config.kernel}`);

  machine.memory.store(0, stub);
  machine.memory.store(config.kernelAddress, kernel);
  machine.memory.store(TREE_ADDRESS, ramdisk === undefined ? tree : withRamdisk(tree, ramdisk));
  uart.line(`Device tree loaded to 0x${TREE_ADDRESS.toString(16)} (size 0x${tree.length.toString(16)})`);
  uart.line('Starting OS 5794 ms');
  return { image: config.kernelAddress, tree: TREE_ADDRESS };
}

const start: readonly string[] = [
  'RPi: BOOTSYS release VERSION:69471177 DATE: 2025/05/08 TIME: 15:13:17',
  'BOOTMODE: 0x06 partition 0 build-ts BUILD_TIMESTAMP=1746713597 serial ${serial} boardrev d04170 stc 880031',
  'POWER_OFF_ON_HALT: 0 WAIT_FOR_POWER_BUTTON 0 power-on-reset ${powerOnReset}',
  'Initialising SDRAM rank 2 total-size: 32 Gbit 4267 (0x15 0x00)',
  'RPi: BOOTLOADER release VERSION:69471177 DATE: 2025/05/08 TIME: 15:13:17',
  'Boot mode: NETWORK (02) order f',
];

/** What it prints where DHCP gets no answer, before it goes on to the next entry of BOOT_ORDER. */
const noOffer: readonly string[] = ['DHCP timeout', 'NETBOOT init failed', 'Boot mode: RESTART (0f) order 0'];

/** TFTP requests below the board's directory, with what the console says of each. */
class Requests {
  readonly #machine: BootMachine;
  readonly #serial: string;

  constructor(machine: BootMachine, serial: string) {
    this.#machine = machine;
    this.#serial = serial;
  }

  /** A file without which the board does not boot. */
  async require(path: string): Promise<Uint8Array> {
    const { uart, signal } = this.#machine;
    const name = `${this.#serial}${path}`;
    this.#asks(name);
    try {
      const bytes = await this.#get(name);
      uart.line(`TFTP: complete ${bytes.length}`);
      uart.line(`Read ${name} bytes ${String(bytes.length).padStart(8)} hnd 0x0`);
      return bytes;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BoardReset) throw error;
      uart.line(`TFTP 1: file ${name} not found`);
      uart.line(`Boot mode: RESTART (0f) order 0`);
      uart.line(`Restart ${RETRIES_BEFORE_HALT} max 0`);
      throw new BoardHalted(`the EEPROM needs ${name}`, { cause: error });
    }
  }

  /** A file that need not be there, or is asked for again later. */
  async probe(path: string): Promise<void> {
    const name = `${this.#serial}${path}`;
    const { network, uart, signal } = this.#machine;
    this.#asks(name);
    if (!(await network.probe(name, signal))) uart.line(`TFTP 1: file ${name} not found`);
  }

  #asks(name: string): void {
    const { network, uart } = this.#machine;
    uart.line(`TFTP_GET: d8:3a:dd:00:00:02 ${network.server} ${name}`);
  }

  #get(name: string): Promise<Uint8Array> {
    const { network, signal } = this.#machine;
    return network.fetch(name, { server: network.server, port: network.tftpPort, blockSize: 1468, signal });
  }
}

/** The tree as whatever is started gets it: all of the `initramfs` is announced as a ramdisk. */
function withRamdisk(tree: Uint8Array, { start: first, end }: { start: number; end: number }): Uint8Array {
  const edited = parseFlat(tree, 'device tree of the network boot');
  const chosen = edited.node('/chosen');
  chosen?.properties.set('linux,initrd-start', cell(first));
  chosen?.properties.set('linux,initrd-end', cell(end));
  return writeFlat(edited);
}

function cell(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** config.txt as far as it names what is loaded (Raspberry Pi documentation, config_txt/boot). */
function readConfig(text: string): Config {
  const settings = new Map<string, string>();
  let initramfs: Config['initramfs'];
  for (const line of text.split(/\r?\n/)) {
    const [, name, value] = /^\s*([a-z0-9_]+)=(.*)$/i.exec(line) ?? [];
    if (name !== undefined && value !== undefined) settings.set(name, value.trim());
    const [, file, address] = /^\s*initramfs\s+(\S+)\s+(0x[0-9a-f]+)/i.exec(line) ?? [];
    if (file !== undefined && address !== undefined) initramfs = { file, address: Number(address) };
  }
  return {
    kernel: settings.get('kernel') ?? 'kernel_2712.img',
    kernelAddress: Number(settings.get('kernel_address') ?? KERNEL_ADDRESS),
    armstub: settings.get('armstub') ?? 'armstub8-2712.bin',
    tree: settings.get('device_tree') ?? 'bcm2712-rpi-5-b.dtb',
    ...(initramfs === undefined ? {} : { initramfs }),
  };
}
