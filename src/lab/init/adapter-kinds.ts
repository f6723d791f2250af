/** USB serial adapters that stand beside boards, and what is known of them. */

export interface AdapterKind {
  readonly title: string;
  /** Board types (how their names begin) whose console it is usually. */
  readonly boards: readonly string[];
  /** Which of its ports that console is, by number of the USB interface; undefined: it has one port. */
  readonly consolePort: number | undefined;
}

interface KindRow {
  readonly title: string;
  /** `vendor:product`, as /sys has it. */
  readonly ids: readonly string[];
  /** In the name by id, where /sys cannot be read. */
  readonly name: RegExp;
  readonly boards?: readonly string[];
  readonly consolePort?: number;
}

/**
 * Ids: Linux, drivers/usb/serial (ftdi_sio_ids.h, cp210x.c, pl2303.h, ch341.c) and raspberrypi/debugprobe
 * (usb_descriptors.c). The Sparrow Hawk's CN4 is an FT2232 whose channel A is HSCIF0, the console.
 */
const kinds: readonly KindRow[] = [
  {
    title: 'Raspberry Pi Debug Probe',
    ids: ['2e8a:000c'],
    name: /Raspberry_Pi_(Debug_Probe|Picoprobe)/i,
    boards: ['rpi'],
  },
  {
    title: 'FTDI FT2232, two ports (Sparrow Hawk CN4: the console is the first)',
    ids: ['0403:6010'],
    name: /FT2232|FTDI_Dual_RS232/i,
    boards: ['rcar-v4h-sparrow-hawk'],
    consolePort: 0,
  },
  { title: 'FTDI FT4232, four ports', ids: ['0403:6011'], name: /FT4232|FTDI_Quad_RS232/i },
  { title: 'FTDI FT232R', ids: ['0403:6001'], name: /FT232R/i },
  { title: 'FTDI FT232H', ids: ['0403:6014'], name: /FT232H/i },
  { title: 'FTDI FT230X', ids: ['0403:6015'], name: /FT23[01]X/i },
  { title: 'Silicon Labs CP2105, two ports', ids: ['10c4:ea70'], name: /CP2105/i },
  { title: 'Silicon Labs CP2108, four ports', ids: ['10c4:ea71'], name: /CP2108/i },
  { title: 'Silicon Labs CP210x', ids: ['10c4:ea60'], name: /CP210/i },
  { title: 'Prolific PL2303', ids: ['067b:2303', '067b:23a3'], name: /Prolific/i },
  { title: 'WCH CH340', ids: ['1a86:7523'], name: /usb-1a86_/i },
];

/** @returns undefined for one that is not in the table */
export function adapterKind(device: {
  /** Last part of its path. */
  readonly name: string;
  readonly vendor: string | undefined;
  readonly product: string | undefined;
}): AdapterKind | undefined {
  const { name, vendor, product } = device;
  const row =
    vendor === undefined
      ? kinds.find(each => each.name.test(name))
      : kinds.find(each => each.ids.includes(`${vendor}:${product}`));
  if (row === undefined) return undefined;
  return { title: row.title, boards: row.boards ?? [], consolePort: row.consolePort };
}
