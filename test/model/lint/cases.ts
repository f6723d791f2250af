/** For each rule a configuration that breaks it and, but for what follows from that, no other. */
import { type Changes, device, domU, guest, iommu } from './configurations.ts';

export interface Case extends Changes {
  /** Rules that find something beside it: what else is wrong in the same configuration. */
  readonly also?: readonly string[];
}

const list = (entries: string, cells = 3): string =>
  `&container { #scmi-secondary-agents-cells = <${cells}>; scmi-secondary-agents = <${entries}>; };`;
const dom0 = '0x82000002 &shm_0 0';
const second = '0x82000004 &shm_2 2';
const managed = (id: number, more = ''): string => device(`access-controllers = <&scmi_xen ${id}>; ${more}`);
const bootargs = (text: string): string =>
  `&chosen { xen,xen-bootargs = "dtuart=/serial@9000000 ${text}"; };`;
const armSci = (text: string) => guest({ arm_sci: `"${text}"` });

export const cases: Readonly<Record<string, readonly Case[]>> = {
  'sci-no-container': [
    { host: '/delete-node/ &container;' },
    { host: '&container { compatible = "xen,scmi"; };' },
  ],
  'sci-second-container': [
    {
      host: `&xen { second { compatible = "xen,sci"; #address-cells = <2>; #size-cells = <2>; ranges;
        scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000003>; shmem = <&shm_1>; }; }; };`,
    },
  ],
  'sci-no-management-node': [
    { host: '/delete-node/ &scmi_xen;' },
    { host: '&scmi_xen { compatible = "arm,scmi"; };' },
  ],
  'sci-management-not-available': [
    { host: '&scmi_xen { status = "disabled"; };' },
    { host: '&scmi_xen { xen,passthrough; };' },
  ],
  'sci-second-management-node': [
    {
      host: '&container { other { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000005>; shmem = <&shm_3>; }; };',
    },
  ],
  'sci-no-function-id': [{ host: '&scmi_xen { /delete-property/ arm,smc-id; };' }],
  'sci-missing-ranges': [
    { host: '&chosen { /delete-property/ ranges; };' },
    { host: '&xen { /delete-property/ ranges; };' },
    { host: '&container { /delete-property/ ranges; };' },
  ],
  'sci-status-ignored': [
    { host: '&container { status = "disabled"; };' },
    { host: '&shm_2 { status = "disabled"; };' },
  ],
  'sci-earlier-series': [
    { host: '&chosen { xen,scmi-secondary-agents = <1>; };' },
    { host: '&scmi { epam,secondary-agents = <1>; };' },
    { host: bootargs('loglvl=all guest_loglvl=all noreboot dom0_scmi_agent_id=0') },
    { host: bootargs('loglvl=all guest_loglvl=all noreboot dom0=pvh,sci-agent-id=0') },
  ],

  'sci-list-missing': [{ host: '&container { /delete-property/ scmi-secondary-agents; };' }],
  'sci-list-cells': [{ host: list(`${dom0} ${second}`, 4) }, { host: list(`${dom0} ${second}`, 1) }],
  'sci-list-length': [
    { host: '&container { scmi-secondary-agents; };' },
    { host: list(`${dom0} 0x82000004`) },
    { host: '&container { scmi-secondary-agents = [00 01 02]; };' },
  ],
  'sci-list-other-cells': [
    { host: list(`${dom0} ${second}`, 2) },
    { host: list('0x82000002 &shm_0 0x82000004 &shm_2 0x82000005 &shm_3') },
  ],
  'sci-list-phandle': [{ host: list(`${dom0} 0x82000004 0xdead 2`) }],
  'sci-duplicate-agent': [{ host: list(`${dom0} ${second} 0x82000005 &shm_3 2`) }],
  'sci-management-agent-listed': [{ host: list(`${dom0} 0x82000004 &shm_2 1`) }],
  'sci-management-channel-listed': [
    { host: list('0x82000002 &shm_0 0x82000003 &shm_1', 2) },
    { host: list(`${dom0} 0x82000003 &shm_3 3`) },
    { host: list(`${dom0} 0x82000005 &shm_1 3`) },
  ],
  'sci-shared-function-id': [
    { host: list(`${dom0} ${second} 0x82000004 &shm_2 3`) },
    { host: list('0x82000002 &shm_0 0x82000004 &shm_2 0x82000004 &shm_2', 2) },
  ],
  'sci-shared-page': [
    { host: list(`${dom0} ${second} 0x82000005 &shm_2 3`) },
    { host: '&shm_2 { reg = <0x0 0x47ff2000 0x0 0x2000>; };' },
  ],
  'sci-agent-id-unusable': [
    { host: list(`${dom0} 0x82000004 &shm_2 255`) },
    { host: list(`${dom0} 0x82000004 &shm_2 258`) },
  ],
  'sci-channel-not-in-firmware': [{ host: list(`${dom0} 0x82000012 &shm_2 2`) }],
  'sci-agent-of-other-channel': [{ host: list(`${dom0} 0x82000004 &shm_2 9`) }],
  'sci-page-of-other-channel': [
    { host: list(`${dom0} 0x82000004 &shm_3 2 0x82000005 &shm_2 3`) },
    { host: '&shm_2 { reg = <0x0 0x47ff9000 0x0 0x1000>; };' },
  ],
  'sci-undiscoverable-channel': [
    { host: list('0x82000002 &shm_0 0x82000012 &shm_2', 2) },
    { host: list('0x82000002 &shm_0 0x82000004 &shm_3 0x82000005 &shm_2', 2) },
  ],

  'sci-management-no-page': [{ host: '&scmi_xen { /delete-property/ shmem; };' }],
  'sci-management-page-phandle': [{ host: '&scmi_xen { shmem = <0xdead>; };' }],
  'sci-page-no-address': [
    { host: '&shm_2 { /delete-property/ reg; };' },
    { host: '&shm_1 { reg = <0x0 0x47ff1000>; };' },
  ],
  'sci-page-not-aligned': [
    { host: '&shm_2 { reg = <0x0 0x47ff2000 0x0 0x800>; };' },
    { host: '&shm_2 { reg = <0x0 0x47ff2800 0x0 0x1000>; };' },
    { host: '&shm_1 { reg = <0x0 0x47ff1000 0x0 0x800>; };' },
  ],
  'sci-management-page-not-aligned': [{ host: '&shm_1 { reg = <0x0 0x47ff1800 0x0 0x1000>; };' }],
  'sci-page-zero': [
    { host: '&shm_1 { reg = <0x0 0x0 0x0 0x1000>; };' },
    {
      host: `${list('0x82000002 &shm_0 0x82000004 &shm_2', 2)} &shm_2 { reg = <0x0 0x0 0x0 0x1000>; };`,
    },
  ],
  'sci-page-size-zero': [{ host: '&shm_2 { reg = <0x0 0x47ff2000 0x0 0x0>; };' }],
  'sci-page-aborts': [
    { host: '&shm_1 { reg = <0x0 0x0e100000 0x0 0x1000>; };', also: ['sci-management-page-not-in-firmware'] },
    { host: '&shm_1 { reg = <0x0 0x20000000 0x0 0x1000>; };', also: ['sci-management-page-not-in-firmware'] },
  ],
  'sci-page-in-ram': [
    {
      host: `&{/memory@48000000} { reg = <0x0 0x40000000 0x0 0x80000000>; };
        / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
          shm@47ff0000 { reg = <0x0 0x47ff0000 0x0 0x4000>; }; }; };`,
    },
    { host: '&{/memory@48000000} { reg = <0x0 0x40000000 0x0 0x80000000>; };' },
  ],

  'sci-dom0-no-agent': [{ host: '&container { /delete-property/ xen,dom0-sci-agent-id; };' }],
  'sci-dom0-agent-id-range': [
    { host: '&container { xen,dom0-sci-agent-id = <255>; };' },
    { host: '&container { xen,dom0-sci-agent-id = <300>; };' },
  ],
  'sci-dom0-is-management': [{ host: '&container { xen,dom0-sci-agent-id = <1>; };' }],
  'sci-dom0-agent-unlisted': [{ host: '&container { xen,dom0-sci-agent-id = <5>; };' }],
  'sci-dom0-function-id': [{ host: '&scmi { arm,smc-id = <0x82000004>; };' }],
  'sci-dom0-page': [{ host: '&scmi_shm { reg = <0x0 0x47ff2000 0x0 0x1000>; };' }],
  'sci-dom0-page-unusable': [
    { host: '&scmi { /delete-property/ shmem; };' },
    { host: '&scmi_shm { /delete-property/ reg; };' },
    { host: '&scmi_shm { reg = <0x0 0x47ff0000 0x0 0x0>; };' },
    { host: '&scmi_shm { compatible = "mmio-sram"; };' },
  ],
  'sci-dom0-no-node': [{ host: '&scmi { status = "disabled"; };' }, { host: '/delete-node/ &{/firmware};' }],
  'sci-dom0-node-elsewhere': [
    {
      host: `&container { /delete-property/ xen,dom0-sci-agent-id; }; /delete-node/ &scmi;
        &{/firmware} { arm-scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000002>; shmem = <&scmi_shm>; }; };`,
    },
  ],

  'sci-access-controllers-target': [
    { host: `&scmi { #access-controller-cells = <1>; }; ${device('access-controllers = <&scmi 1>;')}` },
  ],
  'sci-access-controllers-unreadable': [
    { host: `&scmi_xen { /delete-property/ #access-controller-cells; }; ${managed(1)}` },
    { host: device('access-controllers = <&scmi_xen>;') },
    { host: device('access-controllers = <0xdead 1>;') },
  ],
  'sci-access-controller-cells-zero': [
    { host: `&scmi_xen { #access-controller-cells = <0>; }; ${device('access-controllers = <&scmi_xen>;')}` },
  ],
  'sci-access-controller-cells-many': [
    {
      host: `&scmi_xen { #access-controller-cells = <2>; }; ${device('access-controllers = <&scmi_xen 1 9>;')}`,
    },
  ],
  'sci-device-disabled': [{ host: managed(1, 'status = "disabled";') }],
  'sci-device-not-in-firmware': [
    { host: managed(99) },
    { host: managed(1), firmware: { devicePolicy: 'none' } },
    { host: `${managed(99, 'xen,passthrough;')} ${iommu}`, guests: [guest({ dtdev: '[ "/dev@9030000" ]' })] },
  ],
  'sci-device-denied': [
    { host: managed(7) },
    { host: managed(6) },
    { host: `${managed(4, 'xen,passthrough;')} ${iommu}`, guests: [guest({ dtdev: '[ "/dev@9030000" ]' })] },
  ],
  'sci-device-taken': [{ host: managed(1) + iommu, guests: [guest({ dtdev: '[ "/dev@9030000" ]' })] }],
  'sci-no-set-device-permissions': [{ host: managed(1), faults: ['no-set-device-permissions'] }],

  'sci-guest-agent-unlisted': [
    { guests: [armSci('type=scmi_smc_multiagent,agent_id=9')] },
    { host: domU('xen,sci_type = "scmi_smc_multiagent"; xen,sci-agent-id = <9>;'), dom0less: '' },
  ],
  'sci-guest-is-management': [{ guests: [armSci('type=scmi_smc_multiagent,agent_id=1')] }],
  'sci-guest-agent-taken': [
    {
      guests: [
        guest(
          { arm_sci: '"type=scmi_smc_multiagent,agent_id=0"', iomem: '[ "47ff0,1@22001" ]' },
          '&scmi { arm,smc-id = <0x82000002>; };',
        ),
      ],
    },
    { host: domU(), dom0less: '', guests: [guest()] },
  ],
  'sci-guest-agent-shared': [{ guests: [guest(), guest({}, '', 'd3')], also: ['sci-foreseen-refused'] }],
  'sci-guest-no-node': [{ guests: [guest({}, null)] }, { guests: [guest({}, '/delete-node/ &scmi;')] }],
  'sci-guest-function-id': [
    { guests: [guest({}, '&scmi { arm,smc-id = <0x82000005>; };')] },
    { host: domU(), dom0less: '&scmi { arm,smc-id = <0x82000002>; };' },
  ],
  'sci-guest-page-node': [
    { guests: [guest({}, '&scmi { /delete-property/ shmem; };')] },
    { guests: [guest({}, '&scmi { shmem = <0xdead>; };')] },
    { guests: [guest({}, '&shm { compatible = "mmio-sram"; };')] },
    { guests: [guest({}, '&passthrough { /delete-property/ ranges; };')] },
    { guests: [guest({}, '&shm { reg = <0x0 0x22001000 0x0 0x0>; };')] },
  ],
  'sci-guest-page-missing': [
    { guests: [guest({ iomem: null })] },
    {
      host: domU(),
      dom0less: '&shm { /delete-property/ xen,reg; /delete-property/ xen,force-assign-without-iommu; };',
    },
  ],
  'sci-guest-page-place': [
    { guests: [guest({ iomem: '[ "47ff2,1@22005" ]' })] },
    { guests: [guest({ iomem: '[ "47ff2,1" ]' })] },
    { host: domU(), dom0less: '&shm { xen,reg = <0x0 0x47ff2000 0x0 0x1000 0x0 0x22005000>; };' },
  ],
  'sci-guest-other-page': [
    { guests: [guest({ iomem: '[ "47ff3,1@22001" ]' })] },
    { host: domU(), dom0less: '&shm { xen,reg = <0x0 0x47ff0000 0x0 0x1000 0x0 0x22001000>; };' },
  ],
  'sci-guest-more-pages': [
    { guests: [guest({ iomem: '[ "47ff2,2@22001" ]' })], also: ['sci-foreseen-refused'] },
  ],
  'sci-guest-without-agent': [
    { guests: [guest({ arm_sci: null })] },
    { guests: [guest({ arm_sci: null, iomem: null })] },
    { host: domU(''), dom0less: '' },
  ],
  'sci-dtdev-missing': [
    {
      host: managed(1, 'xen,passthrough;'),
      guests: [guest({ iomem: '[ "47ff2,1@22001", "9030,1@22010" ]' })],
    },
    {
      host: managed(1, 'xen,passthrough;') + domU(),
      dom0less: `&passthrough { dev@22010000 { reg = <0x0 0x22010000 0x0 0x1000>;
        xen,reg = <0x0 0x9030000 0x0 0x1000 0x0 0x22010000>; xen,force-assign-without-iommu; }; };`,
    },
  ],

  'sci-dom0less-type': [
    { host: domU('xen,sci_type = "foo";'), dom0less: '' },
    { host: domU('xen,sci_type = "scmi_smc";'), dom0less: '' },
  ],
  'sci-dom0less-agent-id': [
    { host: domU('xen,sci_type = "scmi_smc_multiagent";'), dom0less: '' },
    { host: domU('xen,sci_type = "scmi_smc_multiagent"; xen,sci-agent-id = <255>;'), dom0less: '' },
  ],
  'sci-dom0less-incomplete': [
    { host: domU(), dom0less: '&shm { /delete-property/ xen,force-assign-without-iommu; };' },
    {
      host: domU(),
      dom0less:
        '&passthrough { dev { xen,path = "/nowhere"; xen,reg = <0 0x9030000 0 0x1000 0 0x22010000>; }; };',
    },
    { host: domU(), dom0less: '&passthrough { dev { xen,path = "/serial@9000000"; }; };' },
  ],
  'sci-dom0less-next-page': [{ host: domU(), dom0less: '' }],

  'sci-xl-refused': [
    { guests: [guest({ vcpus: '"a' })] },
    { guests: [guest({ name: null })] },
    { guests: [guest({ iomem: '[ "47ffz,1" ]' })] },
  ],
  'sci-arm-sci-type': [{ guests: [armSci('type=scmi_smc_multi,agent_id=2')] }],
  'sci-arm-sci-agent-range': [
    { guests: [armSci('type=scmi_smc_multiagent,agent_id=255')] },
    { guests: [armSci('type=scmi_smc_multiagent,agent_id=two')] },
  ],
  'sci-arm-sci-no-agent-id': [
    { guests: [armSci('type=scmi_smc_multiagent')], also: ['sci-guest-agent-taken', ...otherChannel()] },
  ],
  'sci-arm-sci-number': [
    {
      guests: [armSci('type=scmi_smc_multiagent,agent_id=0x2')],
      also: ['sci-guest-agent-taken', ...otherChannel()],
    },
  ],
  'sci-arm-sci-blank': [
    {
      guests: [armSci('type=scmi_smc_multiagent, agent_id=2')],
      also: ['sci-guest-agent-taken', ...otherChannel()],
    },
    { guests: [armSci('agent_id=2, type=scmi_smc_multiagent')], also: ['sci-guest-without-agent'] },
  ],
  'sci-arm-sci-unknown-option': [
    { guests: [armSci('type=scmi_smc_multiagent,agent_id=2,foo=bar')] },
    { guests: [armSci('type=scmi_smc_multiagent,agent_id=2,')] },
  ],
  'sci-arm-sci-no-type': [{ guests: [armSci('agent_id=2')], also: ['sci-guest-without-agent'] }],
  'sci-arm-sci-list': [
    {
      guests: [guest({ arm_sci: '[ "type=scmi_smc_multiagent,agent_id=2" ]' })],
      also: ['sci-guest-without-agent'],
    },
  ],
  'sci-arm-sci-other-mediator': [{ guests: [armSci('type=scmi_smc')] }],
  'sci-no-mediator': [
    {
      guests: [guest()],
      xen: { mediator: 'none' },
      also: ['sci-build-other-mediator', 'sci-foreseen-refused'],
    },
  ],
  'sci-dtdev-no-iommu': [
    { host: managed(1, 'xen,passthrough;'), guests: [guest({ dtdev: '[ "/dev@9030000" ]' })] },
  ],
  'sci-dtdev-disabled': [
    { host: iommu, guests: [guest({ dtdev: '[ "/serial@9000000" ]', passthrough: '"disabled"' })] },
  ],
  'sci-dtdev-no-node': [{ host: iommu, guests: [guest({ dtdev: '[ "/nowhere" ]' })] }],

  'sci-management-not-in-firmware': [{ host: '&scmi_xen { arm,smc-id = <0x82000010>; };' }],
  'sci-management-page-not-in-firmware': [{ host: '&shm_1 { reg = <0x0 0x47ff8000 0x0 0x1000>; };' }],
  'sci-no-discover-agent': [
    { faults: ['no-discover-agent'] },
    { firmware: { quirks: ['discover-agent-own-refused'] } },
  ],
  'sci-no-reset-agent-configuration': [
    { faults: ['no-reset-agent-configuration'] },
    { firmware: { resetAgentPolicy: 'not-supported' } },
  ],
  'sci-xen-not-privileged': [
    { firmware: { privilegedAgent: null } },
    { faults: ['privileged-agent-0'], also: ['sci-domain-privileged'] },
    { host: managed(1), firmware: { privilegedAgent: 5 } },
  ],
  'sci-domain-privileged': [{ firmware: { privilegedAgent: 2 }, also: ['sci-xen-not-privileged'] }],
  'sci-firmware-without-permissions': [{ firmware: { permissions: 'none' } }],

  'sci-build-single-agent': [{ xen: { mediator: 'single-agent' } }],
  'sci-build-other-mediator': [
    { xen: { mediator: 'none' } },
    { xen: { mediator: 'single-agent', version: '4.20' } },
  ],
  'sci-single-agent-passthrough': [
    {
      host: '/delete-node/ &container;',
      guests: [guest({ arm_sci: '"type=scmi_smc"' })],
      xen: { mediator: 'single-agent' },
    },
  ],
  'sci-log-level': [
    { host: bootargs('loglvl=info guest_loglvl=all noreboot') },
    { host: bootargs('loglvl=error/info guest_loglvl=all noreboot') },
  ],
  'sci-guest-log-level': [{ host: bootargs('loglvl=all guest_loglvl=warning noreboot') }],
  'sci-release-build': [{ xen: { debug: false } }],
  'sci-console-timestamps': [
    { host: bootargs('loglvl=all guest_loglvl=all noreboot console_timestamps=boot') },
    { host: bootargs('console_timestamps loglvl=all guest_loglvl=all noreboot') },
  ],
  'sci-no-noreboot': [{ host: bootargs('loglvl=all guest_loglvl=all') }],

  'sci-foreseen-panic': [
    { host: '&{/chosen/module@50000000} { compatible = "multiboot,ramdisk", "multiboot,module"; };' },
  ],
  'sci-foreseen-no-mediator': [
    { faults: ['management-channel-stuck-busy'] },
    { faults: ['smc-returns-invalid-parameter'] },
    { faults: ['response-length-0'] },
    { faults: ['protocol-attributes-generic-error'] },
  ],
  'sci-foreseen-refused': [
    { guests: [guest({}, '', 'd2'), guest({ arm_sci: '"type=none"', iomem: null }, null)] },
  ],
  'sci-undefined': [
    { host: '/ { far { reg = <0x400000 0x0 0x0 0x1000>; }; };', also: ['sci-foreseen-panic'] },
  ],
};

