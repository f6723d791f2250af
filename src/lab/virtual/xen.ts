/**
 * From the hand-over to Dom0's shell, and as long as the supply lasts: Xen's and Dom0's lines as the model has
 * them for the device tree that is really in memory, and what Dom0 then answers over SSH and its console.
 */
import type { DeviceTree } from '../../model/dt/tree.ts';
import type { ConsoleLine } from '../../model/trace/observation.ts';
import { Platform } from '../../model/predict/platform.ts';
import type { VirtualBoardParts } from './board-parts.ts';
import { BoardReset, type Handover } from './boot/handover.ts';
import { BoardHalted } from './boot/rpi-eeprom.ts';
import { type BootModuleFound, findBootModules } from './boot-modules.ts';
import {
  dom0Loading,
  linuxStart,
  panicEnd,
  panicStart,
  staysAtXen,
  xenReady,
  xenStart,
} from './boot-text.ts';
import { Dom0 } from './dom0.ts';
import { Domains } from './domains.ts';
import { readCommandLine } from '../../model/xen/command-line.ts';
import { domainNodes } from '../../model/xen/modules.ts';
import type { MachineMemory } from './machine-memory.ts';
import { Printer } from './printer.ts';
import { runProbe } from './probe.ts';
import { consoleShell } from './shell/console-shell.ts';
import { consoleLevel } from './domain-shell.ts';
import { Consoles } from './consoles.ts';
import { isArm64Image, makeStandIn, standInOf } from './stand-in.ts';
import { untilAborted, wait } from './time.ts';
import { Zephyr } from './zephyr.ts';
import { treeInMemory, treeOf } from './tree-in-memory.ts';
import type { Uart } from './uart.ts';

export interface XenMachine extends VirtualBoardParts {
  readonly memory: MachineMemory;
  readonly handover: Handover;
  /** Aborted when the supply goes away. */
  readonly signal: AbortSignal;
}

/** Xen waits five seconds before it restarts the machine; nobody learns anything from all of them. */
const rebootPause = 500;
/** Delay of Dom0's faults after its login, in milliseconds. */
const afterLogin = 10;

/**
 * Runs what the boot loader jumped to, until the supply goes away.
 * @throws BoardReset when Xen restarts the machine, BoardHalted when it stops
 */
