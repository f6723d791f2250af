/**
 * Creating and destroying domains as libxl does it (tools/libs/light/libxl_create.c, libxl_domain.c): which
 * domctls, in which order, what is undone, and what it prints of failures.
 */
import { type DeviceTree, DeviceTree as Tree } from '../dt/tree.ts';
import type { Observer, Reason } from '../trace/observation.ts';
import { mostGuestMemory } from '../xen/dom0less-build.ts';
import type { Domctl } from '../xen/domctl.ts';
import { errno } from '../xen/errno.ts';
import { guestTree, type GuestTreeProblem, readPartialTree } from './libxl-arm.ts';
import { libxlLine, type LibxlLine } from './libxl-messages.ts';
import { strerror } from './strerror.ts';
import type { XlDomainConfig } from './xl-domain-config.ts';

/** libxl's own error numbers (libxl_error of libxl_types.idl). */
export const libxlError = { fail: -3, invalid: -6, timedOut: -9, domainNotFound: -21 } as const;

/** A domain as the toolstack knows it from xenstore. */
export interface LibxlDomain {
  readonly domid: number;
  /** Null once its entries are gone from xenstore though Xen still has it. */
  name: string | null;
  readonly config: XlDomainConfig;
  /** Its configuration; null if it could not be made, or is not made yet. */
  tree: DeviceTree | null;
  /** `hung`: its kernel has panicked, or is none that obeys the toolstack; `undead`: its destruction did not complete. */
  state: 'running' | 'hung' | 'shut down' | 'undead';
}

/** HVM_MAX_VCPUS, which libxl compares with the bytes of a bitmap. */
const mostVcpusOfBitmap = 128 * 8;
/** GUEST_VPL011_SPI of xen/include/public/arch-arm.h, and the first interrupt that is shared. */
const vuartInterrupt = 32;
const firstSharedInterrupt = 32;

/** Interrupts that are shared and that a domain has use for. */
function neededInterrupts({ irqs, hasVuart }: Pick<XlDomainConfig, 'irqs' | 'hasVuart'>): number {
  const highest = Math.max(hasVuart ? vuartInterrupt : 0, ...irqs);
  return Math.max(highest - firstSharedInterrupt + 1, 0);
}

/** KiB for a domain's page tables: libxl__get_required_paging_memory(), or `shadow_memory`. */
function pagingPool({ maxmem, maxVcpus, shadowMemory }: XlDomainConfig): number {
  return shadowMemory === undefined ? 4 * (256 * maxVcpus + maxmem + 128) : shadowMemory * 1024;
}

/** LIBXL_HVM_EXTRA_MEMORY, in KiB. */
const extraMemory = 2048;

const roundUp = (size: number, unit: number): number => Math.ceil(size / unit) * unit;

/** Access that devices of a domain have, once `passthrough` and `dtdev` are both known. */
function passthroughMode({ passthrough, dtdev }: XlDomainConfig): string {
  if (passthrough !== undefined && passthrough !== 'default') return passthrough;
  return dtdev.length > 0 ? 'enabled' : 'disabled';
}

export interface LibxlOptions {
  readonly domctl: Domctl;
  /** Content of a file in Dom0; undefined where there is none. */
  readonly files: (path: string) => Uint8Array | undefined;
  readonly observer: Observer;
  /** Xen's version, for the guest's tree. */
  readonly version?: string;
}

export class Libxl {
  readonly #options: LibxlOptions;
  readonly #domains = new Map<number, LibxlDomain>();

  constructor(options: LibxlOptions) {
    this.#options = options;
  }

