import type { Context } from './context.ts';
import { findByPath } from './device-tree.ts';
import { Domain } from './domain.ts';
import type { Domctl, DomainConfig } from './domctl.ts';
import { errno } from './errno.ts';
import type { Sci } from './sci.ts';
import { mostVcpus } from './vgic.ts';

/** GNTTAB_MAX_VERSION of Arm, and the shared interrupts that a domain can have: 1020 less the private ones. */
const mostGrantVersion = 1;
const mostSpis = 988;

/** The domctls that Dom0's toolstack makes: xen/common/domctl.c, xen/arch/arm/domain.c. */
export class Hypercalls implements Domctl {
  readonly iommuEnabled: boolean;
  readonly #context: Context;
  readonly #sci: Sci;
  readonly #domains: Map<number, Domain>;
  /** The last id given out: ids of domains that failed or ended are not used again soon. */
  #lastDomid = 0;

  /** @param domains all domains that there are, kept up to date by this class */
  constructor(context: Context, sci: Sci, domains: Map<number, Domain>, iommuEnabled: boolean) {
    this.#context = context;
    this.#sci = sci;
    this.#domains = domains;
    this.iommuEnabled = iommuEnabled;
  }

  createDomain(config: DomainConfig): { readonly rc: number; readonly domid: number } {
    const domid = this.allocate();
    const domain = this.create(domid, config);
    return typeof domain === 'number' ? { rc: domain, domid } : { rc: 0, domid };
  }

  /** domain_create() with a given id; a negative errno where it fails. */
  create(domid: number, config: DomainConfig, hardware = false): Domain | number {
    const refused =
      this.#sanitiseVcpus(config) || this.#sci.sanitiseConfig(config) || this.#checkTables(domid, config);
    if (refused !== 0) return this.#done(refused);
    const domain = new Domain(domid, config, hardware);
    const rc = this.#sci.domainInit(domain);
    if (rc !== 0) {
      this.#sci.domainDestroy(domain);
      return this.#done(rc);
    }
    this.#domains.set(domid, domain);
    this.#lastDomid = Math.max(this.#lastDomid, domid);
    return domain;
  }

  iomemPermission(domid: number, first: number, count: number, allow: boolean): number {
    const domain = this.#domains.get(domid);
    if (domain === undefined) return -errno.ESRCH;
    const last = first + count - 1;
    if (last < first) return -errno.EINVAL;
    if (!this.#caller().iomem.contains(first, last)) return -errno.EPERM;
    if (allow) domain.iomem.add(first, last);
    else domain.iomem.remove(first, last);
    return 0;
  }

  memoryMapping(domid: number, gfn: number, mfn: number, count: number): number {
    const domain = this.#domains.get(domid);
    if (domain === undefined) return -errno.ESRCH;
    const last = mfn + count - 1;
    if (last < mfn) return -errno.EINVAL;
    if (count > 64) return -errno.E2BIG;
    if (!this.#caller().iomem.contains(mfn, last) || !domain.iomem.contains(mfn, last)) return -errno.EPERM;
    domain.map(gfn, mfn, count);
    return 0;
  }

  /** SCI is the gate: what it refuses, other than by -ENXIO, never reaches the IOMMU. */
  assignDevice(domid: number, path: string): number {
    const domain = this.#domains.get(domid);
    if (domain === undefined) return -errno.ESRCH;
    const rc = this.#sci.assignDeviceByPath(domain, path);
    return this.#done(rc === 0 || rc === -errno.ENXIO ? this.#assignToIommu(path) : rc);
  }

  destroyDomain(domid: number): number {
    const domain = this.#domains.get(domid);
    if (domain === undefined) return -errno.ESRCH;
    domain.state = 'dying';
    const rc = this.#sci.relinquishResources(domain);
    if (rc !== 0) return this.#done(rc);
    this.#context.heap.release(domid);
    domain.state = 'dead';
    this.#domains.delete(domid);
    this.#sci.domainDestroy(domain);
    return this.#done(0);
  }

  setPagingMempool(domid: number, bytes: number): number {
    const missing = this.#context.heap.take(domid, bytes, `memory for the page tables of domain ${domid}`);
    return missing === 0 ? 0 : -errno.ENOMEM;
  }

  populate(domid: number, bytes: number): number {
    return this.#context.heap.take(domid, bytes, `memory of domain ${domid}`);
  }

  couldFree(bytes: number): boolean {
    return this.#context.heap.couldFree(bytes);
  }

  get commandLine(): string {
    return this.#context.commandLine.text;
  }

  /** @returns what brings all domains back to what they are now, any number of times */
  snapshot(): () => void {
    const lastDomid = this.#lastDomid;
    const memory = this.#context.heap.snapshot();
    const domains = [...this.#domains].map(([domid, domain]) => ({
      domid,
      domain,
      restore: domain.snapshot(),
    }));
    return () => {
      this.#lastDomid = lastDomid;
      memory();
      this.#domains.clear();
      for (const { domid, domain, restore } of domains) {
        restore();
        this.#domains.set(domid, domain);
      }
    };
  }

  /** iommu_do_domctl(): a device that no IOMMU protects counts as assigned. */
  #assignToIommu(path: string): number {
    if (!this.iommuEnabled) return -errno.EOPNOTSUPP;
    return findByPath(this.#context.hostTree, path) === undefined ? -errno.ESRCH : 0;
  }

  /** domid_alloc(DOMID_ANY) */
  allocate(): number {
    do this.#lastDomid++;
    while (this.#domains.has(this.#lastDomid));
    return this.#lastDomid;
  }

  /** sanitise_domain_config() and arch_sanitise_domain_config(), up to where the mediator is asked. */
  #sanitiseVcpus({ name, maxVcpus }: DomainConfig): number {
    if (maxVcpus === undefined) return 0;
    const because = `${name} asks for ${maxVcpus} vCPUs`;
    const most = mostVcpus(this.#context.hostTree);
    if (maxVcpus < 1) this.#context.console.printk('domain.no-vcpus', [], { because });
    else if (maxVcpus > most)
      this.#context.console.printk('domain.too-many-vcpus', [maxVcpus, most], { because });
    else return 0;
    return -errno.EINVAL;
  }

  /** grant_table_init() of xen/common/grant_table.c, and domain_vgic_init() of xen/arch/arm/vgic.c. */
  #checkTables(domid: number, { name, grantVersion = 1, grantFrames = 1, nrSpis = 0 }: DomainConfig): number {
    const { console } = this.#context;
    const because = `${name} asks for grant tables of version ${grantVersion} with ${grantFrames} frames`;
    if (grantVersion === 0) console.printk('grant-table.version-0', [domid], { because });
    else if (grantVersion > mostGrantVersion)
      console.printk('grant-table.version', [domid, grantVersion, mostGrantVersion], { because });
    else if (grantFrames === 0) console.printk('grant-table.size', [grantFrames], { because });
    else if (Math.ceil(nrSpis / 32) * 32 <= mostSpis) return 0;
    return -errno.EINVAL;
  }

  #caller(): Domain {
    return this.#domains.get(0) ?? new Domain(0, { name: 'Dom0', sciType: 'none', sciAgentId: 0 }, true);
  }

  /** Back to Dom0, whose own output may come before Xen's next. */
  #done(rc: number): number {
    const isDom0Running = (this.#domains.get(0)?.tree ?? null) !== null;
    if (isDom0Running) this.#context.console.leave();
    return rc;
  }
}
