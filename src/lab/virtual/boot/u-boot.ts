/**
 * U-Boot as boards have it: a countdown, a prompt, the commands that a deployment types. Texts
 * are those of U-Boot 2023.01 to 2025.07 (boot/bootm.c, cmd/booti.c, net/tftp.c, common/autoboot.c).
 */
import { TftpFetchError } from '../../drivers/tftp/client.ts';
import { parseFlat, writeFlat } from '../../../model/dt/flat.ts';
import { isArm64Image } from '../stand-in.ts';
import { linuxStart } from '../boot-text.ts';
import { untilAborted } from '../time.ts';
import { type BootMachine, BoardReset, type Handover } from './handover.ts';

const countdownSeconds = 2;
const fdtMagic = 0xd00dfeed;
const maximumTree = 2 * 1024 * 1024;
const largestFit = 256 * 1024 * 1024;
const largestScript = 64 * 1024;
const blocksPerHash = 10;
const hashesPerLine = 65;

/** How one board's U-Boot was built, and what it finds. */
export interface UBootBuild {
  readonly banner: string;
  /** Lines after its banner, up to the countdown. */
  readonly start: readonly string[];
  readonly prompt: string;
  /** Name of its Ethernet device; absent if it has no driver for it. */
  readonly ethernet?: string;
  readonly environment: readonly (readonly [string, string])[];
  /** Lines of BL31 if this U-Boot starts it. */
  readonly bl31?: readonly string[];
}

interface UBoot extends BootMachine {
  readonly build: UBootBuild;
  readonly environment: Map<string, string>;
}

/** A hand-over ends U-Boot. */
type Outcome = Handover | 'failed' | undefined;

/** A command: what it prints goes to the console. */
type Command = (uBoot: UBoot, words: readonly string[]) => Promise<Outcome> | Outcome;

const commands: Readonly<Record<string, Command>> = {
  setenv(uBoot, [, name, ...value]) {
    if (name === undefined) uBoot.uart.line('setenv - set environment variables');
    else if (value.length === 0) uBoot.environment.delete(name);
    else uBoot.environment.set(name, value.join(' '));
    return undefined;
  },
  env(uBoot, words) {
    if (words[1] === 'delete') for (const name of words.slice(2)) uBoot.environment.delete(name);
    else uBoot.uart.line('env - environment handling commands');
    return undefined;
  },
  printenv(uBoot, [, ...names]) {
    for (const name of names.length > 0 ? names : uBoot.environment.keys()) {
      const value = uBoot.environment.get(name);
      uBoot.uart.line(value === undefined ? `## Error: "${name}" not defined` : `${name}=${value}`);
    }
    return undefined;
  },
  version(uBoot) {
    uBoot.uart.line(uBoot.build.banner);
    return undefined;
  },
  echo(uBoot, [, ...words]) {
    uBoot.uart.line(words.join(' '));
    return undefined;
  },
  tftp: loadOverTftp,
  tftpboot: loadOverTftp,
  booti: bootImage,
  bootm: bootFit,
  fdt: (uBoot, words) => editTree(uBoot, words),
  source: runScript,
  async reset(uBoot) {
    uBoot.uart.line('resetting ...');
    throw new BoardReset();
  },
};

/**
 * Runs U-Boot until it hands over.
 * @throws BoardReset for `reset`; the signal's reason when the supply goes away
 */
export async function runUBoot(machine: BootMachine, build: UBootBuild): Promise<Handover> {
  const environment = new Map([['bootdelay', String(countdownSeconds)], ...build.environment]);
  const uBoot: UBoot = { ...machine, build, environment };
  const { uart, signal } = machine;
  const { mishaps } = machine;
  const start = ['', '', build.banner, '', ...build.start];
  for (const line of mishaps.faults.otherBoard === true ? start.map(ofOtherBoard) : start) uart.line(line);
  if (!(await countDown(uBoot))) {
    // The command stored in the board's own flash boots something else: not the deployment of this run.
    if (mishaps.faults.countdown !== undefined) await bootFromFlash(uBoot);
    uart.line('## Error: "bootcmd" not defined');
  }
  for (;;) {
    uart.write(mishaps.prompt(build.prompt));
    const line = await uart.readLine(signal);
    if (mishaps.reached('boot-loader')) throw new BoardReset();
    const outcome = await execute(uBoot, line);
    if (typeof outcome === 'object') return outcome;
  }
}

