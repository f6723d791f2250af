import type { DtNode } from '../dt/tree.ts';
import type { Context } from './context.ts';
import { findCompatible, sharedMemoryAddress } from './device-tree.ts';
import type { Domain } from './domain.ts';
import { errno } from './errno.ts';
import { SMCCC_1_1 } from './machine.ts';
import type { Channel, Mediator } from './mediator.ts';
import type { Sci } from './sci.ts';

/**
 * The forwarder from before the SCI subsystem: xen/arch/arm/firmware/scmi-smc.c of Xen 4.20. It takes the first
 * node compatible `arm,scmi-smc`, available or not, and forwards the hardware domain's calls.
 */
export class ScmiSmc420 implements Mediator {
  readonly kind = 'single-agent';
  readonly agentId = null;
  readonly #context: Context;
  #functionId = 0;
  #shmem = 0;
  #hardwareDomain: Domain | null = null;

  constructor(context: Context) {
    this.#context = context;
  }

  channels(): readonly Channel[] {
    const domid = this.#hardwareDomain?.domid ?? null;
    return [{ agentId: 0, functionId: this.#functionId, address: this.#shmem, domid }];
  }

  /**
   * scmi_init()
   * @returns 0, or the negative errno with which the initcall ends
   */
  initialise(sci: Sci): number {
    const { console, machine, hostTree } = this.#context;
    if (machine.smcccVersion < SMCCC_1_1) {
      const because = 'EL3 reports an SMC Calling Convention older than 1.1';
      console.printk('scmi-smc.no-smccc', [], { because });
      return -errno.ENOSYS;
    }
    const node = findCompatible(hostTree, 'arm,scmi-smc');
    return node === undefined ? -errno.EOPNOTSUPP : this.#bind(node, sci);
  }

  sanitiseConfig(): number {
    return 0;
  }

  domainInit(domain: Domain): number {
    if (domain.hardware) this.#hardwareDomain = domain;
    return 0;
  }

  domainDestroy(): void {}

  handleCall(domain: Domain, functionId: number): number | undefined {
    if (functionId !== this.#functionId) return undefined;
    if (domain.hardware) return this.#context.machine.smc(functionId);
    const why = { because: 'only the hardware domain may ring SCMI', domid: domain.domid };
    this.#context.console.printk('scmi-smc.unprivileged', [domain.domid], why, domain.domid);
    return undefined;
  }

  handleNode(): boolean {
    return false;
  }

  #bind(node: DtNode, sci: Sci): number {
    const { console, hostTree } = this.#context;
    const functionId = node.u32('arm,smc-id');
    const place = node.path;
    if (functionId === undefined) {
      const because = `${node.path} has no arm,smc-id`;
      console.printk('scmi-smc.no-smc-id', [node.path], { because, place });
      console.printk('scmi-smc.initialization-failed', [-errno.ENOENT], { because, place });
      return -errno.ENOENT;
    }
    this.#functionId = functionId;
    this.#shmem = sharedMemoryAddress(hostTree, node);
    sci.register(this, node);
    const because = `${node.path} is the first node compatible arm,scmi-smc`;
    console.printk('scmi-smc.registered', [functionId], { because, place });
    return 0;
  }
}
