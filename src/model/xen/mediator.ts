import type { DtNode } from '../dt/tree.ts';
import type { PhandleArguments } from './device-tree.ts';
import type { Domain } from './domain.ts';
import type { DomainConfig } from './domctl.ts';

/** Operations of a driver in the SCI subsystem: struct sci_mediator_ops. Errors are negative errnos. */
export interface Mediator {
  readonly kind: 'multi-agent' | 'single-agent';
  /** Id of Xen's own agent; null where the driver has none. */
  readonly agentId: number | null;
  sanitiseConfig(config: DomainConfig): number;
  domainInit(domain: Domain): number;
  domainDestroy(domain: Domain): void;
  /** Absent where the driver has nothing to say to firmware when a domain ends. */
  relinquishResources?(domain: Domain): number;
  /** x0 of a forwarded SMC; undefined where the call is not the mediator's. */
  handleCall(domain: Domain, functionId: number): number | undefined;
  /** Whether a node is to be left out of the hardware domain's tree. */
  handleNode(domain: Domain, node: DtNode): boolean;
  /** Absent where devices are none of the driver's business. */
  assignDevice?(domain: Domain, device: DtNode, controller: PhandleArguments): number;
  /** @returns what gives each channel back to who holds it now; absent where that never changes after the boot */
  snapshot?(): () => void;
  /** Channels of agents other than Xen's own, in the order of their list. */
  channels(): readonly Channel[];
}

/** One agent's way to firmware. */
export interface Channel {
  readonly agentId: number;
  readonly functionId: number;
  /** Machine address of its page. */
  readonly address: number;
  /** Domain that holds it; null: free. */
  readonly domid: number | null;
}
