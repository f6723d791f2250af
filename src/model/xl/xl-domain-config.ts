/** A configuration's settings as xl reads them (tools/xl/xl_parse.c, parse_config_data). */
import { leadingStrings, type XlConfig } from './xl-config.ts';
import { type ArmSci, parseArmSci } from './xl-arm-sci.ts';
import {
  checkDeviceSpec,
  checkDisk,
  checkVif,
  type DeviceSetting,
  type SpecOutcome,
} from './xl-device-specs.ts';
import { type IomemRange, parseIomem } from './xl-iomem.ts';

const shutdownActions = [
  'destroy',
  'restart',
  'rename-restart',
  'preserve',
  'coredump-destroy',
  'coredump-restart',
  'soft-reset',
] as const;

export type ShutdownAction = (typeof shutdownActions)[number];

export interface XlDomainConfig {
  readonly name: string;
  /** `type = "pv"`, which an Arm libxl takes for `pvh`. */
  readonly isPv: boolean;
  /** MiB that Xen allows it. */
  readonly memory: number;
  /** MiB that it is built with; as much as `memory` where it is not set. */
  readonly maxmem: number;
  /** MiB for its page tables; undefined: what its size calls for. */
  readonly shadowMemory: number | undefined;
  /** Undefined: the default of Xen. */
  readonly grantVersion: number | undefined;
  readonly grantFrames: number | undefined;
  readonly vcpus: number;
  readonly maxVcpus: number;
  readonly kernel: string | undefined;
  /** Path of the partial device tree in Dom0. */
  readonly deviceTree: string | undefined;
  /** The kernel's command line. */
  readonly commandLine: string;
  readonly armSci: ArmSci;
  readonly iomem: readonly IomemRange[];
  readonly irqs: readonly number[];
  /** `vuart = "sbsa_uart"`. */
  readonly hasVuart: boolean;
  /** Undefined: as many as the rest calls for. */
  readonly nrSpis: number | undefined;
  /** Device tree paths of the host. */
  readonly dtdev: readonly string[];
  /** `passthrough = "disabled"` and the like; undefined: what dtdev calls for. */
  readonly passthrough: string | undefined;
  readonly onPoweroff: ShutdownAction;
  readonly onReboot: ShutdownAction;
  readonly onCrash: ShutdownAction;
  /** Where a setting stands: `/root/d2.cfg:8`; the file alone where it is not there. */
  readonly placeOf: (setting: string) => string;
}

/** Something that xl prints of a configuration. */
export interface XlComplaint {
  readonly rule: string;
  readonly text: string;
  /** In words: what in the configuration it comes from. */
  readonly because: string;
  /** File and line. */
  readonly place: string;
}

export interface XlDomainConfigResult {
  /** Absent where xl gives up. */
  readonly domain: XlDomainConfig | undefined;
  /** Exit status with which it gives up, else 0. */
  readonly status: number;
  /** Lines of xl, in order: warnings, then at most one error. */
  readonly complaints: readonly XlComplaint[];
}

/**
 * Reads the meaning of a configuration whose syntax is right.
 *
 * @param version Xen's: xl knows `arm_sci` since 4.21, before that the setting is passed over
 * @param armSci what reads `arm_sci`
 */
export function readDomainConfig(
  config: XlConfig,
  version = '4.22',
  armSci = parseArmSci,
): XlDomainConfigResult {
  const reader = new Reader(config, knowsArmSci(version), armSci);
  try {
    return { domain: reader.domain(), status: 0, complaints: reader.complaints };
  } catch (error) {
    if (!(error instanceof GivesUp)) throw error;
    return { domain: undefined, status: error.status, complaints: reader.complaints };
  }
}

/** xl has printed why and exits. */
class GivesUp extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`xl exits with ${status}`);
    this.status = status;
  }
}

class Reader {
  readonly complaints: XlComplaint[] = [];
  readonly #config: XlConfig;

  readonly #knowsArmSci: boolean;
  readonly #parseArmSci: typeof parseArmSci;

  constructor(config: XlConfig, withArmSci: boolean, armSci: typeof parseArmSci) {
    this.#config = config;
    this.#knowsArmSci = withArmSci;
    this.#parseArmSci = armSci;
  }

