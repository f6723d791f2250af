import type { DtNode } from '../dt/tree.ts';
import type { Context } from './context.ts';
import {
  deviceAddress,
  findByPhandle,
  firstCellUnchecked,
  hasPath,
  sharedMemoryAddress,
} from './device-tree.ts';
import type { Domain } from './domain.ts';
import type { DomainConfig } from './domctl.ts';
import { errno } from './errno.ts';
import { permitAccess } from './iocap.ts';
import { SMCCC_1_1 } from './machine.ts';
import type { Channel, Mediator } from './mediator.ts';
import type { Sci } from './sci.ts';

/**
 * The mediator for firmware with a single agent: CONFIG_SCMI_SMC, xen/arch/arm/firmware/scmi-smc.c.
 *
 * It forwards the calls of one domain: the hardware domain or, with `scmi-smc-passthrough`, the first guest
 * that asks for it.
 */
export class ScmiSmc implements Mediator {
  readonly kind = 'single-agent';
  readonly agentId = null;
  readonly #context: Context;
  readonly #sci: Sci;
  /** `scmi_smc_id`: what the node probed last names, even one that does not register. */
  #functionId = 0;
  #shmem = 0;
  #owner: Domain | null = null;

  constructor(context: Context, sci: Sci) {
    this.#context = context;
    this.#sci = sci;
  }

  channels(): readonly Channel[] {
    const domid = this.#owner?.domid ?? null;
    return [{ agentId: 0, functionId: this.#functionId, address: this.#shmem, domid }];
  }

  snapshot(): () => void {
    const owner = this.#owner;
    return () => {
      this.#owner = owner;
    };
  }

  /** scmi_dom0_init() */
  probe(node: DtNode): number {
    const { console, machine } = this.#context;
    if (machine.smcccVersion < SMCCC_1_1) {
      const because = 'EL3 reports an SMC Calling Convention older than 1.1';
      console.printk('scmi-smc.no-smccc', [], { because });
      return -errno.ENOSYS;
    }
    const functionId = node.u32('arm,smc-id');
    if (functionId === undefined) {
      const because = `${node.path} has no arm,smc-id`;
      console.printk('scmi-smc.no-smc-id', [node.path], { because, place: node.path });
      return -errno.ENOENT;
    }
    this.#functionId = functionId;
    const rc = this.#sci.register(this, node);
    if (rc !== 0) {
      const because = `a mediator had registered before ${node.path} was probed, and now rings that node's function id`;
      console.printk('scmi-smc.already-registered', [rc], { because, place: node.path });
      return rc;
    }
    this.#shmem = sharedMemoryAddress(this.#context.hostTree, node);
    const because = `${node.path} is the first node compatible arm,scmi-smc`;
    console.printk('scmi-smc.registered', [functionId], { because, place: node.path });
    return 0;
  }

  sanitiseConfig(config: DomainConfig): number {
    return config.sciType === 'scmi_smc_multiagent' ? -errno.EINVAL : 0;
  }

  domainInit(domain: Domain): number {
    const asks = domain.config.sciType === 'scmi_smc';
    const passthrough = this.#context.commandLine.scmiSmcPassthrough;
    if (!passthrough && !domain.hardware) return asks ? -errno.EINVAL : 0;
    if (passthrough && (!asks || domain.hardware)) return 0;
    if (this.#owner !== null) return -errno.EEXIST;
    this.#owner = domain;
    domain.sciEnabled = true;
    this.#context.console.printk('scmi-smc.domain-init', [domain.domid], {
      because: `${domain.name} is the one domain whose calls are forwarded`,
      domid: domain.domid,
    });
    return 0;
  }

  domainDestroy(domain: Domain): void {
    if (this.#owner !== null && this.#owner !== domain) return;
    this.#owner = null;
    domain.sciEnabled = false;
    this.#context.console.printk('scmi-smc.domain-destroy', [domain.domid], {
      because: `${domain.name} is gone; the driver says so of every domain while nobody owns the channel`,
      domid: domain.domid,
    });
  }

  handleCall(domain: Domain, functionId: number): number | undefined {
    if (functionId !== this.#functionId) return undefined;
    if (domain === this.#owner) return this.#context.machine.smc(functionId);
    const why = { because: `only one domain may ring 0x${functionId.toString(16)}`, domid: domain.domid };
    this.#context.console.printk('scmi-smc.unprivileged', [domain.domid], why, domain.domid);
    return undefined;
  }

  /** Without SCMI the hardware domain loses the nodes and may pass the page on. */
  handleNode(domain: Domain, node: DtNode): boolean {
    if (domain.sciEnabled) return false;
    if (node.isCompatible('arm,scmi-shmem')) return true;
    if (!hasPath(node, '/firmware/scmi')) return false;
    if (!node.has('shmem')) return true;
    const page = findByPhandle(this.#context.hostTree, firstCellUnchecked(node, 'shmem'));
    if (page !== undefined) {
      const { rc, address, size } = deviceAddress(this.#context, page);
      if (rc === 0) {
        const because = `without SCMI of its own ${domain.name} may pass ${page.path} on`;
        permitAccess(this.#context, domain, { address, size }, { because, place: page.path });
      }
    }
    return true;
  }
}
