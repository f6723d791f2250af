/**
 * Properties of a dom0less domain's node that are read before the domain is made: parse_dom0less_node() of
 * xen/common/device-tree/dom0less-bindings.c and arch_parse_dom0less_node() of xen/arch/arm/dom0less-build.c.
 */
import type { DtNode } from '../dt/tree.ts';
import type { XenBuild } from './build.ts';
import type { Context } from './context.ts';
import { nodeName, readString } from './device-tree.ts';
import type { DomainConfig } from './domctl.ts';
import { XenPanic } from './panic.ts';
import { INVALID_AGENT_ID } from './scmi-smc-multiagent.ts';
import { hasSciSeries, hasSciSubsystem } from './version.ts';

/** State of the machine that the properties are held against. */
export interface DomUSurroundings {
  readonly iommu: boolean;
  /** Id of the hardware domain, where there is one already. */
  readonly hardwareDomain: number | undefined;
}

/**
 * Reads what a domain's node in /chosen asks for.
 * @throws {XenPanic} where a property that has to be there is not, or one has a value that is refused
 */
export function domUConfig(
  context: Context,
  node: DtNode,
  surroundings: DomUSurroundings = { iommu: false, hardwareDomain: undefined },
): DomainConfig {
  const name = nodeName(node);
  const check = (when: PropertyCheck['when']): void => {
    for (const { rule, find, when: own, isOld = false } of propertyChecks) {
      if (own !== when || !(isOld || hasSciSubsystem(context.build))) continue;
      const problem = find(node, name, surroundings);
      if (problem === undefined) continue;
      const { text, why, hasNewline = true } = problem;
      throw new XenPanic(rule, text, why, { place: node.path, hasNewline });
    }
  };
  check('before cpus');
  const maxVcpus = cpusOf(context, node);
  check('after cpus');
  const sci = sciOf(context, node, name);
  check('after SCI');
  return {
    name,
    ...sci,
    maxVcpus,
    grantVersion: node.u32('max_grant_version'),
    grantFrames: node.u32('max_grant_frames'),
    nrSpis: node.u32('nr_spis'),
  };
}

/** Bits of `capabilities` (xen/include/public/bootfdt.h). */
export const capability = { control: 1, hardware: 2, xenstore: 4 } as const;

export function hasCapability(node: DtNode, which: keyof typeof capability): boolean {
  return ((node.u32('capabilities') ?? 0) & capability[which]) !== 0;
}

interface Problem {
  readonly text: string;
  readonly why: string;
  readonly hasNewline?: false;
}

interface PropertyCheck {
  readonly rule: `dom0less.${string}`;
  /** When the property is read, among those that end the boot as well. */
  readonly when: 'before cpus' | 'after cpus' | 'after SCI';
  /** Xen before 4.21 checks it as well. */
  readonly isOld?: true;
  readonly find: (node: DtNode, name: string, surroundings: DomUSurroundings) => Problem | undefined;
}

