/** Domains beside Dom0: what each asks for, what it is given, and what its partial tree says. */
import { nodeReg } from '../dt/address.ts';
import { DtError } from '../dt/error.ts';
import { parseFlat } from '../dt/flat.ts';
import { type DeviceTree, DtNode } from '../dt/tree.ts';
import type { Guest } from '../predict/scenario.ts';
import { isAvailable } from '../xen/device-tree.ts';
import { domainNodes } from '../xen/modules.ts';
import { INVALID_AGENT_ID } from '../xen/scmi-smc-multiagent.ts';
import { parseXlConfig, type XlConfig } from '../xl/xl-config.ts';
import { readDomainConfig, type XlComplaint, type XlDomainConfig } from '../xl/xl-domain-config.ts';
import type { Entry } from './agent-list.ts';
import type { Place } from './finding.ts';
import type { LintSubject } from './subject.ts';

interface CommonDomain {
  readonly name: string;
  /** The mediator that it asks for; `none` also if the toolstack, or Xen, reads it as nothing. */
  readonly sciType: 'none' | 'scmi_smc' | 'scmi_smc_multiagent';
  /** The agent that it asks for; undefined where it asks for none that can be. */
  readonly agentId: number | undefined;
  /** That agent's entry in Xen's list. */
  readonly entry: Entry | undefined;
  /** Place of its agent id. */
  readonly place: Place;
  readonly partial: PartialTree | undefined;
  /** Memory of the machine that it is given. */
  readonly mappings: readonly Mapping[];
}

export interface Mapping {
  /** Addresses and size in bytes. */
  readonly machine: number;
  readonly guest: number;
  readonly size: number;
  readonly place: Place;
  /** Node of the partial tree that has it, for dom0less domains. */
  readonly node?: DtNode;
}

/** A guest of the toolstack. */
export interface XlGuest extends CommonDomain {
  readonly kind: 'xl';
  readonly config: XlConfig;
  /** Absent where xl gives up. */
  readonly settings: XlDomainConfig | undefined;
  readonly syntaxErrors: readonly string[];
  readonly complaints: readonly XlComplaint[];
  /** Place of a setting: file and line. */
  at(setting: string): Place;
}

/** A domain that Xen creates. */
export interface Dom0lessDomain extends CommonDomain {
  readonly kind: 'dom0less';
  /** Its node in /chosen. */
  readonly node: DtNode;
}

export type Domain = XlGuest | Dom0lessDomain;

/** SCMI nodes of a partial tree. */
export interface PartialTree {
  readonly tree: DeviceTree;
  /** Nodes that go to the guest, in the tree's order. */
  readonly nodes: readonly DtNode[];
  /** Its available `arm,scmi-smc` node. */
  readonly scmi: DtNode | undefined;
  /** The node that `shmem` of that means. */
  readonly shmem: DtNode | undefined;
  /** Guest physical address of it; undefined where it does not translate. */
  readonly shmemAddress: number | undefined;
  at(node: DtNode, property?: string): Place;
}

type EntryOf = (agentId: number | undefined) => Entry | undefined;

export function xlGuests(subject: LintSubject, entryOf: EntryOf): XlGuest[] {
  return subject.guests.map(guest => {
    const { config, errors } = parseXlConfig(guest.config, guest.origin);
    const { domain: settings, complaints } =
      errors.length === 0 ? readDomainConfig(config) : { domain: undefined, complaints: [] };
    const at = (setting: string): Place => {
      const line = config.setting(setting)?.line;
      return { file: guest.origin, property: setting, ...(line === undefined ? {} : { line }) };
    };
    const sciType = settings?.armSci.type ?? 'none';
    const agentId = sciType === 'scmi_smc_multiagent' ? settings?.armSci.agentId : undefined;
    const tree = settings?.deviceTree === undefined ? undefined : treeOf(guest, settings.deviceTree);
    const name = settings?.name ?? guest.name;
    return {
      kind: 'xl',
      name,
      sciType,
      agentId,
      entry: entryOf(agentId),
      place: at('arm_sci'),
      partial: tree && partialTree(tree, name, subject.files?.partialTrees?.get(guest.name)),
      mappings: (settings?.iomem ?? []).map(({ start, count, guestFrame }) => ({
        machine: start * pageSize,
        guest: guestFrame * pageSize,
        size: count * pageSize,
        place: at('iomem'),
      })),
      config,
      settings,
      syntaxErrors: errors,
      complaints,
      at,
    };
  });
}