function ofOtherBoard(line: string): string {
  return line.startsWith('Model:') ? 'Model: Renesas Gray Hawk Single board based on r8a779h0' : line;
}

/** Counts down on one line, with backspaces. @returns true when a key stopped it */
async function countDown({ uart, signal, mishaps }: UBoot): Promise<boolean> {
  const fault = mishaps.isFirstPowerOn ? mishaps.faults.countdown : undefined;
  if (fault === 'not-shown') return false;
  uart.write(`Hit any key to stop autoboot: ${String(countdownSeconds).padStart(2)}`);
  for (let left = countdownSeconds - 1; left >= 0; left--) {
    const key = await uart.character(signal, fault === 'key-lost' ? 0 : 1000);
    if (key !== undefined && fault === undefined) {
      uart.line('\b\b\b 0 ');
      return true;
    }
    uart.write(`\b\b\b${String(left).padStart(2)} `);
  }
  uart.line();
  return false;
}

/** The boot command that is stored: a Linux without Xen. */
async function bootFromFlash({ uart, signal }: UBoot): Promise<never> {
  uart.line('Starting kernel ...');
  uart.line();
  for (const text of linuxStart('6.6', 'stored in flash', '').slice(0, 3))
    uart.line(`[    0.000000] ${text}`);
  return await untilAborted(signal);
}

/** One line: commands separated by `;`. */
async function execute(uBoot: UBoot, line: string): Promise<Outcome> {
  for (const part of line.split(';')) {
    const outcome = await executeOne(uBoot, part);
    if (typeof outcome === 'object') return outcome;
  }
  return undefined;
}

