import type { DeviceTree } from '../dt/tree.ts';
import type { Scenario } from './scenario.ts';
import { domainNodes, hasDom0 } from '../xen/modules.ts';
import type { Platform } from './platform.ts';
import type { PredictedDomain } from './prediction.ts';

/** Every domain that there was or should have been, also those that are gone at the end. */
export class DomainHistory {
  readonly #platform: Platform;
  readonly #scenario: Scenario;
  readonly #domains = new Map<number, PredictedDomain>();

  constructor(platform: Platform, scenario: Scenario) {
    this.#platform = platform;
    this.#scenario = scenario;
  }

  /** Notes the domains that there are now. */
  look(): void {
    for (const { domid, name, agentId, tree } of this.#platform.domains()) {
      const known = this.#domains.get(domid);
      const own = agentId ?? known?.agentId ?? null;
      this.#domains.set(domid, {
        domid,
        name,
        created: true,
        agentId: own,
        scmiNodes: this.#nodes(domid, tree),
      });
    }
  }

  /** Notes what a `create` came to, also where the domain is gone again. */
  created(name: string, { rc, domid }: { readonly rc: number; readonly domid?: number }): void {
    this.look();
    if (rc === 0 || domid === undefined) return;
    this.#domains.set(domid, { domid, name, created: false, agentId: null, scmiNodes: 'none' });
  }

  /** All of them by id. A domain that a panic kept from being created has the next free id. */
  domains(): readonly PredictedDomain[] {
    const all = [...this.#domains.values()];
    if (this.#platform.panic !== null) all.push(...this.#missing());
    return all.toSorted((one, other) => one.domid - other.domid);
  }

  #missing(): readonly PredictedDomain[] {
    const { hostTree } = this.#scenario;
    const missing = { created: false, agentId: null, scmiNodes: 'none' } as const;
    const boot = [
      ...(hasDom0(hostTree) ? [{ domid: 0, name: 'Dom0' }] : []),
      ...domainNodes(hostTree).map((node, index) => ({
        domid: index + 1,
        name: node.name.replace(/@.*$/, ''),
      })),
    ];
    return boot.filter(({ domid }) => !this.#domains.has(domid)).map(each => ({ ...missing, ...each }));
  }

  /** For Dom0 what became of the host's nodes; for a guest whether it was given any. */
  #nodes(domid: number, tree: DeviceTree | null): PredictedDomain['scmiNodes'] {
    if (domid !== 0) return tree !== null && hasScmi(tree) ? 'kept' : 'none';
    if (!hasScmi(this.#scenario.hostTree)) return 'none';
    if (tree !== null) return hasScmi(tree) ? 'kept' : 'dropped';
    const { registered } = this.#platform.mediator;
    const agent = this.#platform.domains().find(each => each.domid === 0)?.agentId ?? null;
    return registered && agent === null ? 'dropped' : 'kept';
  }
}

/** Whether a kernel would find an SCMI node; that of Xen's container is none. */
function hasScmi(tree: DeviceTree): boolean {
  return [...tree.root.walk()].some(
    node => node.isCompatible('arm,scmi-smc') && !node.path.startsWith('/chosen/'),
  );
}