export async function runXen(machine: XenMachine): Promise<never> {
  const { memory, handover, uart, signal, mishaps, type } = machine;
  const { stops } = mishaps.faults;
  if (stops === 'after-hand-over') return await untilAborted(signal);
  const image = standInOf(memory.read(handover.image, 128));
  if (image === 'probe') return await runProbe(machine);
  if (image !== 'xen') return await runKernelAlone(machine, image === 'linux');
  const hostTree = treeInMemory(memory, handover.tree);
  // Without a tree Xen knows no UART to say so on.
  if (hostTree === undefined) throw new BoardHalted('Xen was given no device tree');

  const modules = findBootModules(hostTree, memory);
  const heard = new Heard(machine.firmwareUart);
  const kernel = modules.find(({ kind, domain }) => kind === 'Kernel' && domain === undefined);
  const isZephyr = kernel !== undefined && standInOf(kernel.bytes) === 'zephyr';
  const platform = new Platform({
    build: type.xen,
    linux: type.linux,
    linuxDrivers: type.linuxDrivers,
    linuxRawMode: type.linuxRawMode,
    firmware: machine.firmware,
    hostTree,
    partialTrees: partialTrees(modules),
    probe: type.dom0.probe,
    observer: heard,
    dom0System: isZephyr ? 'zephyr' : undefined,
    deviations: machine.deviations,
  });
  const printer = new Printer(uart, consolesOf(hostTree));
  const commandLine = readCommandLine(hostTree, type.xen);
  const { noreboot } = commandLine;
  printer.xen(xenStart(type.xen, commandLine, modules));
  platform.boot();
  const unusable = firstUnusable(hostTree, modules, platform);
  const lines = bootLines(heard.take(), platform.panic?.text);
  for (const line of lines.beforeDom0) printer.model(line);
  if (mishaps.reached('xen')) throw new BoardReset();
  if (platform.panic === null || lines.dom0.length > 0)
    printer.xen(kernel === undefined ? [] : dom0Loading(kernel));
  if (unusable !== undefined) {
    printer.xen(panicStart);
    printer.xen([{ text: unusable }, ...panicEnd(noreboot)]);
    return await endOfXen(noreboot, signal);
  }
  if (stops === 'panics') {
    printer.xen(panicStart);
    printer.xen([{ text: 'Unable to allocate memory for Dom0' }, ...panicEnd(noreboot)]);
    return await endOfXen(noreboot, signal);
  }
  for (const line of lines.dom0) printer.model(line);
  if (lines.panic !== undefined) {
    printer.xen(panicStart);
    printer.model(lines.panic);
    printer.xen(panicEnd(noreboot));
    return await endOfXen(noreboot, signal);
  }
  printer.xen(xenReady(commandLine));
  if (isZephyr) {
    if (stops === 'in-dom0-kernel') return await untilAborted(signal);
    for (const line of lines.linux) printer.model(line);
    return await runZephyr(machine, platform, heard, printer, commandLine.text);
  }
  for (const text of linuxStart(
    type.linux,
    hostTree.root.string('model') ?? type.title,
    type.xen.version ?? '4.22',
  )) {
    printer.linux(text);
  }
  if (stops === 'in-dom0-kernel') return await untilAborted(signal);
  for (const line of lines.linux) printer.model(line);
  if (!platform.isDom0Up) return await untilAborted(signal);
  return await runDom0(machine, platform, heard, printer, commandLine.text);
}

/** Dom0 is up: its console and its SSH server answer until it ends. */
async function runDom0(
  machine: XenMachine,
  platform: Platform,
  heard: Heard,
  printer: Printer,
  options: string,
): Promise<never> {
  const { uart, ssh, keys, mishaps, type, signal } = machine;
  const { faults } = mishaps;
  const end = new AbortController();
  const xl = { stdout: '', stderr: '' };
  heard.listen(line => {
    if (line.source === 'linux' && (line.domid ?? 0) === 0 && isQuiet(dom0)) {
      printer.linux(line.text, 0, false);
      return;
    }
    if (line.source !== 'xl') return printer.model(line);
    if (line.optional !== undefined) return;
    const stream = line.text.startsWith('Parsing config') ? 'stdout' : 'stderr';
    xl[stream] += `${line.text}\n`;
  });
  using dom0 = new Dom0({
    platform,
    takeXlOutput: () => {
      const output = { ...xl };
      xl.stdout = '';
      xl.stderr = '';
      return output;
    },
    xenLog: () => printer.xenLog(),
    kernelLog: () => printer.kernelLog(0),
    files: new Map([
      [type.dom0.guestKernel, makeStandIn('linux', 4096)],
      ...(type.dom0.guestRamdisk === undefined
        ? []
        : [[type.dom0.guestRamdisk, makeStandIn('ramdisk', 4096)] as const]),
    ]),
    ssh: {
      authorizedKey: keys.publicKey,
      hostKey: keys.hostKey,
      noSftp: faults.noSftp === true,
    },
    hangs: { dom0: faults.dom0 === 'ssh-hangs', guests: faults.guestsHang === true },
    onXl: () => {
      if (mishaps.reached('step')) end.abort('reset');
    },
    onEnd: how => end.abort(how),
  });
  const consoles = new Consoles({
    uart,
    printer,
    domains: printer.consoles,
    staysAtXen: staysAtXen(options),
    onReboot: () => end.abort('reset'),
  });
  ssh.connect(dom0.server);
  const loggedIn = setTimeout(() => {
    if (mishaps.reached('dom0')) end.abort('reset');
  }, afterLogin);
  try {
    const either = AbortSignal.any([signal, end.signal]);
    const shells = [...consoles.ttys].flatMap(([domid, tty]) => {
      const shell = dom0.shellOf(domid);
      return shell === undefined ? [] : [consoleShell(tty, shell, domid === 0 ? faults : {}, either)];
    });
    return await Promise.race([consoles.listen(either), ...shells]);
  } catch (error) {
    if (signal.aborted || !end.signal.aborted) throw error;
    if (end.signal.reason === 'reset') throw new BoardReset();
    printer.linux(end.signal.reason === 'reboot' ? 'reboot: Restarting system' : 'reboot: Power down');
    if (end.signal.reason === 'reboot') {
      printer.xen([{ text: 'Hardware Dom0 shutdown: rebooting machine' }]);
      throw new BoardReset();
    }
    printer.xen([{ text: 'Hardware Dom0 halted: halting machine' }]);
    throw new BoardHalted('Dom0 powered off');
  } finally {
    clearTimeout(loggedIn);
    ssh.connect(undefined);
  }
}

