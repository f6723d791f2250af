/**
 * Messages of libxl, with the file, the line and the function before them. The line numbers are
 * those of one build (Xen 4.22 of February 2026 with the toolstack part of the series v11); where a line
 * is looked for, any number will do.
 */
import { escaped } from '../../config/text.ts';
import type { ConsoleLine, Reason } from '../trace/observation.ts';
import { strerror } from './strerror.ts';

export type LibxlMessage = keyof typeof messages;

export interface LibxlLine {
  readonly message: LibxlMessage;
  /** Domain that the line names; absent while it has no id. */
  readonly domid?: number;
  /** Arguments of `%`, in order. */
  readonly values?: ReadonlyArray<string | number>;
  /** Negative errno whose text ends the line. */
  readonly errno?: number;
  /** Why nothing is wrong where it is not seen. */
  readonly optional?: string;
  readonly reason: Reason;
}

/** A line of libxl as xl's terminal shows it. */
export function libxlLine({ message, domid, values = [], errno, optional, reason }: LibxlLine): ConsoleLine {
  const { level = 'error', file, line, function: name, text, errnoVaries } = entryOf(message);
  const [...rest] = values;
  const filled = text.replace(/%/g, () => String(rest.shift() ?? ''));
  const about = domid === undefined ? '' : `Domain ${domid}:`;
  const cause = errno === undefined ? '' : `: ${strerror(errno)}`;
  const before = `libxl: ${level}: ${file}:`;
  const shown = `${before}${line}:${name}: ${about}${filled}${cause}`;
  const places = { from: before.length, to: before.length + String(line).length };
  const pattern = `libxl: ${level}: ${escaped(file)}:\\d+:${name}: ${escaped(`${about}${filled}`)}`;
  return {
    source: 'xl',
    ...(domid === undefined ? {} : { domid }),
    text: shown,
    free: [
      { ...places, because: 'numbers of source lines change with every commit' },
      ...(errnoVaries && cause !== ''
        ? [
            {
              from: shown.length - cause.length,
              to: shown.length,
              because: 'the errno is whatever was left over',
            },
          ]
        : []),
    ],
    pattern: pattern + (errnoVaries ? '.*' : escaped(cause)),
    ...(optional === undefined ? {} : { optional }),
    reason,
  };
}

interface Entry {
  readonly level?: 'error' | 'warning' | 'info';
  readonly file: string;
  readonly line: number;
  readonly function: string;
  readonly text: string;
  /** The errno at the end is whatever was left over. */
  readonly errnoVaries?: boolean;
}