  /** All domains but Dom0, by rising id, those that could not be destroyed included. */
  get domains(): readonly LibxlDomain[] {
    return [...this.#domains.values()].toSorted((a, b) => a.domid - b.domid);
  }

  /**
   * libxl_domain_create_new: makes a domain, paused.
   *
   * @returns the domain, or libxl's error number; xl destroys once more what `domid` names
   */
  create(config: XlDomainConfig): LibxlDomain | { readonly rc: number; readonly domid?: number } {
    const refused = this.#setDefaults(config);
    if (refused !== 0) return { rc: refused };
    const unfit = this.#checkInterrupts(config);
    if (unfit !== undefined) {
      this.#say({ message: 'cannotMake', values: [libxlError.fail], reason: unfit });
      return { rc: libxlError.fail };
    }
    const { rc, domid } = this.#options.domctl.createDomain({
      name: config.name,
      sciType: config.armSci.type,
      sciAgentId: config.armSci.agentId,
      maxVcpus: config.maxVcpus,
      grantVersion: config.grantVersion,
      grantFrames: config.grantFrames,
      nrSpis: Math.max(config.nrSpis ?? 0, neededInterrupts(config)),
    });
    if (rc < 0) {
      const { type, agentId } = config.armSci;
      const asked = type === 'none' ? 'no SCMI' : `${type} with agent ${agentId}`;
      const reason: Reason = {
        rule: 'libxl.create.refused',
        because: `Xen refuses the domain, which asks for ${asked}: ${strerror(rc)}`,
        place: config.placeOf('arm_sci'),
      };
      this.#say({ message: 'creationFails', errno: rc, reason });
      this.#say({ message: 'cannotMake', values: [libxlError.fail], reason });
      return { rc: libxlError.fail };
    }
    const failed = this.#build(domid, config);
    if (!('failure' in failed)) return failed;
    this.#undo(domid, failed.failure);
    return { rc: libxlError.fail, domid };
  }

  /**
   * libxl_domain_destroy.
   *
   * @returns 0 or libxl's error number, which it has explained
   */
  destroy(domid: number, reason: Reason): number {
    const rc = this.#destroy(domid, reason);
    if (rc !== 0) this.#say({ message: 'destructionFailed', domid, reason });
    return rc;
  }

  /** pvcontrol_cb, after the minute that libxl gives a guest to acknowledge `control/shutdown`. */
  controlTimedOut(reason: Reason): void {
    this.#say({ message: 'controlNotAcknowledged', values: [libxlError.timedOut], reason });
  }

  /** libxl__domain_config_setdefault: 0, or libxl's error number. */
  #setDefaults(config: XlDomainConfig): number {
    const { isPv, vcpus, placeOf } = config;
    if (isPv) {
      const because = 'an Arm domain is a PVH one, whatever its type says';
      const reason: Reason = { rule: 'libxl.type.converted', because, place: placeOf('type') };
      for (const message of ['pvConverted', 'pvIsPvh', 'pvToFix'] as const) this.#say({ message, reason });
    }
    const refused = this.#checkPassthrough(config) || this.#checkPopulateOnDemand(config);
    if (refused !== 0) return refused;
    this.#say({
      message: 'noDeviceModel',
      errno: -errno.ENOENT,
      optional: 'a toolstack that was built with a device model does not say it',
      reason: {
        rule: 'libxl.create.no-device-model',
        because: 'no device model is there, and none is needed',
      },
    });
    if (vcpus <= mostVcpusOfBitmap) return 0;
    const because = `${vcpus} vCPUs need a bitmap of more than ${mostVcpusOfBitmap / 8} bytes`;
    const reason: Reason = { rule: 'libxl.vcpus', because, place: placeOf('vcpus') };
    this.#say({ message: 'tooManyVcpus', reason });
    this.#say({ message: 'noBuildDefaults', reason });
    return libxlError.fail;
  }

  /** libxl__arch_domain_prepare_config: the interrupt of the virtual UART, and how many a domain has. */
  #checkInterrupts({ irqs, hasVuart, nrSpis, placeOf }: XlDomainConfig): Reason | undefined {
    if (hasVuart && irqs.includes(vuartInterrupt)) {
      const because = `interrupt ${vuartInterrupt} is that of the virtual UART`;
      const reason: Reason = { rule: 'libxl.irqs.vuart', because, place: placeOf('irqs') };
      this.#say({ message: 'vuartConflict', values: [vuartInterrupt], reason });
      return reason;
    }
    const needed = neededInterrupts({ irqs, hasVuart });
    if (nrSpis === undefined || nrSpis >= needed) return undefined;
    const because = `nr_spis is ${nrSpis}, and interrupt ${needed + firstSharedInterrupt - 1} needs ${needed}`;
    const reason: Reason = { rule: 'libxl.nr-spis', because, place: placeOf('nr_spis') };
    this.#say({ message: 'tooFewInterrupts', values: [needed], reason });
    return reason;
  }

  #checkPassthrough(config: XlDomainConfig): number {
    const place = config.placeOf('dtdev');
    const needed = config.dtdev.length > 0;
    const mode = passthroughMode(config);
    if (mode !== 'disabled' && !this.#options.domctl.iommuEnabled) {
      const because = 'dtdev asks for passthrough, and Xen has no IOMMU enabled';
      const reason: Reason = { rule: 'libxl.passthrough.no-iommu', because, place };
      this.#say({ message: 'passthroughNotSupported', reason });
      return libxlError.invalid;
    }
    if (mode === 'disabled' && needed) {
      const because = 'dtdev lists devices while passthrough is disabled';
      this.#say({
        message: 'passthroughDisabled',
        reason: { rule: 'libxl.passthrough.disabled', because, place },
      });
      return libxlError.invalid;
    }
    return 0;
  }

  /** A domain that may grow has no memory for devices to reach; on Arm it cannot be built either, see `#populate`. */
  #checkPopulateOnDemand(config: XlDomainConfig): number {
    if (config.memory >= config.maxmem || passthroughMode(config) === 'disabled') return 0;
    const because = `maxmem is above memory, and the domain is given devices`;
    this.#say({
      message: 'populateOnDemandWithIommu',
      reason: { rule: 'libxl.memory.populate-on-demand', because, place: config.placeOf('maxmem') },
    });
    return libxlError.invalid;
  }

  /**
   * freemem() of xl_vmcontrol.c, where xl takes from Dom0 what a domain needs.
   * @returns whether the memory may be there; libxl has said why not
   */
  freeMemory(config: XlDomainConfig): boolean {
    if (this.#setDefaults(config) !== 0) return false;
    const needed = roundUp(config.memory * 1024 + pagingPool(config) + extraMemory, 2048);
    if (this.#options.domctl.couldFree(needed * 1024)) return true;
    const because = `the domain needs ${needed} KiB, more than the machine has without Dom0`;
    const reason: Reason = { rule: 'libxl.memory.dom0', because, place: config.placeOf('memory') };
    this.#say({ message: 'dom0TooSmall', domid: 0, values: [0], reason });
    return false;
  }

  #build(domid: number, config: XlDomainConfig): LibxlDomain | { readonly failure: Reason } {
    const name = this.#checkName(domid, config);
    if (name !== undefined) return { failure: name };
    const domain: LibxlDomain = { domid, name: config.name, config, tree: null, state: 'running' };
    this.#domains.set(domid, domain);
    const pool = this.#setPagingPool(domid, config);
    if (pool !== undefined) return { failure: pool };
    const tree = this.#tree(domid, config);
    if (!(tree instanceof Tree)) return tree;
    domain.tree = tree;
    const failure =
      this.#populate(domid, config) ?? this.#giveMemory(domid, config) ?? this.#assignDevices(domid, config);
    if (failure !== undefined) return { failure };
    return domain;
  }

  /** libxl__domain_set_paging_mempool_size() */
  #setPagingPool(domid: number, config: XlDomainConfig): Reason | undefined {
    const size = pagingPool(config);
    const isTooLarge = size >= 2 ** 54;
    const rc = isTooLarge ? -errno.EINVAL : this.#options.domctl.setPagingMempool(domid, size * 1024);
    if (rc === 0) return undefined;
    const because = `the page tables of a domain of ${config.maxmem} MiB need ${size} KiB`;
    const reason: Reason = { rule: 'libxl.memory.page-tables', because, place: config.placeOf('memory') };
    const message = isTooLarge ? 'pagingPoolTooLarge' : 'pagingPoolRefused';
    this.#say({ message, domid, values: [size], errno: rc, reason });
    this.#say({ message: 'cannotBuild', domid, values: [libxlError.fail], reason });
    return reason;
  }

  /**
   * meminit() of tools/libs/guest/xg_dom_arm.c: all of `maxmem` is populated, of which Xen allows no more than `memory`
   * and a MiB. The number of pages is computed in 32 bits.
   */
  #populate(domid: number, config: XlDomainConfig): Reason | undefined {
    const bytes = ((config.maxmem * 256) % 2 ** 32) * 4096;
    const problem =
      bytes === 0
        ? 'the number of pages is 0 in 32 bits'
        : bytes > mostGuestMemory
          ? 'a guest has no addresses for it'
          : bytes > config.memory * 0x10_0000 + 0x10_0000
            ? `memory is only ${config.memory} MiB, and on Arm all of maxmem is given at once`
            : this.#options.domctl.populate(domid, bytes) > 0
              ? 'the machine has not as much'
              : undefined;
    if (problem === undefined) return undefined;
    const because = `${config.maxmem} MiB cannot be given to the domain: ${problem}`;
    const place = config.placeOf(config.maxmem > config.memory ? 'maxmem' : 'memory');
    const reason: Reason = { rule: 'libxl.memory', because, place };
    const before = 'xc: error: panic: xg_dom_boot.c:';
    const after = ": xc_dom_boot_mem_init: can't allocate low memory for domain: Out of memory";
    this.#options.observer.console({
      source: 'xl',
      domid,
      text: `${before}118${after}`,
      pattern: `^${before}\\d+${after}$`,
      free: [
        {
          from: before.length,
          to: before.length + 3,
          because: 'numbers of source lines change with every commit',
        },
      ],
      reason,
    });
    this.#say({ message: 'memoryNotAllocated', errno: -errno.ENOMEM, reason });
    this.#say({ message: 'cannotBuild', domid, values: [libxlError.fail], reason });
    return reason;
  }

  #checkName(domid: number, { name, placeOf }: XlDomainConfig): Reason | undefined {
    if (!this.domains.some(each => each.name === name)) return undefined;
    const reason: Reason = {
      rule: 'libxl.create.name-taken',
      because: `a domain ${name} exists already`,
      place: placeOf('name'),
    };
    this.#say({ message: 'nameTaken', domid, values: [name], reason });
    this.#say({ message: 'cannotMake', domid, values: [libxlError.invalid], reason });
    return reason;
  }

  #tree(domid: number, config: XlDomainConfig): DeviceTree | { readonly failure: Reason } {
    const partial = this.#partialTree(config);
    const tree =
      partial === undefined || partial instanceof Tree
        ? guestTree(partial, config, this.#options.version)
        : partial;
    if (tree instanceof Tree) return tree;
    const reason: Reason = {
      rule: 'libxl.create.tree',
      because: tree.because,
      place: config.placeOf('device_tree'),
    };
    for (const { message, values = [] } of tree.messages) {
      const missing = message === 'partialTreeUnreadable' ? { errno: -errno.ENOENT } : {};
      this.#say({ message, values, ...missing, reason });
    }
    this.#say({ message: 'hardwareDescriptionFailed', reason });
    this.#say({ message: 'cannotBuild', domid, values: [libxlError.fail], reason });
    return { failure: reason };
  }

  #partialTree({ deviceTree }: XlDomainConfig): DeviceTree | GuestTreeProblem | undefined {
    if (deviceTree === undefined) return undefined;
    const blob = this.#options.files(deviceTree);
    if (blob !== undefined) return readPartialTree(blob, deviceTree);
    const messages = [{ message: 'partialTreeUnreadable', values: [deviceTree] }] as const;
    return { messages, because: `there is no file ${deviceTree} in Dom0` };
  }

  /** Each range is permitted, then mapped, before the next one is looked at. */
  #giveMemory(domid: number, { iomem, placeOf }: XlDomainConfig): Reason | undefined {
    const place = placeOf('iomem');
    for (const { start, count, guestFrame } of iomem) {
      const range = [start.toString(16), (start + count - 1).toString(16)];
      const refused = this.#options.domctl.iomemPermission(domid, start, count, true);
      if (refused < 0) {
        const because = `Dom0 itself may not access page frames ${range.join(' to ')}, so it cannot pass them on`;
        const reason: Reason = { rule: 'libxl.iomem.refused', because, place };
        this.#say({ message: 'iomemRefused', domid, values: range, errno: refused, reason });
        return reason;
      }
      const unmapped = this.#map(domid, guestFrame, start, count);
      if (unmapped < 0) {
        const because = `page frames ${range.join(' to ')} cannot be mapped for the domain`;
        const reason: Reason = { rule: 'libxl.iomem.not-mapped', because, place };
        const values = [...range, guestFrame.toString(16)];
        this.#say({ message: 'iomemNotMapped', domid, values, errno: unmapped, reason });
        return reason;
      }
    }
    return undefined;
  }

  /** xc_domain_memory_mapping: in ever smaller parts while Xen finds them too big. */
  #map(domid: number, guestFrame: number, start: number, count: number): number {
    let part = count;
    for (let done = 0; done < count; ) {
      const pages = Math.min(part, count - done);
      const rc = this.#options.domctl.memoryMapping(domid, guestFrame + done, start + done, pages);
      if (rc === -errno.E2BIG && part > 1) part = Math.floor(part / 2);
      else if (rc < 0) return rc;
      else done += pages;
    }
    return 0;
  }

  #assignDevices(domid: number, { dtdev, placeOf }: XlDomainConfig): Reason | undefined {
    const place = placeOf('dtdev');
    for (const path of dtdev) {
      const rc = this.#options.domctl.assignDevice(domid, path);
      if (rc >= 0) continue;
      const because = `${path} cannot be assigned: ${strerror(rc)}`;
      const reason: Reason = { rule: 'libxl.assign.refused', because, place };
      this.#say({ message: 'assignFailed', domid, values: [-1], reason });
      this.#say({ message: 'devicesNotAdded', domid, reason });
      return reason;
    }
    return undefined;
  }

  #undo(domid: number, reason: Reason): void {
    if (this.#destroy(domid, reason) !== 0) this.#say({ message: 'notDestroyedAfterFailure', domid, reason });
  }

  #destroy(domid: number, reason: Reason): number {
    const known = this.#domains.get(domid);
    if (known?.state === 'undead') {
      this.#say({ message: 'noDomainType', values: [domid], errno: -errno.ENOENT, reason });
      this.#say({ message: 'domainTypeAssumed', values: [domid], reason });
    }
    const rc = this.#options.domctl.destroyDomain(domid);
    if (rc === 0) {
      this.#domains.delete(domid);
      return 0;
    }
    if (rc === -errno.ESRCH) {
      this.#say({ message: 'noDomainInfo', domid, errno: rc, reason });
      this.#say({ message: 'noSuchDomain', domid, reason });
      this.#say({ message: 'guestNotDestroyed', domid, reason });
      return libxlError.domainNotFound;
    }
    if (known !== undefined) {
      known.name = null;
      known.state = 'undead';
    }
    this.#say({ message: 'destroyRefused', domid, errno: rc, reason });
    this.#say({ message: 'guestNotDestroyed', domid, reason });
    return libxlError.fail;
  }

  #say(line: LibxlLine): void {
    this.#options.observer.console(libxlLine(line));
  }
}