/** Dom0 is Zephyr: it has a shell on the console, and the network is the first domain's that Xen has made. */
async function runZephyr(
  machine: XenMachine,
  platform: Platform,
  heard: Heard,
  printer: Printer,
  options: string,
): Promise<never> {
  const { uart, ssh, keys, mishaps, type, signal } = machine;
  const end = new AbortController();
  heard.listen(line => {
    if (line.source !== 'xl') printer.model(line);
  });
  using domains = new Domains({
    platform,
    ssh: { authorizedKey: keys.publicKey, hostKey: keys.hostKey },
    hang: mishaps.faults.guestsHang === true,
  });
  const onReboot = () => end.abort();
  const consoles = new Consoles({
    uart,
    printer,
    domains: printer.consoles,
    staysAtXen: staysAtXen(options),
    onReboot,
  });
  ssh.connect(domains.serverOf(1, (host, port) => (port === 22 ? domains.serverAt(host) : undefined)));
  try {
    const either = AbortSignal.any([signal, end.signal]);
    const shells = [...consoles.ttys].flatMap(([domid, tty]) => {
      if (domid === 0) {
        const kernelBytes = makeStandIn('linux', 4096);
        const onXu = () => {
          if (mishaps.reached('step')) onReboot();
        };
        const zephyr = new Zephyr(tty, {
          platform,
          domains,
          kernel: type.dom0.guestKernel,
          kernelBytes,
          onXu,
        });
        return [zephyr.run(either)];
      }
      const shell = domains.shellOf(domid);
      return shell === undefined ? [] : [consoleShell(tty, shell, {}, either)];
    });
    return await Promise.race([consoles.listen(either), ...shells]);
  } catch (error) {
    if (signal.aborted || !end.signal.aborted) throw error;
    throw new BoardReset();
  } finally {
    ssh.connect(undefined);
  }
}

/** Its kernel's messages are kept off its console (`dmesg -n 1`). */
function isQuiet({ shell }: Dom0): boolean {
  return consoleLevel(shell.files) <= 1;
}

/** Whatever was started is no Xen: a kernel without a hypervisor, or nothing that runs at all. */
async function runKernelAlone({ uart, type, signal }: XenMachine, isLinux: boolean): Promise<never> {
  if (isLinux) {
    const printer = new Printer(uart);
    for (const text of linuxStart(type.linux, type.title, '').slice(0, 3)) printer.linux(text);
  }
  return await untilAborted(signal);
}

async function endOfXen(noreboot: boolean, signal: AbortSignal): Promise<never> {
  if (noreboot) return await untilAborted(signal);
  await wait(rebootPause, signal);
  throw new BoardReset();
}

/** Lines of the model, kept until they are taken, then passed on as they come. */
class Heard {
  readonly #firmwareUart: Uart | undefined;
  #kept: ConsoleLine[] = [];
  #listener: ((line: ConsoleLine) => void) | undefined;

