import { parseFlat } from '../../../src/model/dt/flat.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import { DeviceTree, DtNode } from '../../../src/model/dt/tree.ts';
import { bootKernel, type Kernel } from '../../../src/model/linux/kernel.ts';
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { Firmware } from '../../../src/model/scmi/firmware.ts';
import type { FirmwareMessage } from '../../../src/model/scmi/firmware-message.ts';
import { PhysicalMemory } from '../../../src/model/scmi/memory.ts';
import { putMessage, SharedMemory } from '../../../src/model/scmi/shared-memory.ts';
import { GuestAbort } from '../../../src/model/xen/guest.ts';
import type { LinuxVersion, OptionalDriver } from '../../../src/model/linux/kernel-version.ts';
import type { RawMode } from '../../../src/model/linux/raw-mode.ts';

/** A page of the guest and the machine page under it. */
export interface Mapping {
  readonly guest: number;
  readonly machine: number;
}

export interface GuestOptions {
  readonly tree: DeviceTree;
  readonly version?: LinuxVersion;
  readonly drivers?: readonly OptionalDriver[];
  readonly rawMode?: RawMode;
  /** Function id that the mediator forwards for this domain; absent: none. */
  readonly functionId?: number;
  readonly mappings?: readonly Mapping[];
  readonly faults?: readonly string[];
  /** Name of the firmware profile; `reference` where absent. */
  readonly profile?: string;
  /** Devices that Xen's agent gives to agent 0 before the kernel boots. */
  readonly devices?: readonly number[];
  /** Clocks that agent 0 has switched off before. */
  readonly clocksOff?: readonly number[];
}

/** A kernel on the reference firmware, with what the mediator would let through, and what was said. */
export function boot(options: GuestOptions): {
  kernel: Kernel;
  lines: string[];
  messages: FirmwareMessage[];
} {
  const memory = new PhysicalMemory();
  const messages: FirmwareMessage[] = [];
  const firmware = new Firmware(loadFirmwareProfile(options.profile ?? 'reference'), {
    memory,
    faults: options.faults ?? [],
    onMessage: message => messages.push(message),
  });
  for (const device of options.devices ?? []) {
    putMessage(new SharedMemory(memory, 0x47ff1000), { protocol: 0x10, message: 0x9, words: [0, device, 1] });
    firmware.smc(0x82000003);
  }
  for (const clock of options.clocksOff ?? []) {
    putMessage(new SharedMemory(memory, 0x47ff0000), { protocol: 0x14, message: 0x7, words: [clock, 0] });
    firmware.smc(0x82000002);
  }
  messages.length = 0;
  const mappings = options.mappings ?? [{ guest: 0x47ff0000, machine: 0x47ff0000 }];
  const translate = (address: number): number => {
    const page = mappings.find(({ guest }) => address >= guest && address < guest + 0x1000);
    if (page === undefined) throw new GuestAbort(address, 'stage 2 translation fault');
    return page.machine + (address - page.guest);
  };
  const lines: string[] = [];
  const kernel = bootKernel(
    {
      domid: 0,
      tree: options.tree,
      smc: id => (id === options.functionId ? firmware.smc(id) : -1),
      readU32: address => memory.readU32(translate(address)),
      writeU32: (address, value) => memory.writeU32(translate(address), value),
    },
    options.version ?? '6.12',
    { console: line => lines.push(line.text), message: () => {} },
    options.drivers,
    options.rawMode,
  );
  return { kernel, lines, messages };
}

/** A message as `0x14 0x7 5`: protocol, message, first word of the payload. */
export function short({ protocol, message, argument }: FirmwareMessage): string {
  return `0x${protocol.toString(16)} 0x${message.toString(16)} ${argument >>> 0}`;
}

/** A host tree without what Xen keeps: its console, the container of the mediator. */
export function domainTree(blob: Uint8Array, dropScmi = false): DeviceTree {
  const host = parseFlat(blob);
  const isDropped = (node: DtNode): boolean =>
    node.isCompatible('xen,sci') ||
    node.path === '/pl011@9000000' ||
    (dropScmi && (node.path === '/firmware/scmi' || node.isCompatible('arm,scmi-shmem')));
  return new DeviceTree(copy(host.root, null, isDropped));
}

function copy(node: DtNode, parent: DtNode | null, isDropped: (node: DtNode) => boolean): DtNode {
  const result = new DtNode(node.name, parent);
  for (const [name, value] of node.properties) result.properties.set(name, value);
  for (const child of node.children)
    if (!isDropped(child)) result.children.push(copy(child, result, isDropped));
  return result;
}

/** A small host: one clock that Linux knows, a clock consumer, the SCMI node, and whatever is added. */
export function hostTree({ scmi = '', root = '', rtcClock = '<&clk24>', shm = '' } = {}): DeviceTree {
  return parseSource(`/dts-v1/;
/ {
  #address-cells = <2>; #size-cells = <2>;
  clk24: apb-pclk { compatible = "fixed-clock"; #clock-cells = <0>; clock-frequency = <24000000>; clock-output-names = "clk24mhz"; };
  pl031@9010000 { compatible = "arm,pl031", "arm,primecell"; reg = <0x0 0x9010000 0x0 0x1000>; clock-names = "apb_pclk"; clocks = ${rtcClock}; };
  scmi_shm: sram@47ff0000 { compatible = "arm,scmi-shmem"; reg = <0x0 0x47ff0000 0x0 0x1000>; ${shm} };
  firmware {
    scmi: scmi {
      compatible = "arm,scmi-smc"; arm,smc-id = <0x82000002>; shmem = <&scmi_shm>;
      #address-cells = <1>; #size-cells = <0>;
      scmi_clk: protocol@14 { reg = <0x14>; #clock-cells = <1>; };
      scmi_rst: protocol@16 { reg = <0x16>; #reset-cells = <1>; };
      ${scmi}
    };
  };
  ${root}
};`);
}
