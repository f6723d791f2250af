/** What xl makes of a configuration's settings (tools/xl/xl_parse.c, parse_config_data). */
import { leadingStrings, type XlConfig } from './xl-config.ts';
import { type ArmSci, parseArmSci } from './xl-arm-sci.ts';
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
  /** MiB. */
  readonly memory: number;
  readonly vcpus: number;
  readonly kernel: string | undefined;
  /** Path of the partial device tree in Dom0. */
  readonly deviceTree: string | undefined;
  /** The kernel's command line. */
  readonly commandLine: string;
  readonly armSci: ArmSci;
  readonly iomem: readonly IomemRange[];
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
  /** Absent where xl gives up and exits with 1. */
  readonly domain: XlDomainConfig | undefined;
  /** What it prints, in order: warnings, then at most one error. */
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
    return { domain: reader.domain(), complaints: reader.complaints };
  } catch (error) {
    if (!(error instanceof GivesUp)) throw error;
    return { domain: undefined, complaints: reader.complaints };
  }
}

/** xl has printed why and exits. */
class GivesUp extends Error {}

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

  /** In the order in which xl looks at them: the first error is the only one that is printed. */
  domain(): XlDomainConfig {
    const name = this.#string('name') ?? this.#giveUp('xl.name', 'name', 'Domain name must be specified.');
    const memory = this.#number('memory') ?? defaultMemory;
    const vcpus = this.#number('vcpus') ?? 1;
    const onPoweroff = this.#action('on_poweroff', 'destroy');
    const onReboot = this.#action('on_reboot', 'restart');
    this.#action('on_watchdog', 'destroy');
    const onCrash = this.#action('on_crash', 'destroy');
    this.#action('on_soft_reset', 'soft-reset');
    const dtdev = leadingStrings(this.#list('dtdev'));
    const passthrough = this.#passthrough();
    const kernel = this.#string('kernel');
    const deviceTree = this.#string('device_tree');
    const commandLine = this.#commandLine();
    const iomem = this.#iomem();
    const armSci = this.#armSci();
    const actions = { onPoweroff, onReboot, onCrash };
    const placeOf = (setting: string) => this.#place(setting);
    return {
      name,
      memory,
      vcpus,
      kernel,
      deviceTree,
      commandLine,
      armSci,
      iomem,
      dtdev,
      passthrough,
      ...actions,
      placeOf,
    };
  }

  #action(setting: string, otherwise: ShutdownAction): ShutdownAction {
    const written = this.#string(setting) ?? otherwise;
    const action = shutdownActions.find(each => each === written);
    return action ?? this.#giveUp('xl.action', setting, `Unknown ${setting} action "${written}" specified`);
  }

  #passthrough(): string | undefined {
    const written = this.#string('passthrough');
    if (written === undefined || passthroughModes.includes(written.toLowerCase()))
      return written?.toLowerCase();
    return this.#giveUp('xl.passthrough', 'passthrough', `ERROR: unknown passthrough option '${written}'`);
  }

  #commandLine(): string {
    const whole = this.#config.string('cmdline');
    if (whole !== undefined) return whole;
    const root = this.#config.string('root');
    const extra = this.#config.string('extra');
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
    const written = this.#string(name);
    const number = this.#config.number(name);
    if (written !== undefined && number === undefined)
      this.#warn(name, `parameter \`${name}' is not a valid number`);
    return number;
  }

  #warn(name: string, text: string): void {
    const warning = `${this.#place(name)}: warning: ${text}`;
    this.#complain('xl.warning', name, warning);
  }

  #giveUp(rule: string, name: string, text: string): never {
    this.#complain(rule, name, text);
    throw new GivesUp(text);
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

const passthroughModes = ['default', 'disabled', 'enabled', 'sync_pt', 'share_pt'];