  /** @param firmwareUart the firmware's own; absent: once Xen runs, what it says is seen nowhere */
  constructor(firmwareUart: Uart | undefined) {
    this.#firmwareUart = firmwareUart;
  }

  console(line: ConsoleLine): void {
    if (line.source === 'firmware') this.#firmwareUart?.line(line.text);
    if (this.#listener === undefined) this.#kept.push(line);
    else this.#listener(line);
  }

  message(): void {}

  take(): readonly ConsoleLine[] {
    const kept = this.#kept;
    this.#kept = [];
    return kept;
  }

  listen(listener: (line: ConsoleLine) => void): void {
    this.#listener = listener;
  }
}

/** The lines of a boot by where other text of Xen's stands between them. */
function bootLines(
  lines: readonly ConsoleLine[],
  panicText: string | undefined,
): {
  readonly beforeDom0: readonly ConsoleLine[];
  readonly dom0: readonly ConsoleLine[];
  readonly panic: ConsoleLine | undefined;
  readonly linux: readonly ConsoleLine[];
} {
  const firstLinux = lines.findIndex(({ source }) => source === 'linux');
  const ofXen = firstLinux < 0 ? lines : lines.slice(0, firstLinux);
  const panic = ofXen.findLast(({ text }) => text === panicText);
  const printed = ofXen.filter(line => line !== panic);
  const afterCreation = printed.findIndex(({ text }) => whileDom0IsBuilt.test(text));
  const split = afterCreation < 0 ? printed.length : afterCreation;
  return {
    beforeDom0: printed.slice(0, split),
    dom0: printed.slice(split),
    panic,
    linux: firstLinux < 0 ? [] : lines.slice(firstLinux),
  };
}

const whileDom0IsBuilt = /^sci: assign device|^Missing kernel boot module/;

function isWholeKernel({ bytes, size }: BootModuleFound): boolean {
  const what = standInOf(bytes);
  return bytes.length === size && isArm64Image(bytes) && (what === 'linux' || what === 'zephyr');
}

/** Partial trees of dom0less domains, from the modules that their nodes name. */
function partialTrees(modules: readonly BootModuleFound[]): ReadonlyMap<string, DeviceTree> {
  const trees = new Map<string, DeviceTree>();
  for (const { kind, domain, bytes } of modules) {
    const tree = kind === 'Device Tree' ? treeOf(bytes) : undefined;
    if (domain !== undefined && tree !== undefined) trees.set(domain, tree);
  }
  return trees;
}

/** Dom0's id, and those of the dom0less domains with a console that Xen shows. */
function consolesOf(hostTree: DeviceTree): readonly number[] {
  const own = domainNodes(hostTree).flatMap((node, index) => (node.has('vpl011') ? [index + 1] : []));
  return [0, ...own];
}

/** The panic of the first domain whose kernel is not there, or is none; undefined where Xen builds all. */
function firstUnusable(
  hostTree: DeviceTree,
  modules: readonly BootModuleFound[],
  platform: Platform,
): string | undefined {
  const kernelOf = (domain: string | undefined) =>
    modules.find(module => module.kind === 'Kernel' && module.domain === domain);
  const dom0 = kernelOf(undefined);
  if (dom0 !== undefined && !isWholeKernel(dom0)) return 'Could not set up d0 guest OS (rc = -22)';
  if (platform.panic !== null) return undefined;
  if (dom0 === undefined && platform.isDom0Up) return 'Could not set up d0 guest OS (rc = -2)';
  for (const { name } of domainNodes(hostTree)) {
    const kernel = kernelOf(name);
    if (kernel === undefined) return `Could not set up domain ${name} (rc = -2)`;
    if (!isWholeKernel(kernel)) return `Could not set up domain ${name} (rc = -22)`;
  }
  return undefined;
}