  /**
   * In the order in which xl looks at them: the first error is the only one that is printed. What no Arm domain uses is
   * read as well, since xl warns of a list where it wants one value, and of a number that is none.
   */
  domain(): XlDomainConfig {
    this.#texts('init_seclabel', 'seclabel');
    const type = this.#type();
    const isHvm = type === 'hvm';
    this.#flags('hap');
    const name = this.#string('name') ?? this.#giveUp('xl.name', 'name', 'Domain name must be specified.');
    this.#uuid();
    this.#flags('oos');
    this.#texts('pool');
    this.#numbers('xenstore_feature_mask');
    if (!isHvm) {
      this.#flags('pvshim');
      this.#texts('pvshim_path', 'pvshim_cmdline', 'pvshim_extra');
    }
    this.#numbers('cpu_weight', 'cap', 'period', 'slice', 'latency', 'extratime');
    const memory = this.#mebibytes('memory');
    const maxmem = this.#mebibytes('maxmem') ?? memory;
    this.#cacheColors();
    const vcpus = this.#vcpus();
    const vuart = this.#oneOf('vuart', vuartTypes, invalidValue('vuart'));
    const maxVcpus = this.#maxVcpus(vcpus);
    this.#cpus('cpus', maxVcpus);
    this.#cpus('cpus_soft', maxVcpus);
    const grantFrames = this.#bounded('max_grant_frames');
    this.#bounded('max_maptrack_frames');
    const grantVersion = this.#bounded('max_grant_version');
    const onPoweroff = this.#action('on_poweroff', 'destroy');
    const onReboot = this.#action('on_reboot', 'restart');
    this.#action('on_watchdog', 'destroy');
    const onCrash = this.#action('on_crash', 'destroy');
    this.#action('on_soft_reset', 'soft-reset');
    this.#numbers('pci_msitranslate', 'pci_power_mgmt', 'pci_permissive', 'pci_seize');
    this.#texts('rdm');
    this.#lists('pci');
    const dtdev = leadingStrings(this.#list('dtdev'));
    const passthrough = this.#oneOf('passthrough', passthroughModes, text => {
      return `ERROR: unknown passthrough option '${text}'`;
    });
    const shadowMemory = this.#mebibytes('shadow_memory');
    this.#flags('nomigrate');
    this.#mode('tsc_mode', tscModes);
    this.#numbers('rtc_timeoffset');
    if (this.#number('vncviewer') !== undefined) {
      this.#complain('xl.warning', 'vncviewer', `WARNING: ignoring "vncviewer" option. ${useViewer}`);
    }
    this.#flags('localtime');
    this.#numbers('videoram', 'max_event_channels');
    const kernel = this.#string('kernel');
    this.#texts('ramdisk');
    const deviceTree = this.#string('device_tree');
    const commandLine = this.#commandLine();
    this.#flags('driver_domain', 'acpi');
    this.#texts('bootloader');
    this.#flags('bootloader_restrict');
    this.#texts('bootloader_user');
    if (this.#config.string('bootloader_args') !== undefined) {
      const text =
        'WARNING: Specifying "bootloader_args" as a string is deprecated. Please use a list of arguments.';
      this.#complain('xl.warning', 'bootloader_args', text);
    }
    this.#mode('timer_mode', timerModes, type === 'pv');
    this.#flags('nestedhvm');
    if (!isHvm) this.#firmware(kernel);
    this.#mode('altp2m', altp2mModes);
    this.#ioports();
    const irqs = this.#irqs();
    const iomem = this.#iomem();
    this.#specs('disk', spec => checkDisk(spec, this.#config.file));
    this.#devices('p9', 'vtpm', 'vdispl', 'pvcalls', 'channel');
    this.#specs('vif', checkVif);
    this.#lists('vfb');
    this.#devices('usbctrl', 'usbdev');
    this.#cpuid();
    this.#deviceModel();
    this.#texts('device_model_user');
    this.#oneOf(
      'gic_version',
      gicVersions,
      text => `Unknown gic_version "${text}" specified`,
      exitOfLibxlFailure,
    );
    this.#oneOf('tee', teeTypes, text => `Unknown tee "${text}" specified`, exitOfLibxlFailure);
    this.#oneOf('sve', sveTypes, text => `Unknown sve "${text}" specified`);
    const nrSpis = this.#number('nr_spis');
    this.#flags('trap_unmapped_accesses');
    const armSci = this.#armSci();
    this.#devices('vkb', 'virtio');
    this.#flags('xend_suspend_evtchn_compat', 'msr_relaxed', 'vpmu');
    return {
      name,
      isPv: type === 'pv',
      // libxl__domain_build_info_setdefault: target_memkb follows max_memkb, which is 32 MiB.
      memory: memory ?? maxmem ?? defaultMemory,
      maxmem: maxmem ?? defaultMemory,
      shadowMemory,
      grantVersion,
      grantFrames,
      vcpus,
      maxVcpus,
      kernel,
      deviceTree,
      commandLine,
      armSci,
      iomem,
      irqs,
      hasVuart: vuart === 'sbsa_uart',
      nrSpis,
      dtdev,
      passthrough,
      onPoweroff,
      onReboot,
      onCrash,
      placeOf: setting => this.#place(setting),
    };
  }

  /** `type`, and its predecessor `builder`: a beginning of the name is enough for xl. */
  #type(): string {
    const read = (setting: string, names: readonly string[]): string | undefined => {
      const written = this.#string(setting);
      if (written === undefined) return undefined;
      const found = names.find(each => each.startsWith(written));
      return found ?? this.#giveUp('xl.type', setting, `Invalid domain type ${written}.`);
    };
    const type = read('type', ['hvm', 'pv', 'pvh']);
    const builder = read('builder', ['hvm', 'generic'])?.replace('generic', 'pv');
    if (type !== undefined && builder !== undefined && type !== builder) {
      this.#giveUp('xl.type', 'builder', 'Contradicting "builder" and "type" options specified.');
    }
    return builder ?? type ?? 'pvh';
  }

  /** uuid_parse() of libuuid. */
  #uuid(): void {
    const written = this.#string('uuid');
    if (written === undefined || /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(written)) return;
    this.#giveUp('xl.uuid', 'uuid', `Failed to parse UUID: ${written}`);
  }

  /** A C long that is given to functions as an int, in which a large number is another one. */
  #vcpus(): number {
    const vcpus = Math.max(this.#number('vcpus') ?? 1, 1);
    if (toInt(vcpus) >= 0) return vcpus;
    const problem = 'libxl: error: libxl_utils.c:812:libxl_cpu_bitmap_alloc: invalid number of cpus provided';
    this.#complain('xl.vcpus', 'vcpus', problem);
    return this.#giveUp('xl.vcpus', 'vcpus', 'Unable to allocate cpumap');
  }

  #maxVcpus(vcpus: number): number {
    const maxVcpus = toInt(this.#number('maxvcpus') ?? 0) || toInt(vcpus);
    return maxVcpus >= vcpus ? maxVcpus : this.#giveUp('xl.vcpus', 'maxvcpus', 'xl: maxvcpus < vcpus');
  }

  /** xlu_cfg_get_bounded_long() with `dont_warn`: xl exits without a word. */
  #bounded(name: string): number | undefined {
    const number = this.#config.long(name);
    if (number === undefined && this.#config.setting(name) === undefined) return undefined;
    if (typeof number === 'bigint' && number >= 0n && number <= 0x7fff_ffffn) return Number(number);
    throw new GivesUp(1);
  }

  /** A long that is multiplied by 1024 and becomes an unsigned number of 64 bits: a negative one is a large one. */
  #mebibytes(name: string): number | undefined {
    this.#number(name);
    const number = this.#config.long(name);
    return typeof number === 'bigint' ? Number(BigInt.asUintN(64, number * 1024n) / 1024n) : undefined;
  }

  /** One of the names of an enumeration of libxl, whose case does not count. */
  #oneOf(
    name: string,
    values: readonly string[],
    problem: (written: string) => string,
    status = 1,
  ): string | undefined {
    const written = this.#string(name);
    const value = written?.toLowerCase();
    if (written === undefined || value === undefined || values.includes(value)) return value;
    return this.#giveUp(`xl.${name.replaceAll('_', '-')}`, name, problem(written), status);
  }

  /** For a guest that is no HVM one. */
  #firmware(kernel: string | undefined): void {
    const rule = 'xl.kernel';
    const firmware = this.#string('firmware');
    if (firmware !== undefined) {
      if (kernel !== undefined) this.#giveUp(rule, 'firmware', 'ERROR: both kernel and firmware specified');
      if (!['pvgrub32', 'pvgrub64'].some(each => each.startsWith(firmware))) {
        this.#giveUp(rule, 'firmware', 'ERROR: only pvgrub{32|64} supported as firmware options');
      }
    } else if (kernel === undefined && this.#config.string('bootloader') === undefined) {
      this.#giveUp(rule, 'kernel', 'Neither kernel nor bootloader specified');
    }
  }

  /** Decimal, whatever they begin with: `0x20` is none. */
  #irqs(): number[] {
    return this.#list('irqs').map((entry, index) => {
      if (typeof entry !== 'string') {
        return this.#giveUp('xl.irqs', 'irqs', `xl: Unable to get element ${index} in irq list`);
      }
      const [, sign, digits] = /^\s*([+-]?)([0-9]+)$/.exec(entry) ?? [];
      if (digits === undefined) {
        return this.#giveUp('xl.irqs', 'irqs', `xl: Invalid argument parsing irq: ${entry}`);
      }
      const irq = strtoul(sign === '-', BigInt(digits));
      return irq < 0xffff_ffffn
        ? Number(irq)
        : this.#giveUp('xl.irqs', 'irqs', `xl: irq ${irq.toString(16)} too big`);
    });
  }

  /** Entries of a list, each with its check; xl exits where the check says so. */
  #specs(setting: string, check: (spec: string) => SpecOutcome): void {
    for (const spec of leadingStrings(this.#list(setting))) {
      const { lines, exits } = check(spec);
      for (const line of lines) this.#complain(`xl.${setting}`, setting, line);
      if (exits) throw new GivesUp(1);
    }
  }

  #devices(...settings: readonly DeviceSetting[]): void {
    for (const setting of settings) this.#specs(setting, spec => checkDeviceSpec(setting, spec));
  }

  /** A number, which is deprecated, or the name of an enumeration. */
  #mode(setting: string, names: readonly string[], isPv = false): void {
    const written = this.#string(setting);
    if (written === undefined) return;
    const number = this.#config.long(setting);
    const isNumber = typeof number === 'bigint';
    if (isPv) {
      const text = `ERROR: "${setting}" option is not supported for PV guests.`;
      this.#giveUp(`xl.${setting}`, setting, text, exitOfLibxlFailure);
    }
    if (isNumber && setting !== 'altp2m') {
      const name = names[Number(number)];
      const example = name === undefined ? '' : `e.g. ${setting}="${name}"`;
      const text = `WARNING: specifying "${setting}" as an integer is deprecated. Please use the named parameter variant. ${example}`;
      this.#complain('xl.warning', setting, text);
    }
    const isKnown = isNumber ? number >= 0n && number < names.length : names.includes(written.toLowerCase());
    if (isKnown) return;
    const text = isNumber
      ? `ERROR: invalid value ${number} for "${setting}"`
      : invalidValue(setting)(written);
    this.#giveUp(`xl.${setting}`, setting, text);
  }

  /** parse_vcpu_affinity(): a list with an entry for each vCPU, or one text for all. */
  #cpus(setting: string, maxVcpus: number): void {
    const list = this.#config.list(setting);
    const whole = this.#config.string(setting);
    const entries =
      list === undefined ? (whole === undefined ? [] : [whole]) : leadingStrings(list).slice(0, maxVcpus);
    for (const range of entries.flatMap(entry => entry.split(',').filter(Boolean))) {
      const [, not = '', cpus = ''] = /^(\^?)(?:nodes?:)?(.*)$/s.exec(range) ?? [];
      if (cpus === 'all' && not === '') continue;
      if (cpus === 'all') this.#giveUp('xl.cpus', setting, 'Can\'t combine "^" and "all".');
      const [, first, last = first] = /^\s*\+?([0-9]+)(?:-\s*\+?([0-9]+))?$/.exec(cpus) ?? [];
      if (first === undefined || BigInt(last ?? 0) < BigInt(first)) {
        this.#giveUp('xl.cpus', setting, `Invalid pcpu range: ${cpus}.`);
      }
    }
  }

  #cacheColors(): void {
    const setting = 'llc_colors';
    for (const [index, entry] of this.#list(setting).entries()) {
      if (typeof entry !== 'string') {
        return this.#giveUp('xl.llc-colors', setting, `xl: Can't get element ${index} in LLC color list`);
      }
      const [, first, last = first] = /^\s*([0-9]+)(?:-\s*([0-9]+))?/.exec(entry) ?? [];
      if (first === undefined)
        this.#giveUp('xl.llc-colors', setting, `xl: Invalid LLC color range: ${entry}`);
      if (Number(first) <= Number(last)) continue;
      this.#giveUp('xl.llc-colors', setting, `xl: Start LLC color is greater than end: ${entry}`);
    }
  }

  /** Hexadecimal, with or without 0x: one port or a range. */
  #ioports(): void {
    const setting = 'ioports';
    for (const [index, entry] of this.#list(setting).entries()) {
      if (typeof entry !== 'string') {
        return this.#giveUp('xl.ioports', setting, `xl: Unable to get element #${index} in ioport list`);
      }
      const [, first, rest = ''] = /^\s*\+?((?:0x)?[0-9a-f]+)(.*)$/is.exec(entry) ?? [];
      const [, last] = /^-\s*\+?((?:0x)?[0-9a-f]+)$/i.exec(rest) ?? [];
      const invalid = `xl: Invalid argument parsing ioport: ${entry}`;
      if (first === undefined || (rest.startsWith('-') && last === undefined)) {
        return this.#giveUp('xl.ioports', setting, invalid);
      }
      for (const port of [first, last]) {
        const number = BigInt(`0x${(port ?? '0').replace(/^0x/i, '')}`);
        if (number >= 0xffff_ffffn)
          this.#giveUp('xl.ioports', setting, `xl: ioport ${number.toString(16)} too big`);
      }
      if (rest !== '' && last === undefined) this.#complain('xl.ioports', setting, invalid);
    }
  }

  /** On Arm no flag is looked at (libxl_nocpuid.c). */
  #cpuid(): void {
    const written = this.#config.string('cpuid');
    const [first] = written?.split(',').filter(Boolean) ?? [];
    if (first === undefined || first === 'host') return;
    this.#complain('xl.cpuid', 'cpuid', `while parsing CPUID string: "${written}":`);
    this.#complain('xl.cpuid', 'cpuid', '  error: first word must be "host"');
  }

  #deviceModel(): void {
    if (this.#string('device_model') !== undefined) {
      for (const text of deviceModelIgnored) this.#complain('xl.warning', 'device_model', text);
    }
    const override = this.#string('device_model_override');
    const version = this.#string('device_model_version');
    if (version !== undefined && version !== 'qemu-xen') {
      const text = `Unknown device_model_version "${version}" specified`;
      this.#giveUp('xl.device-model', 'device_model_version', text);
    }
    if (version !== undefined || override === undefined) return;
    const text = 'WARNING: device model override given without specific DM version';
    this.#complain('xl.warning', 'device_model_override', text);
  }

  #action(setting: string, otherwise: ShutdownAction): ShutdownAction {
    const written = this.#string(setting) ?? otherwise;
    const action = shutdownActions.find(each => each === written);
    return action ?? this.#giveUp('xl.action', setting, `Unknown ${setting} action "${written}" specified`);
  }

  #commandLine(): string {
    const whole = this.#string('cmdline');
    const root = this.#string('root');
    const extra = this.#string('extra');
    if (whole !== undefined) {
      const text = 'Warning: ignoring root= and extra= in favour of cmdline=';
      if (root !== undefined || extra !== undefined) this.#complain('xl.warning', 'cmdline', text);
      return whole;
    }
    return [root === undefined ? undefined : `root=${root}`, extra]
      .filter(each => each !== undefined)
      .join(' ');
  }

  #iomem(): IomemRange[] {
    return this.#list('iomem').map((entry, index) => {
      if (typeof entry !== 'string') {
        return this.#giveUp('xl.iomem', 'iomem', `xl: Unable to get element ${index} in iomem list`);
      }
      const range = parseIomem(entry);
      return range ?? this.#giveUp('xl.iomem', 'iomem', `xl: Invalid argument parsing iomem: ${entry}`);
    });
  }

  /** A list here is not complained of: it is as if the setting were not there. */
  #armSci(): ArmSci {
    const written = this.#config.string('arm_sci');
    if (written === undefined || !this.#knowsArmSci) return { type: 'none', agentId: 0 };
    const sci = this.#parseArmSci(written);
    return 'problem' in sci ? this.#giveUp(sci.rule, 'arm_sci', sci.problem) : sci;
  }

  #string(name: string): string | undefined {
    const setting = this.#config.setting(name);
    if (typeof setting?.value === 'object')
      this.#warn(name, `parameter \`${name}' is a list but should be a single value`);
    return this.#config.string(name);
  }

  #list(name: string): ReturnType<XlConfig['list']> & object {
    const setting = this.#config.setting(name);
    if (typeof setting?.value === 'string') {
      this.#warn(name, `parameter \`${name}' is a single value but should be a list`);
    }
    return this.#config.list(name) ?? [];
  }

  #number(name: string): number | undefined {
    this.#string(name);
    const number = this.#config.long(name);
    if (typeof number === 'object') this.#warn(name, number.problem);
    return typeof number === 'bigint' ? Number(number) : undefined;
  }

  /** Settings that make no difference here, but of which xl may warn. */
  #texts(...names: readonly string[]): void {
    for (const name of names) this.#string(name);
  }

  #numbers(...names: readonly string[]): void {
    for (const name of names) this.#number(name);
  }

  #flags(...names: readonly string[]): void {
    this.#numbers(...names);
  }

  #lists(...names: readonly string[]): void {
    for (const name of names) this.#list(name);
  }

  #warn(name: string, text: string): void {
    const warning = `${this.#place(name)}: warning: ${text}`;
    this.#complain('xl.warning', name, warning);
  }

  #giveUp(rule: string, name: string, text: string, status = 1): never {
    this.#complain(rule, name, text);
    throw new GivesUp(status);
  }

  #complain(rule: string, name: string, text: string): void {
    const because = `xl does not take the configuration's ${name}`;
    this.complaints.push({ rule, text, because, place: this.#place(name) });
  }

  #place(name: string): string {
    const line = this.#config.setting(name)?.line;
    return line === undefined ? this.#config.file : `${this.#config.file}:${line}`;
  }
}