export function dom0lessDomains(subject: LintSubject, entryOf: EntryOf): Dom0lessDomain[] {
  return domainNodes(subject.hostTree).map(node => {
    const name = node.name.replace(/@.*$/, '');
    const tree = subject.dom0less.get(node.name) ?? subject.dom0less.get(name);
    const sciType = types.find(each => each === node.string('xen,sci_type')) ?? 'none';
    const written = sciType === 'scmi_smc_multiagent' ? node.u32('xen,sci-agent-id') : undefined;
    const agentId = written !== undefined && written < INVALID_AGENT_ID ? written : undefined;
    const partial = tree && partialTree(tree, name, subject.files?.partialTrees?.get(name));
    return {
      kind: 'dom0less',
      name,
      sciType,
      agentId,
      entry: entryOf(agentId),
      place: { node: node.path, property: 'xen,sci-agent-id' },
      partial,
      mappings: partial === undefined ? [] : partial.nodes.flatMap(each => hostRanges(each, partial)),
      node,
    };
  });
}

const types = ['none', 'scmi_smc', 'scmi_smc_multiagent'] as const;
export const pageSize = 4096;

/** The blob that a guest is given beside its configuration; undefined where it is not there or no tree. */
function treeOf({ files }: Guest, path: string): DeviceTree | undefined {
  const blob = files.get(path);
  if (blob === undefined) return undefined;
  try {
    return parseFlat(blob, path);
  } catch (error) {
    if (error instanceof DtError) return undefined;
    throw error;
  }
}

function partialTree(tree: DeviceTree, domain: string, file: string | undefined): PartialTree {
  const passthrough = asInGuest(tree);
  const nodes = [...(passthrough?.walk() ?? [])];
  const scmi = nodes.find(node => node.isCompatible('arm,scmi-smc') && isAvailable(node));
  const phandle = scmi?.u32('shmem');
  const shmem = phandle === undefined ? undefined : nodes.find(node => node.u32('phandle') === phandle);
  const reg = shmem && nodeReg(shmem);
  return {
    tree,
    nodes,
    scmi,
    shmem,
    shmemAddress: reg?.ok === true ? reg.address : undefined,
    at: (node, property) => ({
      partialTreeOf: domain,
      node: node.path,
      ...(property === undefined ? {} : { property }),
      ...(file === undefined ? {} : { file }),
    }),
  };
}

/** /passthrough below a root of two cells each, whatever the root of the partial tree has: so guests get it. */
function asInGuest(tree: DeviceTree): DtNode | undefined {
  const root = new DtNode('', null);
  root.properties.set('#address-cells', TWO_CELLS);
  root.properties.set('#size-cells', TWO_CELLS);
  const passthrough = tree.node('/passthrough');
  return passthrough && copy(passthrough, root);
}

function copy(node: DtNode, parent: DtNode): DtNode {
  const own = new DtNode(node.name, parent);
  for (const [name, value] of node.properties) own.properties.set(name, value);
  parent.children.push(own);
  for (const child of node.children) copy(child, own);
  return own;
}

const TWO_CELLS = Uint8Array.of(0, 0, 0, 2);

/** `xen,reg = <host size guest>`, in the cells of the node above. */
function hostRanges(node: DtNode, partial: PartialTree): Mapping[] {
  const values = node.cells('xen,reg') ?? [];
  const address = node.parent?.u32('#address-cells') ?? 2;
  const size = node.parent?.u32('#size-cells') ?? 1;
  const length = 2 * address + size;
  if (length === 0) return [];
  return Array.from({ length: Math.floor(values.length / length) }, (_, index) => {
    const entry = values.slice(index * length, (index + 1) * length);
    return {
      machine: numberOf(entry.slice(0, address)),
      size: numberOf(entry.slice(address, address + size)),
      guest: numberOf(entry.slice(address + size)),
      place: partial.at(node, 'xen,reg'),
      node,
    };
  });
}

function numberOf(cells: readonly number[]): number {
  return cells.reduce((value, cell) => value * 2 ** 32 + cell, 0);
}