/** In the order in which Xen reads them. Features that are off unless a build turns them on are taken for off. */
const propertyChecks: readonly PropertyCheck[] = [
  {
    rule: 'dom0less.capabilities',
    when: 'before cpus',
    find(node, _, { hardwareDomain }) {
      const bits = node.u32('capabilities') ?? 0;
      const text = bits.toString(16);
      if (bits > 7) {
        return {
          text: `Invalid capabilities (${text})`,
          why: `capabilities is 0x${text}, and there are 3 bits`,
        };
      }
      if (!hasCapability(node, 'hardware') || hardwareDomain === undefined) return undefined;
      return {
        text: `Only 1 hardware domain can be specified! (d${hardwareDomain})`,
        why: `capabilities asks for the hardware domain, which is domain ${hardwareDomain} already`,
      };
    },
  },
  {
    rule: 'dom0less.direct-map',
    when: 'before cpus',
    isOld: true,
    find(node, name) {
      if (!node.has('direct-map') || node.has('xen,static-mem')) return undefined;
      const text = `direct-map is not valid for domain ${name} without static allocation.`;
      return { text, why: 'direct-map is there, and xen,static-mem is not' };
    },
  },
  {
    rule: 'dom0less.hardware-domain',
    when: 'after cpus',
    find(node, _, { iommu }) {
      if (!hasCapability(node, 'hardware')) return undefined;
      if (readString(node, 'passthrough') !== undefined) {
        return {
          text: "Don't specify passthrough for hardware domain",
          why: 'passthrough is given for a domain that capabilities makes the hardware domain',
        };
      }
      if (!node.has('direct-map') && !iommu) {
        return {
          text: 'non-direct mapped hardware domain requires iommu',
          why: 'a hardware domain without direct-map needs an IOMMU, and none is enabled',
        };
      }
      if (!node.children.some(child => child.isCompatible('multiboot,device-tree'))) return undefined;
      return {
        text: '"multiboot,device-tree" incompatible with hardware domain',
        why: 'a hardware domain has a module multiboot,device-tree',
      };
    },
  },
  ...['max_grant_frames', 'max_maptrack_frames'].map(
    (property): PropertyCheck => ({
      rule: 'dom0less.grant-frames',
      when: 'after cpus',
      isOld: true,
      find(node) {
        const frames = node.u32(property) ?? 0;
        if (frames <= 0x7fff_ffff) return undefined;
        return { text: `${property} (${frames}) overflow`, why: `${property} is more than 31 bits` };
      },
    }),
  ),
  {
    rule: 'dom0less.llc-colors',
    when: 'after cpus',
    isOld: true,
    find(node) {
      if (readString(node, 'llc-colors') === undefined) return undefined;
      return {
        text: "'llc-colors' found, but LLC coloring is disabled",
        why: "llc-colors is there, and LLC coloring is not enabled (CONFIG_LLC_COLORING, `llc-coloring=on` on Xen's command line)",
      };
    },
  },
  {
    rule: 'dom0less.nr-spis',
    when: 'after SCI',
    find(node) {
      if (!hasCapability(node, 'hardware') || node.u32('nr_spis') === undefined) return undefined;
      const text = 'nr_spis cannot be specified for hardware domain';
      return { text, why: 'nr_spis is given for a domain that capabilities makes the hardware domain' };
    },
  },
  {
    rule: 'dom0less.sve',
    when: 'after SCI',
    isOld: true,
    find(node) {
      if (!node.has('sve')) return undefined;
      return {
        text: "'sve' property found, but CONFIG_ARM64_SVE not selected",
        why: 'sve is there, and Xen has no support for it unless CONFIG_ARM64_SVE is selected',
      };
    },
  },
  {
    rule: 'dom0less.trap-unmapped-accesses',
    when: 'after SCI',
    find(node) {
      const value = node.u32('trap-unmapped-accesses') ?? 0;
      if (value <= 1) return undefined;
      return {
        text: 'trap-unmapped-accesses: supported values are 0 or 1',
        why: `trap-unmapped-accesses is ${value}`,
        hasNewline: false,
      };
    },
  },
];

/** A domain without `cpus` is given one where its node is completed. */
function cpusOf({ modulesAreAdded }: Context, node: DtNode): number {
  const cpus = modulesAreAdded && !node.has('cpus') ? 1 : node.u32('cpus');
  if (cpus !== undefined) return cpus;
  const text = `Missing property 'cpus' for domain ${nodeName(node)}`;
  const why = 'cpus is missing, or less than a cell';
  throw new XenPanic('dom0less.no-cpus', text, why, { place: node.path });
}

/** domu_dt_sci_parse() */
function sciOf(context: Context, node: DtNode, name: string): Pick<DomainConfig, 'sciType' | 'sciAgentId'> {
  const none = { sciType: 'none', sciAgentId: 0 } as const;
  const type = readsSciType(context.build) ? readString(node, 'xen,sci_type') : 'none';
  if (!node.has('xen,sci_type') || type === 'none') return none;
  if (type === 'scmi_smc') return { ...none, sciType: type };
  if (type === 'scmi_smc_multiagent' && hasSciSeries(context.build)) {
    const agentId = node.u32('xen,sci-agent-id');
    if (agentId === undefined) throw refused(node, 'xen,sci-agent-id is missing');
    if (agentId >= INVALID_AGENT_ID) throw refused(node, `xen,sci-agent-id is ${agentId}, beyond 254`);
    return { sciType: type, sciAgentId: agentId };
  }
  if (type === undefined) throw refused(node, 'xen,sci_type is no string');
  const because = `xen,sci_type "${type}" is not one that Xen knows`;
  context.console.printk('dom0less.sci-type', [type, name], { because, place: node.path });
  throw refused(node, because);
}

/** CONFIG_ARM_SCI, which a driver brings along. */
function readsSciType(build: XenBuild): boolean {
  return hasSciSubsystem(build) && build.mediator !== 'none';
}

function refused(node: DtNode, why: string): XenPanic {
  return new XenPanic('dom0less.sci-configuration', 'Error getting SCI configuration', why, {
    place: node.path,
  });
}