function knowsArmSci(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 4 || (major === 4 && minor >= 21);
}

/** MiB of a domain whose configuration does not say (libxl__domain_build_info_setdefault). */
const defaultMemory = 32;

/** Enumerations of libxl_types.idl. */
const passthroughModes = ['default', 'disabled', 'enabled', 'sync_pt', 'share_pt'];
const tscModes = ['default', 'always_emulate', 'native', 'native_paravirt'];
const timerModes = [
  'delay_for_missed_ticks',
  'no_delay_for_missed_ticks',
  'no_missed_ticks_pending',
  'one_missed_tick_pending',
];
const altp2mModes = ['disabled', 'mixed', 'external', 'limited'];
const vuartTypes = ['unknown', 'sbsa_uart'];
const gicVersions = ['default', 'v2', 'v3'];
const teeTypes = ['none', 'optee', 'ffa'];
const sveTypes = ['hw', 'disabled', ...Array.from({ length: 16 }, (_, index) => String(128 * (index + 1)))];

const useViewer = 'Use "-V" option of "xl create" to automatically spawn vncviewer.';
const deviceModelIgnored = [
  'WARNING: ignoring device_model directive.',
  'WARNING: Use "device_model_override" instead if you really want a non-default device_model',
];

const invalidValue =
  (setting: string) =>
  (text: string): string =>
    `ERROR: invalid value "${text}" for "${setting}"`;

/** `exit(-ERROR_FAIL)`. */
const exitOfLibxlFailure = 3;

function toInt(value: number): number {
  return Number(BigInt.asIntN(32, BigInt(value)));
}

/** ULONG_MAX where it does not fit. */
function strtoul(isNegative: boolean, magnitude: bigint): bigint {
  if (magnitude >= 2n ** 64n) return 2n ** 64n - 1n;
  return isNegative ? BigInt.asUintN(64, -magnitude) : magnitude;
}