/** Configurations that come close to a mistake and are right. */
export const right: Readonly<Record<string, Changes>> = {
  'all that is there': {},
  'a guest of xl': { guests: [guest()] },
  'two cells an entry': { host: list('0x82000002 &shm_0 0x82000004 &shm_2', 2), guests: [guest()] },
  'no #scmi-secondary-agents-cells': {
    host: '&container { /delete-property/ #scmi-secondary-agents-cells; };',
  },
  'a container outside /chosen': {
    host: `/delete-node/ &container; / { config { compatible = "xen,sci"; #address-cells = <2>; #size-cells = <2>; ranges;
      scmi-secondary-agents = <0x82000002 &page_0 0>; xen,dom0-sci-agent-id = <0>;
      page_0: sram@47ff0000 { reg = <0x0 0x47ff0000 0x0 0x1000>; };
      page_1: sram@47ff1000 { reg = <0x0 0x47ff1000 0x0 0x1000>; };
      scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000003>; shmem = <&page_1>; }; }; };`,
  },
  'a page of two pages that overlaps no other': { host: '&shm_3 { reg = <0x0 0x47ff3000 0x0 0x2000>; };' },
  'a page in RAM that is reserved': {
    host: `&{/memory@48000000} { reg = <0x0 0x40000000 0x0 0x80000000>; };
      / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
        shm@47ff0000 { reg = <0x0 0x47ff0000 0x0 0x10000>; no-map; }; }; };`,
  },
  'a Dom0 device that firmware gives away': {
    host: managed(1),
  },
  'a device shared by all': { host: managed(0) },
  'a disabled node that is passed through': { host: managed(7, 'xen,passthrough; status = "disabled";') },
  'access-controllers of another kind of provider': {
    host: `/ { gate: gate { #access-controller-cells = <1>; }; }; ${device('access-controllers = <&gate 7>;')}`,
  },
  'a device of a guest behind an IOMMU': {
    host: managed(1, 'xen,passthrough; iommus = <1>;') + iommu,
    guests: [guest({ dtdev: '[ "/dev@9030000" ]', iomem: '[ "47ff2,1@22001", "9030,1@22010" ]' })],
  },
  'two guests with an agent each': {
    guests: [
      guest(),
      guest(
        { arm_sci: '"type=scmi_smc_multiagent,agent_id=3"', iomem: '[ "47ff3,1@22001" ]' },
        '&scmi { arm,smc-id = <0x82000005>; };',
        'd3',
      ),
    ],
  },
  'a partial tree whose own root has other cells': {
    guests: [guest({}, '/ { #address-cells = <1>; #size-cells = <1>; };')],
  },
  'a guest without SCMI': { guests: [guest({ arm_sci: null, iomem: null }, null)] },
  'type=none': { guests: [guest({ arm_sci: '"type=none"', iomem: null }, null)] },
  'agent 0 for a guest where Dom0 has none (but for the note)': {
    host: '/delete-node/ &scmi; &container { /delete-property/ xen,dom0-sci-agent-id; };',
    guests: [
      guest(
        { arm_sci: '"type=scmi_smc_multiagent,agent_id=0"', iomem: '[ "47ff0,1@22001" ]' },
        '&scmi { arm,smc-id = <0x82000002>; };',
      ),
    ],
  },
  'console_timestamps=none': {
    host: bootargs('loglvl=all guest_loglvl=all noreboot console_timestamps=none'),
  },
  'the single-agent driver and its own options': {
    host: `/delete-node/ &container; ${bootargs('scmi-smc-passthrough')}`,
    guests: [
      guest(
        { arm_sci: '"type=scmi_smc"', iomem: '[ "47ff0,1@22001" ]' },
        '&scmi { arm,smc-id = <0x82000002>; };',
      ),
    ],
    xen: { mediator: 'single-agent' },
  },
  'no mediator and nobody who asks': { host: '/delete-node/ &container;', xen: { mediator: 'none' } },
};

/** Findings that follow from agent 0 in a guest that is meant for agent 2. */
function otherChannel(): readonly string[] {
  return ['sci-guest-function-id', 'sci-guest-other-page'];
}