/** With `${variable}` filled in. */
async function executeOne(uBoot: UBoot, text: string): Promise<Outcome> {
  const words = text
    .replaceAll(
      /\$(?:\{([^}]+)\}|(\w+))/g,
      (_, braced?: string, bare?: string) => uBoot.environment.get(braced ?? bare ?? '') ?? '',
    )
    .split(/\s+/)
    .filter(word => word !== '')
    .map(word => word.replaceAll(/^(['"])(.*)\1$/g, '$2'));
  const [name] = words;
  if (name === undefined) return undefined;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return await command(uBoot, words);
  uBoot.uart.line(`Unknown command '${name}' - try 'help'`);
  return 'failed';
}

/** `source ADDRESS` (U-Boot cmd/source.c, image_source_script). */
async function runScript(uBoot: UBoot, [, where]: readonly string[]): Promise<Outcome> {
  const { uart, memory } = uBoot;
  const address = hexadecimal(where) ?? 0;
  uart.line(`## Executing script at ${address.toString(16).padStart(8, '0')}`);
  const text = scriptText(memory.read(address, largestScript));
  if (text === undefined) {
    uart.line('Wrong image format for "source" command');
    return 'failed';
  }
  return await executeLines(uBoot, text.split('\n'));
}

/** Lines, and `if COMMAND; then` ... `fi` around some of them. */
async function executeLines(uBoot: UBoot, lines: readonly string[]): Promise<Outcome> {
  // How many `fi` are due of an `if` that was not taken, and of those within it.
  let skipped = 0;
  for (const line of lines) {
    const condition = /^if (.*); then$/.exec(line)?.[1];
    if (skipped > 0) skipped += condition !== undefined ? 1 : line === 'fi' ? -1 : 0;
    else if (condition !== undefined) skipped = (await executeOne(uBoot, condition)) === 'failed' ? 1 : 0;
    else if (line !== 'fi') {
      const outcome = await execute(uBoot, line);
      if (typeof outcome === 'object') return outcome;
    }
  }
  return undefined;
}

/** The first text of a script image (U-Boot include/image.h, struct legacy_img_hdr). */
function scriptText(image: Uint8Array): string | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const isScript = image.length > 72 && view.getUint32(0) === 0x27051956 && image[30] === 6;
  return isScript ? new TextDecoder().decode(image.subarray(72, 72 + view.getUint32(64))) : undefined;
}

async function loadOverTftp(uBoot: UBoot, [, where, file]: readonly string[]): Promise<Outcome> {
  const { uart, environment, network } = uBoot;
  const { ethernet } = uBoot.build;
  const address = hexadecimal(where);
  if (address === undefined || file === undefined) {
    uart.line('tftpboot - load file via network using TFTP protocol');
    return 'failed';
  }
  if (ethernet === undefined) {
    uart.line('No ethernet found.');
    return 'failed';
  }
  const own = environment.get('ipaddr');
  const server = environment.get('serverip');
  if (own === undefined) {
    uart.line("*** ERROR: `ipaddr' not set");
    return 'failed';
  }
  if (server === undefined) {
    uart.line("*** ERROR: `serverip' not set");
    return 'failed';
  }
  uart.line(`Using ${ethernet} device`);
  uart.line(`TFTP from server ${server}; our IP address is ${own}`);
  uart.line(`Filename '${file}'.`);
  uart.line(`Load address: 0x${address.toString(16)}`);
  uart.write('Loading: *');
  if (server !== network.server) {
    uart.write('\b\r\n');
    uart.line('ARP Retry count exceeded; starting again');
    return 'failed';
  }
  const port = Number(environment.get('tftpdstp') ?? 69);
  const hashes = new HashMarks(text => uart.write(text));
  const began = performance.now();
  let bytes: Uint8Array;
  try {
    bytes = await network.fetch(file, {
      server,
      port: port === 69 ? network.tftpPort : port,
      blockSize: 1468,
      signal: uBoot.signal,
      onProgress: loaded => hashes.reach(loaded),
    });
  } catch (error) {
    uBoot.signal.throwIfAborted();
    if (error instanceof BoardReset) throw error;
    const refusal = error instanceof TftpFetchError ? error.code : undefined;
    uart.write('\r\n');
    if (refusal !== undefined) {
      uart.line(`TFTP error: '${tftpErrors[refusal] ?? 'Undefined'}' (${refusal})`);
      uart.line('Not retrying...');
    } else {
      uart.line('Retry count exceeded; starting again');
    }
    return 'failed';
  }
  hashes.reach(bytes.length);
  uBoot.memory.store(address, bytes);
  environment.set('filesize', bytes.length.toString(16));
  environment.set('fileaddr', address.toString(16));
  const rate = bytes.length / 1024 / 1024 / Math.max((performance.now() - began) / 1000, 0.001);
  uart.line(`\r\n\t ${rate.toFixed(1)} MiB/s`);
  uart.line('done');
  uart.line(`Bytes transferred = ${bytes.length} (${bytes.length.toString(16)} hex)`);
  return undefined;
}

async function bootImage(
  uBoot: UBoot,
  [, image, ramdisk, tree]: readonly string[],
): Promise<Handover | undefined> {
  const { uart, memory, environment } = uBoot;
  const imageAddress = hexadecimal(image);
  const treeAddress = hexadecimal(tree);
  if (imageAddress === undefined || !isArm64Image(memory.read(imageAddress, 64))) {
    uart.line('Bad Linux ARM64 Image magic!');
    return undefined;
  }
  if (ramdisk !== undefined && ramdisk !== '-') {
    uart.line('Wrong Ramdisk Image Format');
    uart.line('Ramdisk image is corrupt or invalid');
    return undefined;
  }
  if (treeAddress === undefined || !isTree(memory.read(treeAddress, 4))) {
    uart.line('ERROR: Did not find a cmdline Flattened Device Tree');
    uart.line('Could not find a valid device tree');
    return undefined;
  }
  uart.line(`## Flattened Device Tree blob at ${treeAddress.toString(16)}`);
  uart.line(`   Booting using the fdt blob at 0x${treeAddress.toString(16)}`);
  uart.line(`Working FDT set to ${treeAddress.toString(16)}`);
  if (environment.get('fdt_high') !== '0xffffffffffffffff') {
    uart.line('   Loading Device Tree to 00000000bbef0000, end 00000000bbeff000 ... OK');
  }
  uart.line();
  uart.line('Starting kernel ...');
  uart.line();
  return { image: imageAddress, tree: treeAddress };
}

/**
 * `bootm ADDRESS` of a FIT image: its kernel, tree and BL31 go to their places, and BL31 runs on the way to EL2
 * (U-Boot boot/image-fit.c, board/renesas/common).
 */
function bootFit({ uart, memory, build }: UBoot, [, where]: readonly string[]): Outcome {
  const address = hexadecimal(where) ?? 0;
  if (!isTree(memory.read(address, 4))) {
    uart.line('Wrong Image Type for bootm command');
    uart.line("ERROR -91: can't get kernel image!");
    return 'failed';
  }
  const fit = parseFlat(memory.read(address, largestFit), 'FIT image in memory');
  uart.line(`## Loading kernel from FIT Image at ${address.toString(16)} ...`);
  const configuration = fit.node('/configurations/conf-1');
  const load = (property: string): number => {
    const image = fit.node(`/images/${configuration?.string(property)}`);
    const place = image?.u32('load') ?? 0;
    memory.store(place, image?.properties.get('data') ?? new Uint8Array());
    return place;
  };
  const [image, tree] = [load('kernel'), load('fdt')];
  uart.line(`## Loading loadables from FIT Image at ${address.toString(16)} ...`);
  uart.line(`   Trying '${configuration?.string('loadables')}' loadables subimage`);
  load('loadables');
  uart.line();
  uart.line('Starting kernel ...');
  uart.line();
  for (const line of build.bl31 ?? []) uart.line(line);
  return { image, tree };
}

/** `fdt addr`, `fdt resize`, `fdt set PATH PROPERTY <CELLS>` and `fdt rm PATH [PROPERTY]` (U-Boot cmd/fdt.c). */
function editTree(uBoot: UBoot, [, action, where, property, ...value]: readonly string[]): Outcome {
  const { uart, memory, environment } = uBoot;
  const failed = (text: string): Outcome => {
    uart.line(text);
    return 'failed';
  };
  if (action === 'addr') {
    const address = hexadecimal(where);
    if (address === undefined || !isTree(memory.read(address, 4)))
      return failed('libfdt fdt_check_header(): FDT_ERR_BADMAGIC');
    environment.set('fdtaddr', address.toString(16));
    return undefined;
  }
  const address = hexadecimal(environment.get('fdtaddr'));
  if (address === undefined) return failed('No FDT memory address configured. Please configure');
  // The room that it asks for is there.
  if (action === 'resize') return undefined;
  if ((action !== 'rm' && action !== 'set') || where === undefined)
    return failed('fdt - flattened device tree utility commands');
  const tree = parseFlat(memory.read(address, maximumTree), 'device tree in memory');
  const node = tree.node(where);
  if (node === undefined) return failed('libfdt fdt_path_offset() returned FDT_ERR_NOTFOUND');
  if (action === 'set') node.properties.set(property ?? '', cells(value));
  else if (property === undefined) node.parent?.children.splice(node.parent.children.indexOf(node), 1);
  else if (!node.properties.delete(property)) return failed('libfdt fdt_delprop():  FDT_ERR_NOTFOUND');
  memory.store(address, writeFlat(tree));
  return undefined;
}

/** `<0x0 0x50000000>` */
function cells(words: readonly string[]): Uint8Array {
  const values = words.map(word => hexadecimal(word.replaceAll(/[<>]/g, '')) ?? 0);
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  return new Uint8Array(view.buffer);
}

function isTree(header: Uint8Array): boolean {
  return header.length >= 4 && new DataView(header.buffer, header.byteOffset).getUint32(0) === fdtMagic;
}

/** Texts of RFC 1350's error codes, as servers send them. */
const tftpErrors = [
  'Undefined error',
  'File not found',
  'Access violation',
  'Disk full',
  'Illegal operation',
];

/** U-Boot reads numbers as hexadecimal, with or without 0x. */
function hexadecimal(text: string | undefined): number | undefined {
  return text !== undefined && /^(0x)?[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : undefined;
}

/** The `#` that U-Boot prints for every ten blocks, 65 on a line. */
class HashMarks {
  readonly #write: (text: string) => void;
  #printed = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  reach(bytes: number): void {
    const due = Math.ceil(bytes / (1468 * blocksPerHash));
    let text = '';
    for (; this.#printed < due; this.#printed++) {
      if (this.#printed > 0 && this.#printed % hashesPerLine === 0) text += '\r\n\t ';
      text += '#';
    }
    if (text !== '') this.#write(text);
  }
}
