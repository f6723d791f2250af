/** A configuration as Xen reads it: what the rules look at, worked out once. */
import type { DeviceTree, DtNode } from '../dt/tree.ts';
import type { Prediction } from '../predict/prediction.ts';
import { type CommandLine, readCommandLine } from '../xen/command-line.ts';
import { isAvailable, isForPassthrough } from '../xen/device-tree.ts';
import { iommus } from '../xen/dom0.ts';
import { hasDom0 } from '../xen/modules.ts';
import { INVALID_AGENT_ID } from '../xen/scmi-smc-multiagent.ts';
import { hasSciSeries } from '../xen/version.ts';
import { type AgentList, type Entry, type Page, pageOf, readAgentList } from './agent-list.ts';
import { type ControlledDevice, controlledDevices } from './controlled-devices.ts';
import { type FirmwareFacts, firmwareFacts } from './firmware-facts.ts';
import { type Dom0lessDomain, dom0lessDomains, type Domain, type XlGuest, xlGuests } from './domains.ts';
import type { LintSubject } from './subject.ts';

export interface Configuration {
  readonly subject: LintSubject;
  readonly tree: DeviceTree;
  readonly commandLine: CommandLine;
  readonly firmware: FirmwareFacts | null;
  /** Whether the build has the mediator of the series. */
  readonly isMultiAgent: boolean;
  readonly containers: readonly DtNode[];
  /** The container that the list is read from: the first one. */
  readonly container: DtNode | undefined;
  /** Nodes below a container that the mediator would probe, whether available or not. */
  readonly managementNodes: readonly DtNode[];
  readonly management: Management | undefined;
  /** Whether this build of Xen probes a node of its own, so that the rest of the container matters. */
  readonly isProbed: boolean;
  /** Whether no mediator registers, as far as that is known without an answer of firmware: no domain is refused then. */
  readonly hasNoMediator: boolean;
  readonly list: AgentList;
  readonly entries: readonly Entry[];
  /** Null where firmware is not known. */
  readonly prediction: Prediction | null;
  readonly hasIommu: boolean;
  readonly dom0: Dom0;
  readonly devices: readonly ControlledDevice[];
  readonly xlGuests: readonly XlGuest[];
  readonly dom0lessDomains: readonly Dom0lessDomain[];
  readonly domains: readonly Domain[];
  /** The channel of an agent: the first entry of its id. */
  entryOf(agentId: number | undefined): Entry | undefined;
  /** Address of the page that firmware reads for an entry; the list's where firmware is not known. */
  pageReadFor(entry: Entry): number | undefined;
}

/** Xen's own channel. */
interface Management {
  readonly node: DtNode;
  readonly functionId: number | undefined;
  readonly page: Page | undefined;
  /** Agent that firmware takes it for; undefined where that is not known. */
  readonly agentId: number | undefined;
}

interface Dom0 {
  readonly exists: boolean;
  /** `xen,dom0-sci-agent-id` as it is written. */
  readonly writtenAgentId: number | undefined;
  /** The agent that Xen gives it; undefined: none. */
  readonly agentId: number | undefined;
  /** `/firmware/scmi`. */
  readonly node: DtNode | undefined;
  readonly functionId: number | undefined;
  readonly page: Page | undefined;
}

export function readConfiguration(subject: LintSubject): Configuration {
  const { hostTree: tree, xen, prediction = null } = subject;
  const firmware = subject.firmware === null ? null : firmwareFacts(subject.firmware);
  const commandLine = readCommandLine(tree, xen);
  const containers = [...tree.root.walk()].filter(node => node.isCompatible('xen,sci'));
  const [container] = containers;
  const managementNodes = containers.flatMap(each =>
    [...each.walk()].filter(node => node !== each && node.isCompatible('arm,scmi-smc')),
  );
  const node = managementNodes.find(each => isAvailable(each) && !isForPassthrough(each));
  const management = node && channelOf(tree, node, firmware);
  const isMultiAgent = xen.mediator === 'multi-agent' && hasSciSeries(xen);
  const list = readAgentList(tree, container, firmware);
  const entryOf = (agentId: number | undefined): Entry | undefined =>
    agentId === undefined ? undefined : list.entries.find(each => each.agentId === agentId);
  const guests = xlGuests(subject, entryOf);
  const dom0less = dom0lessDomains(subject, entryOf);
  return {
    subject,
    tree,
    commandLine,
    firmware,
    isMultiAgent,
    containers,
    container,
    managementNodes,
    management,
    isProbed: isMultiAgent && management !== undefined,
    hasNoMediator:
      firmware === null || prediction === null
        ? isMultiAgent && management === undefined
        : !prediction.mediator.registered,
    list,
    entries: list.entries,
    prediction,
    hasIommu: commandLine.iommu && hasIommuNode(tree),
    dom0: readDom0(tree, container),
    devices: controlledDevices(tree, management?.node),
    xlGuests: guests,
    dom0lessDomains: dom0less,
    domains: [...dom0less, ...guests],
    entryOf,
    pageReadFor: ({ functionId, page }) => firmware?.byFunctionId(functionId)?.shmem ?? page?.address,
  };
}

function channelOf(tree: DeviceTree, node: DtNode, firmware: FirmwareFacts | null): Management {
  const functionId = node.u32('arm,smc-id');
  const agentId = firmware?.byFunctionId(functionId)?.id;
  return { node, functionId, page: pageOf(tree, node.u32('shmem')), agentId };
}

function readDom0(tree: DeviceTree, container: DtNode | undefined): Dom0 {
  const writtenAgentId = container?.u32('xen,dom0-sci-agent-id');
  const node = tree.node('/firmware/scmi');
  const isValid = writtenAgentId !== undefined && writtenAgentId < INVALID_AGENT_ID;
  return {
    exists: hasDom0(tree),
    writtenAgentId,
    agentId: isValid ? writtenAgentId : undefined,
    node,
    functionId: node?.u32('arm,smc-id'),
    page: pageOf(tree, node?.u32('shmem')),
  };
}

function hasIommuNode(tree: DeviceTree): boolean {
  return [...tree.root.walk()].some(
    node => isAvailable(node) && iommus.some(each => node.isCompatible(each)),
  );
}
