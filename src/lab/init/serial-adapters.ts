/** The serial adapters that are plugged into this machine, by names that outlast the next plugging. */
import { readdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { printableLine } from '../../verdict/report/printable.ts';
import { adapterKind, type AdapterKind } from './adapter-kinds.ts';

export interface SerialAdapter {
  /** Path in the lab file: below /dev/serial/by-id, or by-path if the adapter has no serial number. */
  readonly path: string;
  /** Of the USB device; undefined where neither /sys nor the name tells. */
  readonly kind: AdapterKind | undefined;
  /** Number of the USB interface: an adapter of several ports has one for each. */
  readonly port: number | undefined;
  /** Text by which a person recognizes it. */
  readonly title: string;
}

/**
 * @param root where /dev and /sys are
 * @returns one for each port, sorted by path
 */
export async function findSerialAdapters(root: string): Promise<SerialAdapter[]> {
  const ports = new Map<string, { byId?: string; byPath?: string }>();
  for (const [field, directory] of links) {
    for (const name of await namesIn(path.join(root, directory))) {
      const target = await realpath(path.join(root, directory, name)).catch(() => undefined);
      if (target === undefined) continue;
      ports.set(target, { [field]: path.posix.join(directory, name), ...ports.get(target) });
    }
  }
  const adapters = await Promise.all(
    [...ports].map(([device, names]) => adapterOf(path.basename(device), names, root)),
  );
  return adapters.toSorted((one, other) => one.path.localeCompare(other.path));
}

/** Links that udev's 60-serial.rules makes. */
const links = [
  ['byId', '/dev/serial/by-id'],
  ['byPath', '/dev/serial/by-path'],
] as const;

async function namesIn(directory: string): Promise<string[]> {
  // Of two names for one path (`-usb-0:` and `-usbv2-0:`) the older one, which all versions of udev make, is taken.
  return (await readdir(directory).catch(() => [])).toSorted((one, other) => (one < other ? -1 : 1));
}

interface UsbDevice {
  readonly vendor: string;
  readonly product: string;
  readonly serial: string | undefined;
  readonly title: string;
}

async function adapterOf(
  device: string,
  { byId, byPath }: { readonly byId?: string; readonly byPath?: string },
  root: string,
): Promise<SerialAdapter> {
  const usb = await usbDeviceOf(device, root);
  // Without a serial number, two adapters of one kind have one name by id: whichever came last.
  const isAnonymous = usb !== undefined && usb.serial === undefined;
  const name = (isAnonymous ? (byPath ?? byId) : (byId ?? byPath)) ?? device;
  const kind = adapterKind({ name: byId ?? name, vendor: usb?.vendor, product: usb?.product });
  const title = kind?.title ?? usb?.title ?? 'serial adapter';
  return { path: name, kind, port: portOf(byId, byPath), title: printableLine(title) };
}

/** `-if01` of a name by id (hexadecimal), `:1.1` of one by path. */
function portOf(byId = '', byPath = ''): number | undefined {
  const interfaceOfId = /-if([0-9a-f]{2})(?:-|$)/.exec(byId)?.[1];
  if (interfaceOfId !== undefined) return Number.parseInt(interfaceOfId, 16);
  const interfaceOfPath = /:\d+\.(\d+)(?:-|$)/.exec(byPath)?.[1];
  return interfaceOfPath === undefined ? undefined : Number(interfaceOfPath);
}

/** The nearest directory above the terminal's that is a USB device (Linux, Documentation/ABI/testing/sysfs-bus-usb). */
async function usbDeviceOf(device: string, root: string): Promise<UsbDevice | undefined> {
  const top = path.join(await realpath(root), 'sys');
  const start = path.join(root, 'sys/class/tty', device, 'device');
  let directory = await realpath(start).catch(() => top);
  for (; directory.startsWith(`${top}/`); directory = path.dirname(directory)) {
    const attribute = (name: string) => attributeOf(path.join(directory, name));
    const vendor = await attribute('idVendor');
    if (vendor === undefined) continue;
    const words = [await attribute('manufacturer'), await attribute('product')].filter(Boolean);
    const product = (await attribute('idProduct')) ?? '';
    const title = words.length > 0 ? words.join(' ') : `USB device ${vendor}:${product}`;
    return { vendor, product, serial: await attribute('serial'), title };
  }
  return undefined;
}

async function attributeOf(file: string): Promise<string | undefined> {
  const text = (await readFile(file, 'utf8').catch(() => '')).trim();
  return text === '' ? undefined : text;
}
