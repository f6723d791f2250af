/**
 * Requests of the toolstack to Xen, as far as they concern SCMI (xen/arch/arm/domctl.c,
 * xen/common/domctl.c). Every call answers 0 or a negative errno.
 */
export interface Domctl {
  createDomain(config: DomainConfig): { readonly rc: number; readonly domid: number };
  /** XEN_DOMCTL_iomem_permission: page frames `first` to `first + count - 1` for `domid`. */
  iomemPermission(domid: number, first: number, count: number, allow: boolean): number;
  /** XEN_DOMCTL_memory_mapping: `count` pages from guest frame `gfn` to machine frame `mfn`. */
  memoryMapping(domid: number, gfn: number, mfn: number, count: number): number;
  /** XEN_DOMCTL_assign_device for a device tree path. */
  assignDevice(domid: number, path: string): number;
  /** XEN_DOMCTL_set_paging_mempool_size: bytes for the page tables of a domain. */
  setPagingMempool(domid: number, bytes: number): number;
  /** XENMEM_populate_physmap: bytes of RAM for a domain; those that are missing. */
  populate(domid: number, bytes: number): number;
  /** Whether that much memory may be free if Dom0 gave up its own (XEN_SYSCTL_physinfo). */
  couldFree(bytes: number): boolean;
  /** XENVER_commandline */
  readonly commandLine: string;
  /** XEN_DOMCTL_destroydomain, once; a domain whose teardown fails stays dying. */
  destroyDomain(domid: number): number;
  /** Whether an IOMMU is enabled, so that libxl offers passthrough at all. */
  readonly iommuEnabled: boolean;
}

export interface DomainConfig {
  readonly name: string;
  /** xen_arch_domainconfig.arm_sci_type. */
  readonly sciType: 'none' | 'scmi_smc' | 'scmi_smc_multiagent';
  /** xen_arch_domainconfig.arm_sci_agent_id, 0 to 255. */
  readonly sciAgentId: number;
  /** xen_domctl_createdomain.max_vcpus; absent: no more than the machine has room for, and at least one. */
  readonly maxVcpus?: number | undefined;
  /** xen_domctl_createdomain.grant_opts, max_grant_frames and xen_arch_domainconfig.nr_spis; absent: the default. */
  readonly grantVersion?: number | undefined;
  readonly grantFrames?: number | undefined;
  readonly nrSpis?: number | undefined;
}
