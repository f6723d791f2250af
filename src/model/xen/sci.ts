import type { DtNode } from '../dt/tree.ts';
import type { Context } from './context.ts';
import {
  findByPath,
  isAvailable,
  isCompatible,
  isForPassthrough,
  nodeName,
  parsePhandleWithArguments,
} from './device-tree.ts';
import type { Domain } from './domain.ts';
import type { DomainConfig } from './domctl.ts';
import { errno } from './errno.ts';
import type { Mediator } from './mediator.ts';

/** A driver that the SCI subsystem offers nodes to (DT_DEVICE_START(..., DEVICE_FIRMWARE)). */
export interface FirmwareDriver {
  readonly compatible: string;
  /** @returns 0, or a negative errno; -ENODEV: not a node of this driver */
  probe(node: DtNode): number;
}

/**
 * The System Control Interface subsystem: xen/arch/arm/firmware/sci.c. It offers the host's nodes to the driver
 * of the build and passes what happens to domains on to the mediator that registered, if one did.
 */
export class Sci {
  readonly #context: Context;
  #mediator: Mediator | null = null;
  #node: string | null = null;
  #errno = 0;
  #hardwareDomain: Domain | null = null;

  constructor(context: Context) {
    this.#context = context;
  }

  get mediator(): Mediator | null {
    return this.#mediator;
  }

  /** Path of the node that the mediator bound to or, where none did, of the last one that was tried. */
  get node(): string | null {
    return this.#node;
  }

  /** With what the walk over the nodes ended: 0 or a negative errno. */
  get errno(): number {
    return this.#errno;
  }

  /** sci_init(): walks all nodes once. Its error ends the walk, not the boot. */
  initialise(driver: FirmwareDriver | null): void {
    let found = 0;
    for (const node of this.#context.hostTree.root.walk()) {
      const rc = deviceInit(driver, node);
      if (rc === -errno.EBADF || rc === -errno.ENODEV) continue;
      if (this.#mediator === null || rc === 0) this.#node = node.path;
      if (rc === 0 && found++ === 0) continue;
      if (rc === 0) {
        this.#context.console.printk('sci.second-controller', [nodeName(node)], {
          because: `${node.path} is a second node that a driver binds to`,
          place: node.path,
        });
      }
      this.#errno = rc === 0 ? -errno.EOPNOTSUPP : rc;
      return;
    }
  }

  /** Before 4.21 there was no subsystem: the driver looks for its node by itself. */
  initialiseWith(driver: { initialise(sci: Sci): number }): void {
    this.#errno = driver.initialise(this);
  }

  /** sci_register() */
  register(mediator: Mediator, node: DtNode): number {
    if (this.#mediator !== null) return -errno.EEXIST;
    this.#mediator = mediator;
    this.#node = node.path;
    return 0;
  }

  setHardwareDomain(domain: Domain): void {
    this.#hardwareDomain = domain;
  }

  /** Lets the hardware domain pass pages on, so that the toolstack's iomem permission is granted. */
  permitHardwareDomain(pfn: number, count: number): void {
    this.#hardwareDomain?.iomem.add(pfn, pfn + count - 1);
  }

  sanitiseConfig(config: DomainConfig): number {
    return this.#mediator?.sanitiseConfig(config) ?? 0;
  }

  domainInit(domain: Domain): number {
    return this.#mediator?.domainInit(domain) ?? 0;
  }

  domainDestroy(domain: Domain): void {
    this.#mediator?.domainDestroy(domain);
  }

  relinquishResources(domain: Domain): number {
    return this.#mediator?.relinquishResources?.(domain) ?? 0;
  }

  /** sci_dt_handle_node(): whether Dom0's tree goes without a node. */
  handleNode(domain: Domain, node: DtNode): boolean {
    return this.#mediator?.handleNode(domain, node) ?? false;
  }

  /** sci_handle_call(): x0, or undefined where nobody handles the call. */
  handleCall(domain: Domain, functionId: number): number | undefined {
    return this.#mediator?.handleCall(domain, functionId);
  }

  /** sci_assign_dt_device(): every entry of `access-controllers` goes to the mediator. */
  assignDevice(domain: Domain, device: DtNode): number {
    if (this.#mediator?.assignDevice === undefined) return 0;
    for (let index = 0; ; index++) {
      const controller = parsePhandleWithArguments(this.#context, device, {
        list: 'access-controllers',
        cells: '#access-controller-cells',
        index,
      });
      if (typeof controller === 'number') return 0;
      this.#context.console.printk('sci.assign-device', [device.path, domain.domid], {
        because: `${device.path} goes to ${domain.name} and names ${controller.node.path} in access-controllers`,
        place: device.path,
        domid: domain.domid,
      });
      const rc = this.#mediator.assignDevice(domain, device, controller);
      if (rc !== 0) return rc;
    }
  }

  /** sci_do_domctl() for XEN_DOMCTL_assign_device of a device tree node: -ENXIO means `not handled`. */
  assignDeviceByPath(domain: Domain, path: string): number {
    if (this.#mediator?.assignDevice === undefined) return -errno.ENXIO;
    const device = findByPath(this.#context.hostTree, path);
    return device === undefined ? -errno.ESRCH : this.assignDevice(domain, device);
  }
}

/** device_init(): nodes that are not available or go to a guest are nobody's. */
function deviceInit(driver: FirmwareDriver | null, node: DtNode): number {
  if (!isAvailable(node) || isForPassthrough(node)) return -errno.ENODEV;
  if (driver === null || !isCompatible(node, driver.compatible)) return -errno.EBADF;
  return driver.probe(node);
}