const messages = {
  pvConverted: {
    level: 'warning',
    file: 'libxl_arm.c',
    line: 1784,
    function: 'libxl__arch_domain_create_info_setdefault',
    text: 'Converting PV guest to PVH.',
  },
  pvIsPvh: {
    level: 'warning',
    file: 'libxl_arm.c',
    line: 1785,
    function: 'libxl__arch_domain_create_info_setdefault',
    text: 'Arm guest are now PVH.',
  },
  pvToFix: {
    level: 'warning',
    file: 'libxl_arm.c',
    line: 1786,
    function: 'libxl__arch_domain_create_info_setdefault',
    text: 'Please fix your configuration file/toolstack.',
  },
  dom0TooSmall: {
    file: 'libxl_mem.c',
    line: 287,
    function: 'libxl_set_memory_target',
    text: 'New target % for dom0 is below the minimum threshold',
  },
  populateOnDemandWithIommu: {
    file: 'libxl_create.c',
    line: 1197,
    function: 'libxl__domain_config_setdefault',
    text: 'IOMMU required for device passthrough but not supported together with PoD',
  },
  pagingPoolTooLarge: {
    file: 'libxl_dom.c',
    line: 1504,
    function: 'libxl__domain_set_paging_mempool_size',
    text: 'shadow_memkb value %kB too large',
    errnoVaries: true,
  },
  pagingPoolRefused: {
    file: 'libxl_dom.c',
    line: 1512,
    function: 'libxl__domain_set_paging_mempool_size',
    text: 'Failed to set paging mempool size to %kB',
  },
  memoryNotAllocated: {
    file: 'libxl_dom.c',
    line: 596,
    function: 'libxl__build_dom',
    text: 'xc_dom_boot_mem_init failed',
    errnoVaries: true,
  },
  tooManyVcpus: {
    file: 'libxl_create.c',
    line: 183,
    function: 'libxl__domain_build_info_setdefault',
    text: 'avail_vcpus bitmap contains too many VCPUS',
  },
  noBuildDefaults: {
    file: 'libxl_create.c',
    line: 1246,
    function: 'libxl__domain_config_setdefault',
    text: 'Unable to set domain build info defaults',
  },
  vuartConflict: {
    file: 'libxl_arm.c',
    line: 162,
    function: 'libxl__arch_domain_prepare_config',
    text: 'Physical IRQ % conflicting with pl011 SPI',
  },
  tooFewInterrupts: {
    file: 'libxl_arm.c',
    line: 187,
    function: 'libxl__arch_domain_prepare_config',
    text: 'Provided nr_spis value is too small (minimum required %)',
  },
  noDeviceModel: {
    level: 'info',
    file: 'libxl_create.c',
    line: 108,
    function: 'libxl__domain_build_info_setdefault',
    text: 'qemu-xen is unavailable',
  },
  passthroughNotSupported: {
    file: 'libxl_create.c',
    line: 1162,
    function: 'libxl__domain_config_setdefault',
    text: 'passthrough not supported on this platform',
  },
  passthroughDisabled: {
    file: 'libxl_create.c',
    line: 1169,
    function: 'libxl__domain_config_setdefault',
    text: 'passthrough disabled but devices are specified',
  },
  creationFails: {
    file: 'libxl_create.c',
    line: 698,
    function: 'libxl__domain_make',
    text: 'domain creation fail',
  },
  nameTaken: {
    file: 'libxl_domain.c',
    line: 81,
    function: 'libxl__domain_rename',
    text: 'Domain with name "%" already exists.',
  },
  cannotMake: {
    file: 'libxl_create.c',
    line: 1307,
    function: 'initiate_domain_create',
    text: 'cannot make domain: %',
  },
  partialTreeUnreadable: {
    file: 'libxl_arm.c',
    line: 1317,
    function: 'libxl__prepare_dtb',
    text: 'failed to read the partial device file %',
  },
  partialTreeNotFlat: {
    file: 'libxl_arm.c',
    line: 1138,
    function: 'check_partial_fdt',
    text: 'Partial FDT is not a valid Flat Device Tree',
  },
  partialTreeBad: {
    file: 'libxl_arm.c',
    line: 1144,
    function: 'check_partial_fdt',
    text: 'Failed to check the partial FDT (%)',
  },
  passthroughNodeMissing: {
    file: 'libxl_arm.c',
    line: 1249,
    function: 'copy_partial_fdt',
    text: `Can't copy the node "/passthrough" from the partial FDT`,
  },
  treeCopyFailed: {
    file: 'libxl_arm.c',
    line: 1433,
    function: 'libxl__prepare_dtb',
    text: 'FDT: copy_partial_fdt(gc, fdt, pfdt) failed: -1 = FDT_ERR_NOTFOUND',
  },
  hardwareDescriptionFailed: {
    file: 'libxl_dom.c',
    line: 593,
    function: 'libxl__build_dom',
    text: 'libxl__arch_domain_init_hw_description failed',
    errnoVaries: true,
  },
  cannotBuild: {
    file: 'libxl_create.c',
    line: 1651,
    function: 'domcreate_rebuild_done',
    text: 'cannot (re-)build domain: %',
  },
  iomemRefused: {
    file: 'libxl_create.c',
    line: 1727,
    function: 'domcreate_launch_dm',
    text: 'failed give domain access to iomem range %-%',
  },
  iomemNotMapped: {
    file: 'libxl_create.c',
    line: 1737,
    function: 'domcreate_launch_dm',
    text: 'failed to map to domain iomem range %-% to guest address %',
  },
  assignFailed: {
    file: 'libxl_create.c',
    line: 1872,
    function: 'libxl__add_dtdevs',
    text: 'xc_assign_dtdevice failed: %',
  },
  devicesNotAdded: {
    file: 'libxl_create.c',
    line: 1938,
    function: 'domcreate_attach_devices',
    text: 'unable to add none devices',
  },
  noDomainInfo: {
    file: 'libxl_domain.c',
    line: 356,
    function: 'libxl_domain_info',
    text: 'Getting domain info',
  },
  controlNotAcknowledged: {
    file: 'libxl_domain.c',
    line: 852,
    function: 'pvcontrol_cb',
    text: "guest didn't acknowledge control request: %",
  },
  noSuchDomain: {
    file: 'libxl_domain.c',
    line: 1181,
    function: 'libxl__destroy_domid',
    text: 'Non-existant domain',
  },
  noDomainType: {
    file: 'libxl_xshelp.c',
    line: 206,
    function: 'libxl__xs_read_mandatory',
    text: "xenstore read failed: `/libxl/%/type'",
  },
  domainTypeAssumed: {
    level: 'warning',
    file: 'libxl_dom.c',
    line: 49,
    function: 'libxl__domain_type',
    text: 'unable to get domain type for domid=%, assuming HVM',
  },
  destroyRefused: {
    file: 'libxl_domain.c',
    line: 1618,
    function: 'domain_destroy_domid_cb',
    text: 'xc_domain_destroy failed',
  },
  guestNotDestroyed: {
    file: 'libxl_domain.c',
    line: 1135,
    function: 'domain_destroy_callback',
    text: 'Unable to destroy guest',
  },
  destructionFailed: {
    file: 'libxl_domain.c',
    line: 1062,
    function: 'domain_destroy_cb',
    text: 'Destruction of domain failed',
  },
  notDestroyedAfterFailure: {
    file: 'libxl_create.c',
    line: 2068,
    function: 'domcreate_destruction_cb',
    text: 'unable to destroy domain following failed creation',
  },
} as const satisfies Record<string, Entry>;

function entryOf(message: LibxlMessage): Entry {
  return messages[message];
}
