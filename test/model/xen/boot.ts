/** Boots the modelled Xen on a small host tree with the reference firmware, and keeps what it says. */
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import type { DeviceTree } from '../../../src/model/dt/tree.ts';
import { abortingRanges } from '../../../src/model/predict/machine-map.ts';
import type { ConsoleLine } from '../../../src/model/trace/observation.ts';
import { Firmware } from '../../../src/model/scmi/firmware.ts';
import type { FirmwareMessage } from '../../../src/model/scmi/firmware-message.ts';
import { PhysicalMemory } from '../../../src/model/scmi/memory.ts';
import type { XenBuild } from '../../../src/model/xen/build.ts';
import { Hypervisor } from '../../../src/model/xen/hypervisor.ts';

/** Parts of the host tree, as source, that a test wants otherwise. */
export interface HostParts {
  readonly bootargs?: string;
  /** `ranges;` of /chosen and of /chosen/xen. */
  readonly chosenRanges?: string;
  readonly xenRanges?: string;
  readonly list?: string;
  readonly cells?: string;
  readonly dom0?: string;
  /** The management channel's node. */
  readonly management?: string;
  readonly managementPage?: string;
  readonly page0?: string;
  readonly page2?: string;
  readonly page3?: string;
  /** Additional properties of the container, of /chosen and of the root. */
  readonly inContainer?: string;
  readonly inChosen?: string;
  readonly dom0Kernel?: string;
  readonly atRoot?: string;
  readonly firmware?: string;
}

export interface BootOptions {
  readonly build?: Partial<XenBuild>;
  readonly faults?: readonly string[];
  readonly partialTrees?: Readonly<Record<string, string>>;
  readonly smcccVersion?: number;
  readonly dom0KernelIsAdded?: boolean;
}

export interface Booted {
  readonly hypervisor: Hypervisor;
  readonly firmware: Firmware;
  /** Xen's lines as they are printed. */
  readonly lines: readonly ConsoleLine[];
  readonly texts: () => string[];
  readonly messages: readonly FirmwareMessage[];
}

export function bootXen(parts: HostParts = {}, options: BootOptions = {}): Booted {
  return bootTree(hostTree(parts), options);
}

export function bootTree(tree: DeviceTree, options: BootOptions = {}): Booted {
  const lines: ConsoleLine[] = [];
  const messages: FirmwareMessage[] = [];
  const memory = new PhysicalMemory();
  for (const range of abortingRanges('reference')) memory.abortRange(range);
  const firmware = new Firmware(loadFirmwareProfile('reference'), {
    memory,
    faults: options.faults ?? [],
    onMessage: message => messages.push(message),
  });
  const hypervisor = new Hypervisor({
    build: { mediator: 'multi-agent', debug: true, ...options.build },
    hostTree: tree,
    machine: {
      memory,
      smcccVersion: options.smcccVersion ?? 0x1_0005,
      smc: functionId => firmware.smc(functionId),
    },
    partialTrees: new Map(
      Object.entries(options.partialTrees ?? {}).map(([node, source]) => [node, parseSource(source)]),
    ),
    observer: { console: line => lines.push(line), message: () => {} },
    dom0KernelIsAdded: options.dom0KernelIsAdded ?? false,
  });
  hypervisor.boot();
  return { hypervisor, firmware, lines, texts: () => lines.map(({ text }) => text), messages };
}

/** The layout of the documentation: Xen is agent 1, Dom0 agent 0. */
export function hostTree(parts: HostParts): DeviceTree {
  const {
    bootargs = 'dtuart=serial0 dom0_mem=512M loglvl=all guest_loglvl=all',
    chosenRanges = 'ranges;',
    xenRanges = 'ranges;',
    list = '0x82000002 &page0 0 0x82000004 &page2 2 0x82000005 &page3 3',
    cells = '#scmi-secondary-agents-cells = <3>;',
    dom0Kernel = 'module@50000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0x50000000 0x1000>; bootargs = "quiet"; };',
    dom0 = 'xen,dom0-sci-agent-id = <0>;',
    managementPage = '0x47ff1000 0x1000',
    management = `compatible = "arm,scmi-smc"; arm,smc-id = <0x82000003>; shmem = <&page1>;
      #access-controller-cells = <1>;`,
    page0 = 'reg = <0x47ff0000 0x1000>;',
    page2 = 'reg = <0x47ff2000 0x1000>;',
    page3 = 'reg = <0x47ff3000 0x1000>;',
    firmware = `scmi: scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000002>; shmem = <&dom0_page>;
      #access-controller-cells = <1>; };`,
  } = parts;
  return parseSource(`/dts-v1/;
/ {
  #address-cells = <1>; #size-cells = <1>;
  aliases { serial0 = "/uart@9000000"; };
  memory@48000000 { device_type = "memory"; reg = <0x48000000 0x78000000>; };
  uart@9000000 { compatible = "arm,pl011"; reg = <0x9000000 0x1000>; access-controllers = <&scmi_xen 7>; };
  dom0_page: sram@47ff0000 { compatible = "arm,scmi-shmem"; reg = <0x47ff0000 0x1000>; };
  firmware { ${firmware} };
  ${parts.atRoot ?? ''}
  chosen {
    #address-cells = <1>; #size-cells = <1>; ${chosenRanges}
    xen,xen-bootargs = "${bootargs}";
    ${dom0Kernel}
    ${parts.inChosen ?? ''}
    xen {
      #address-cells = <1>; #size-cells = <1>; ${xenRanges}
      xen_scmi_config {
        compatible = "xen,sci"; #address-cells = <1>; #size-cells = <1>; ranges;
        ${list === '' ? '' : `scmi-secondary-agents = <${list}>;`} ${cells} ${dom0}
        page0: sram@47ff0000 { compatible = "arm,scmi-shmem"; ${page0} };
        page1: sram@47ff1000 { compatible = "arm,scmi-shmem"; reg = <${managementPage}>; };
        page2: sram@47ff2000 { compatible = "arm,scmi-shmem"; ${page2} };
        page3: sram@47ff3000 { compatible = "arm,scmi-shmem"; ${page3} };
        scmi_xen: scmi { ${management} };
        ${parts.inContainer ?? ''}
      };
    };
  };
};`);
}

/** Lines of an undisturbed probe up to the agent count. */
export const probed = [
  'scmi: Got shmem 47ff1000 after vmap 00000a0040f7d000',
  'scmi: agent_id = -1 msg_id = 7 type = 0, proto = 10',
  'scmi: get smc response agent_id = -1 msg_id = 7 proto = 10 res=0',
  'id=0x1 name=agent-1',
  'scmi: agent_id = 1 msg_id = 1 type = 0, proto = 10',
  'scmi: get smc response agent_id = 1 msg_id = 1 proto = 10 res=0',
  'scmi: Got agent count 4',
] as const;

export const agent0 = 'scmi: Agent 0 SMC 82000002 addr 47ff0000';
export const agent2 = 'scmi: Agent 2 SMC 82000004 addr 47ff2000';
export const agent3 = 'scmi: Agent 3 SMC 82000005 addr 47ff3000';
export const dom0Acquires = 'scmi: Acquire channel id = 0x0, domain_id = 0 paddr = 0x47ff0000';
