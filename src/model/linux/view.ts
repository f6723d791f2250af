/** Files and devices that can be read in a domain once its shell is there. */
import type { DtNode } from '../dt/tree.ts';
import { clockSummary } from './clock-tree.ts';
import { currentRate, type Kernel } from './kernel.ts';
import { deviceName, deviceNodes } from './platform-devices.ts';
import type { ScmiInstance } from './scmi-driver.ts';
import { directory, find, glob, textFile, type VirtualDirectory, type VirtualNode } from './virtual-files.ts';
import { GuestAbort } from '../xen/guest.ts';
import { rawDirectory, type RawInterface } from './raw-mode.ts';

/**
 * Files of one domain. Most never change; `clk_summary` asks firmware for the rate of each SCMI clock
 * whenever it is read, as the kernel does.
 */
export class LinuxView {
  readonly kernel: Kernel;
  readonly #root: VirtualDirectory;

  /** @param kernel a kernel that has booted to its shell */
  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.#root = rootOf(kernel);
  }

  /** Bytes of a file; undefined where there is none, or a directory. */
  read(path: string): Uint8Array | undefined {
    const node = find(this.#root, path);
    return typeof node === 'function' ? node() : undefined;
  }

  /**
   * Writes to a file that does something then.
   * @returns whether it took the bytes; undefined where there is no such file
   */
  write(path: string, bytes: Uint8Array): boolean | undefined {
    if (this.kernel.version.rawMode === 'none') return undefined;
    for (const [number, raw] of this.kernel.raw.entries()) {
      const isReset = path === `${rawDirectory(number)}/reset`;
      if (!isReset && !messageFiles.some(name => path === `${rawDirectory(number)}/${name}`)) continue;
      // Opening alone is no write.
      if (bytes.length === 0) return true;
      if (!isReset) return isTaken(raw, bytes);
      raw.reset();
      return true;
    }
    return undefined;
  }

  /** Names in a directory, sorted as `ls` sorts them; undefined where there is none. */
  list(path: string): string[] | undefined {
    const node = find(this.#root, path);
    return node === undefined || typeof node === 'function' ? undefined : [...node.entries.keys()].toSorted();
  }

  /** The paths that a shell's pattern stands for; empty where none matches. */
  glob(pattern: string): string[] {
    return glob(this.#root, pattern);
  }

  /** The kernel's log without time stamps, oldest line first. */
  dmesg(): string[] {
    return this.kernel.log.lines.map(line => line.text);
  }
}

function rootOf(kernel: Kernel): VirtualDirectory {
  const tree = deviceTree(kernel.machine.tree.root);
  const commandLine = kernel.machine.tree.node('/chosen')?.string('bootargs') ?? '';
  const busDevices = kernel.instances.flatMap(each => each.busDevices);
  return directory([
    [
      'proc',
      directory([
        ['cmdline', textFile(() => `${commandLine}\n`)],
        ['device-tree', tree],
      ]),
    ],
    [
      'sys',
      directory([
        ['firmware', directory([['devicetree', directory([['base', tree]])]])],
        ['bus', buses(kernel, busDevices)],
        ['kernel', directory([['debug', debug(kernel)]])],
      ]),
    ],
  ]);
}

function buses(kernel: Kernel, busDevices: readonly string[]): VirtualDirectory {
  const instances = kernel.instances.map(each => [each.device, attributes(each)] as const);
  const platform = deviceNodes(kernel.machine.tree).map(node => [deviceName(node), directory([])] as const);
  const scmiDevices = busDevices.map(name => [name, directory([])] as const);
  return directory([
    ['scmi_protocol', directory([['devices', directory(scmiDevices)]])],
    [
      'platform',
      directory([
        ['devices', directory([...platform, ...instances])],
        ['drivers', directory([['arm-scmi', directory(instances)]])],
      ]),
    ],
  ]);
}

/** Attributes of a bound SCMI device (versions_group of drivers/firmware/arm_scmi/driver.c). */
function attributes({ revision }: ScmiInstance): VirtualDirectory {
  const { version, vendor, subVendor, implementationVersion } = revision;
  return directory([
    ['firmware_version', textFile(() => `0x${implementationVersion.toString(16)}\n`)],
    ['protocol_version', textFile(() => `${version >>> 16}.${version & 0xffff}\n`)],
    ['sub_vendor_id', textFile(() => `${subVendor}\n`)],
    ['vendor_id', textFile(() => `${vendor}\n`)],
  ]);
}

function debug(kernel: Kernel): VirtualDirectory {
  const summary = textFile(() => clockSummary(kernel.clocks, clock => currentRate(kernel, clock)));
  const waiting = textFile(() => kernel.deferred.map(device => `${device}\t\n`).join(''));
  return directory([
    ['clk', directory([['clk_summary', summary]])],
    ['devices_deferred', waiting],
    ['pm_genpd', directory([['pm_genpd_summary', textFile(() => powerDomainSummary(kernel))]])],
    ...(kernel.version.rawMode === 'none' ? [] : [['scmi', scmiDebug(kernel)] as const]),
  ]);
}

/** Of what each instance has there, its name and its raw messages (scmi_debugfs_common_setup, scmi_raw_mode_init). */
function scmiDebug({ raw }: Kernel): VirtualDirectory {
  return directory(
    raw.map((each, number) => [
      String(number),
      directory([
        ['instance_name', textFile(() => `${each.instanceName}\n`)],
        ['raw', rawFiles(each)],
      ]),
    ]),
  );
}

function rawFiles(raw: RawInterface): VirtualDirectory {
  return directory([
    ...messageFiles.map(name => [name, () => raw.read()] as const),
    ...['errors', 'notification', 'reset'].map(name => [name, () => new Uint8Array()] as const),
  ]);
}

const messageFiles = ['message', 'message_async'] as const;

/** The process that writes where the channel's memory is not mapped is killed, and nothing is sent. */
function isTaken(raw: RawInterface, bytes: Uint8Array): boolean {
  try {
    return raw.write(bytes) === 0;
  } catch (error) {
    if (error instanceof GuestAbort) return false;
    throw error;
  }
}

/** Names and states only: the columns between differ from kernel to kernel. */
function powerDomainSummary(kernel: Kernel): string {
  const rows = kernel.powerDomains.map(({ name, on }) => `${name.padEnd(30)}  ${on ? 'on' : 'off-0'}\n`);
  return ['domain                          status\n', ...rows].join('');
}

/** A node as procfs shows it: its properties as files, and `name`, which flattened trees leave out. */
function deviceTree(node: DtNode): VirtualDirectory {
  const properties = [...node.properties].map(([name, value]) => [name, () => value] as const);
  const base = node.name.split('@')[0] ?? '';
  const name: Array<readonly [string, VirtualNode]> = node.has('name')
    ? []
    : [['name', () => new TextEncoder().encode(`${base}\0`)]];
  const children = node.children.map(child => [child.name, deviceTree(child)] as const);
  return directory([...properties, ...name, ...children]);
}
