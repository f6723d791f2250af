import type { DeviceTree } from '../dt/tree.ts';
import type { DomainConfig } from './domctl.ts';
import { PageRanges } from './page-ranges.ts';

/** Pages of a guest's physical address space: `count` frames from `gfn` are the machine's from `mfn`. */
export interface Mapping {
  readonly gfn: number;
  readonly mfn: number;
  readonly count: number;
}

/** A domain as far as SCMI touches it (struct domain, struct arch_domain). */
export class Domain {
  readonly domid: number;
  readonly name: string;
  readonly config: DomainConfig;
  readonly hardware: boolean;
  /** Machine frames that it may map, or allow others to map (`iomem_caps`). */
  readonly iomem = new PageRanges();
  readonly p2m: Mapping[] = [];
  /** The mediator's data of it (`arch.sci_data`), and whether the mediator serves it (`arch.sci_enabled`). */
  sciData: unknown = null;
  sciEnabled = false;
  state: 'alive' | 'dying' | 'dead' = 'alive';
  /** Its configuration; null before it is started. */
  tree: DeviceTree | null = null;

  constructor(domid: number, config: DomainConfig, hardware = false) {
    this.domid = domid;
    this.name = config.name;
    this.config = config;
    this.hardware = hardware;
  }

  map(gfn: number, mfn: number, count: number): void {
    if (count > 0) this.p2m.push({ gfn, mfn, count });
  }

  /** @returns what brings the domain back to what it is now, any number of times */
  snapshot(): () => void {
    const { sciData, sciEnabled, state, tree } = this;
    const mappings = [...this.p2m];
    const iomem = this.iomem.snapshot();
    return () => {
      iomem();
      this.p2m.splice(0, this.p2m.length, ...mappings);
      Object.assign(this, { sciData, sciEnabled, state, tree });
    };
  }

  /** Machine address of a guest physical one; undefined where nothing is mapped. The last mapping counts. */
  translate(address: number): number | undefined {
    const gfn = Math.floor(address / pageSize);
    for (let at = this.p2m.length - 1; at >= 0; at--) {
      const mapping = this.p2m[at];
      if (mapping !== undefined && mapping.gfn <= gfn && gfn < mapping.gfn + mapping.count) {
        return address + (mapping.mfn - mapping.gfn) * pageSize;
      }
    }
    return undefined;
  }
}

export const pageSize = 0x1000;
/** Page frame that an address is in. */
export const pageFrame = (address: number): number => Math.floor(address / pageSize);
/** Pages that `size` bytes fill, the last one perhaps not whole. */
export const pagesUp = (size: number): number => Math.ceil(size / pageSize);
