/** A configuration in which everything is right, and edits of it. */
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { editTree } from '../../../src/model/dt/edit.ts';
import { writeFlat } from '../../../src/model/dt/flat.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import type { LintSubject } from '../../../src/model/lint/subject.ts';
import type { Guest } from '../../../src/model/predict/scenario.ts';
import type { FirmwareProfile } from '../../../src/model/scmi/profile.ts';
import type { XenBuild } from '../../../src/model/xen/build.ts';

export interface Changes {
  /** Source that stands after that of the host tree. */
  readonly host?: string;
  readonly guests?: readonly Guest[];
  /** Partial tree of the dom0less domain `domU1`, as edits; `null`: it has none. */
  readonly dom0less?: string | null;
  readonly xen?: Partial<XenBuild>;
  readonly firmware?: Partial<FirmwareProfile>;
  readonly profile?: string;
  readonly faults?: readonly string[];
}

export function subjectOf(changes: Changes = {}): LintSubject {
  const { host, guests = [], dom0less, xen, firmware, profile = 'reference', faults = [] } = changes;
  const hostTree = host === undefined ? goodHost : editTree(goodHost, host);
  const partial = typeof dom0less === 'string' ? editTree(goodDom0less, dom0less) : goodDom0less;
  return {
    hostTree,
    xen: { mediator: 'multi-agent', debug: true, ...xen },
    linux: '6.12',
    firmware: { profile: { ...loadFirmwareProfile(profile), ...firmware }, faults },
    guests,
    dom0less: dom0less === undefined || dom0less === null ? new Map() : new Map([['domU1', partial]]),
  };
}

/**
 * A guest of xl with agent 2.
 * @param lines settings in place of those that are right, by name; null: left out
 * @param tree edits of its partial tree; null: it has none
 */
export function guest(
  lines: Readonly<Record<string, string | null>> = {},
  tree: string | null = '',
  name = 'd2',
): Guest {
  const settings = {
    name: `"${name}"`,
    memory: '128',
    kernel: '"/root/Image"',
    arm_sci: '"type=scmi_smc_multiagent,agent_id=2"',
    iomem: '[ "47ff2,1@22001" ]',
    device_tree: tree === null ? null : '"/root/guest.dtb"',
    ...lines,
  };
  const config = Object.entries(settings).flatMap(([setting, value]) =>
    value === null ? [] : [`${setting} = ${value}\n`],
  );
  const files = tree === null ? [] : [['/root/guest.dtb', writeFlat(editTree(goodPartial, tree))] as const];
  return { name, config: config.join(''), origin: `${name}.cfg`, files: new Map(files) };
}

/** Edits that add a dom0less domain with agent 2. */
export function domU(sci = 'xen,sci_type = "scmi_smc_multiagent"; xen,sci-agent-id = <2>;'): string {
  return `/ { chosen { domU1 {
    compatible = "xen,domain";
    memory = <0x0 0x20000>;
    cpus = <1>;
    ${sci}
    module@5a000000 { compatible = "multiboot,kernel", "multiboot,module"; };
    module@61000000 { compatible = "multiboot,device-tree", "multiboot,module"; };
  }; }; };`;
}

/** Edits that give Xen an IOMMU. */
export const iommu =
  '/ { iommu@9050000 { compatible = "arm,smmu-v3"; reg = <0x0 0x9050000 0x0 0x20000>; }; };';

/** A Dom0 device under SCMI management. */
export function device(properties: string): string {
  return `/ { dev@9030000 { compatible = "ref,dev"; reg = <0x0 0x9030000 0x0 0x1000>; ${properties} }; };`;
}

const goodHost = parseSource(
  `/dts-v1/;
  / {
    compatible = "linux,dummy-virt";
    #address-cells = <2>;
    #size-cells = <2>;

    memory@48000000 { device_type = "memory"; reg = <0x0 0x48000000 0x0 0x78000000>; };

    uart: serial@9000000 { compatible = "arm,pl011"; reg = <0x0 0x9000000 0x0 0x1000>; };

    scmi_shm: sram@47ff0000 { compatible = "arm,scmi-shmem"; reg = <0x0 0x47ff0000 0x0 0x1000>; };

    firmware {
      scmi: scmi {
        compatible = "arm,scmi-smc";
        arm,smc-id = <0x82000002>;
        shmem = <&scmi_shm>;
        #address-cells = <1>;
        #size-cells = <0>;
        protocol@14 { reg = <0x14>; #clock-cells = <1>; };
      };
    };

    chosen: chosen {
      #address-cells = <2>;
      #size-cells = <2>;
      ranges;
      stdout-path = "/serial@9000000";
      xen,xen-bootargs = "console=dtuart dtuart=/serial@9000000 loglvl=all guest_loglvl=all noreboot";
      xen,dom0-bootargs = "console=hvc0";
      module@50000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0x0 0x50000000 0x0 0x1000000>; };

      xen: xen {
        #address-cells = <2>;
        #size-cells = <2>;
        ranges;

        container: xen_scmi_config {
          compatible = "xen,sci";
          #address-cells = <2>;
          #size-cells = <2>;
          ranges;
          #scmi-secondary-agents-cells = <3>;
          scmi-secondary-agents = <0x82000002 &shm_0 0 0x82000004 &shm_2 2 0x82000005 &shm_3 3>;
          xen,dom0-sci-agent-id = <0>;

          shm_0: sram@47ff0000 { compatible = "arm,scmi-shmem"; reg = <0x0 0x47ff0000 0x0 0x1000>; };
          shm_1: sram@47ff1000 { compatible = "arm,scmi-shmem"; reg = <0x0 0x47ff1000 0x0 0x1000>; };
          shm_2: sram@47ff2000 { compatible = "arm,scmi-shmem"; reg = <0x0 0x47ff2000 0x0 0x1000>; };
          shm_3: sram@47ff3000 { compatible = "arm,scmi-shmem"; reg = <0x0 0x47ff3000 0x0 0x1000>; };

          scmi_xen: scmi {
            compatible = "arm,scmi-smc";
            arm,smc-id = <0x82000003>;
            shmem = <&shm_1>;
            #address-cells = <1>;
            #size-cells = <0>;
            #access-controller-cells = <1>;
          };
        };
      };
    };
  };`,
  { file: 'host.dts', symbols: true },
);

const goodPartial = partialTree('');
const goodDom0less = partialTree(
  'xen,reg = <0x0 0x47ff2000 0x0 0x1000 0x0 0x22001000>; xen,force-assign-without-iommu;',
);

function partialTree(page: string) {
  return parseSource(
    `/dts-v1/;
    / {
      #address-cells = <2>;
      #size-cells = <2>;
      passthrough: passthrough {
        compatible = "simple-bus";
        ranges;
        #address-cells = <2>;
        #size-cells = <2>;
        shm: sram@22001000 { compatible = "arm,scmi-shmem"; reg = <0x0 0x22001000 0x0 0x1000>; ${page} };
        firmware {
          compatible = "simple-bus";
          scmi: scmi {
            compatible = "arm,scmi-smc";
            arm,smc-id = <0x82000004>;
            shmem = <&shm>;
            #address-cells = <1>;
            #size-cells = <0>;
          };
        };
      };
    };`,
    { file: 'guest.dts', symbols: true },
  );
}
