/**
 * Specifications of devices in lists, `disk = [ "..." ]` and the like, as xl reads them (tools/xl/xl_parse.c,
 * parse_config_data and the functions under it; tools/libs/util/libxlu_disk.c for disks). No such device makes a
 * difference to SCMI, but a wrong one ends `xl create`.
 */

/** Lines that xl prints of one specification. */
export interface SpecOutcome {
  readonly lines: readonly string[];
  /** xl exits behind them. */
  readonly exits: boolean;
}

/** One option of a specification and its value; `undefined` where it has no `=`. */
interface Option {
  readonly token: string;
  readonly name: string;
  readonly value: string | undefined;
}

interface SpecRules {
  /** Options that are known; those of enumerations with their values, whose case does not count. */
  readonly options: Readonly<Record<string, readonly string[] | null>>;
  /** Lines for an option that is not known; xl exits unless `goesOn` is set. */
  readonly unknown: (option: Option) => string;
  readonly goesOn?: true;
  /** Lines for a value that is none of the enumeration. */
  readonly badValue?: (name: string, value: string) => string;
  /** Lines for an option without `=`; absent: it ends the specification. */
  readonly withoutValue?: (token: string) => string;
  /** Blanks around names and values do not count. */
  readonly isTrimmed?: true;
  /** Line for a specification that lacks something. */
  readonly lacks?: (options: ReadonlyMap<string, string>) => string | undefined;
}

const numeric = null;
const text = null;

const rulesOf = {
  p9: {
    options: {
      security_model: text,
      path: text,
      tag: text,
      backend: text,
      type: ['unknown', 'qemu', 'xen_9pfsd'],
      'max-files': numeric,
      'max-open-files': numeric,
      'max-space': numeric,
      'auto-delete': numeric,
    },
    isTrimmed: true,
    withoutValue: token => `failed to parse 9pfs configuration: ${token}`,
    badValue: (_, value) => `failed to parse 9pfs type: ${value}`,
    unknown: ({ name }) => `Unknown 9pfs parameter '${name}'`,
  },
  vtpm: {
    options: { backend: text, uuid: text },
    unknown: ({ name }) => `Unknown string \`${name}' in vtpm spec`,
    lacks: options => (options.has('backend') ? undefined : 'vtpm spec missing required backend field!'),
  },
  vdispl: {
    options: { backend: text, 'be-alloc': numeric, connectors: text },
    unknown: ({ token }) => `Unknown string "${token}" in vdispl spec`,
    withoutValue: token => `Unknown string "${token}" in vdispl spec`,
    lacks: options => (options.has('connectors') ? undefined : 'At least one connector should be specified.'),
  },
  pvcalls: {
    options: { backend: text },
    unknown: ({ name }) => `Unknown string \`${name}' in pvcalls spec`,
  },
  channel: {
    options: { backend: text, name: text, path: text, connection: ['pty', 'socket'] },
    isTrimmed: true,
    withoutValue: token => `failed to parse channel configuration: ${token}`,
    badValue: (_, value) => `unknown channel connection '${value}'`,
    unknown: ({ name }) => `unknown channel parameter '${name}', ignoring`,
    goesOn: true,
    lacks(options) {
      const connection = options.get('connection');
      if (connection === undefined) return "channel has unknown 'connection'";
      if (connection === 'pty' || options.has('path')) return undefined;
      return "channel connection 'socket' requires path=..";
    },
  },
  usbctrl: {
    options: { type: ['auto', 'pv', 'devicemodel', 'qusb'], version: numeric, ports: numeric },
    withoutValue: token => `Unknown string \`${token}' in usbctrl spec`,
    badValue: (_, value) => `Invalid usb controller type '${value}'`,
    unknown: ({ token }) => `Unknown string \`${token}' in usbctrl spec`,
  },
  usbdev: {
    options: { type: ['hostdev'], hostbus: numeric, hostaddr: numeric, controller: numeric, port: numeric },
    withoutValue: token => `Unknown string \`${token}' in usbdev spec`,
    // The source prints another variable than the value.
    badValue: () => 'Invalid usb device type: (null)',
    unknown: ({ token }) => `Unknown string \`${token}' in usbdev spec`,
  },
  vkb: {
    options: {
      backend: text,
      'backend-type': ['unknown', 'qemu', 'linux'],
      'unique-id': text,
      'feature-disable-keyboard': numeric,
      'feature-disable-pointer': numeric,
      'feature-abs-pointer': numeric,
      'feature-raw-pointer': numeric,
      'feature-multi-touch': numeric,
      'multi-touch-width': numeric,
      'multi-touch-height': numeric,
      'multi-touch-num-contacts': numeric,
      width: numeric,
      height: numeric,
    },
    withoutValue: token => `Unknown string "${token}" in vkb spec`,
    badValue: (_, value) => `Unknown backend_type "${value}" in vkb spec`,
    unknown: ({ token }) => `Unknown string "${token}" in vkb spec`,
    lacks(options) {
      if (['qemu', 'linux'].includes(options.get('backend-type')?.toLowerCase() ?? '')) return undefined;
      return 'backend-type should be set in vkb spec';
    },
  },
  virtio: {
    options: { backend: text, type: text, transport: ['unknown', 'mmio'], grant_usage: numeric },
    withoutValue: token => `Unknown string "${token}" in virtio spec`,
    badValue: () => '',
    unknown: ({ token }) => `Unknown string "${token}" in virtio spec`,
  },
} as const satisfies Readonly<Record<string, SpecRules>>;

/** Settings that are lists of such specifications. */
export type DeviceSetting = keyof typeof rulesOf;

/** @param spec one specification: options with commas between them */
export function checkDeviceSpec(setting: DeviceSetting, spec: string): SpecOutcome {
  const rules: SpecRules = rulesOf[setting];
  const lines: string[] = [];
  const options = new Map<string, string>();
  const fail = (line: string): SpecOutcome => ({
    lines: line === '' ? lines : [...lines, line],
    exits: true,
  });
  for (const token of tokensOf(setting, spec)) {
    const { name, value } = optionOf(token, rules);
    if (value === undefined) {
      if (rules.withoutValue === undefined) break;
      return fail(rules.withoutValue(token));
    }
    const known = Object.hasOwn(rules.options, name) ? rules.options[name] : undefined;
    if (known === undefined) {
      const line = rules.unknown({ token, name, value });
      if (rules.goesOn !== true) return fail(line);
      lines.push(line);
      continue;
    }
    if (known !== null && !known.includes(setting === 'channel' ? value : value.toLowerCase())) {
      return fail(rules.badValue?.(name, value) ?? '');
    }
    options.set(name, value);
  }
  const missing = rules.lacks?.(options);
  return missing === undefined ? { lines, exits: false } : fail(missing);
}

/** strtok(): an empty token is none. The type of a virtio device may have a comma in it. */
function tokensOf(setting: DeviceSetting, spec: string): readonly string[] {
  const whole = setting === 'virtio' ? spec.replace(/((?:^|,) *type=virtio[^,]*),+/g, '$1\0') : spec;
  return whole
    .split(',')
    .filter(Boolean)
    .map(token => token.replace(/^ +/, '').replaceAll('\0', ','));
}

function optionOf(token: string, { isTrimmed }: SpecRules): Omit<Option, 'token'> {
  const at = token.indexOf('=');
  const [name, value] = at < 0 ? [token, undefined] : [token.slice(0, at), token.slice(at + 1)];
  if (isTrimmed !== true) return { name, value };
  return { name: name.trim(), value: value === '' ? undefined : value?.trim() };
}

/** parse_nic_config(): a wrong option is told, and the interface made without it. */
export function checkVif(spec: string): SpecOutcome {
  const lines: string[] = [];
  for (const option of spec.split(',').filter(Boolean)) {
    const token = option.replace(/^ +/, '');
    const line = vifProblem(token);
    if (line !== undefined) lines.push(line);
    if (line !== undefined && token.startsWith('rate=')) return { lines, exits: true };
  }
  return { lines, exits: false };
}

/** Line of xl about one option of `vif`; undefined if it is right. */
function vifProblem(token: string): string | undefined {
  const [, name, value = ''] = /^([a-z0-9_]+)=(.*)$/s.exec(token) ?? [];
  if (name === 'type' && !['vif', 'ioemu'].includes(value)) return "Invalid parameter `type'.";
  if (name === 'mac' && !isMacAddress(value)) return "Invalid parameter `mac'.";
  if (name === 'netdev') return 'the netdev parameter is deprecated, please use gatewaydev instead';
  if (name === 'accel') return 'the accel parameter for vifs is currently not supported';
  if (name === 'rate') return rateProblem(value);
  if (name !== undefined && (vifOptions.has(name) || name.startsWith('colo_'))) return undefined;
  return ['trusted', 'untrusted'].includes(token) ? undefined : `unrecognized argument \`${token}'`;
}

/** xlu_vif_parse_rate(): `10Mb/s@20ms`. */
function rateProblem(rate: string): string | undefined {
  const [bytes = '', interval] = rate.split('@').filter(Boolean);
  if (bytes === '') return rateError('no rate specified', rate);
  if (!/^[0-9]+[GMK]?[Bb]\/s$/.test(bytes)) return rateError('invalid rate', bytes);
  if (interval === undefined || /^[0-9]+[mu]?s?$/.test(interval)) return undefined;
  return rateError('invalid replenishment interval', interval);
}

function rateError(message: string, at: string): string {
  return `command line: config parsing error in vif: ${message} in \`${at}'`;
}

/** Six hexadecimal numbers of a byte, with any one character between them. */
function isMacAddress(address: string): boolean {
  const bytes = address.split(/[^0-9a-fx]/i, 6);
  return bytes.length === 6 && bytes.every(each => Number.parseInt(each, 16) <= 255);
}

const vifOptions: ReadonlySet<string> = new Set(
  'type mac bridge netdev gatewaydev ip script backend vifname model rate forwarddev accel devid mtu vlan'.split(
    ' ',
  ),
);

/**
 * One entry of `disk`: xlu_disk_parse() of tools/libs/util/libxlu_disk.c and its lexer.
 * @param file name of the configuration, with which each line begins
 */
export function checkDisk(spec: string, file: string): SpecOutcome {
  const disk = new Disk(spec);
  const message = disk.problem();
  if (message === undefined) return { lines: [], exits: false };
  const line = `${file}: config parsing error in disk specification: ${message} in \`${spec}'`;
  return { lines: [line], exits: true };
}

const diskValues: Readonly<Record<string, readonly string[]>> = {
  format: ['', 'raw', 'qcow', 'qcow2', 'vhd', 'empty', 'qed'],
  access: ['r', 'ro', 'rw', 'w', ''],
  backendtype: ['phy', 'tap', 'qdisk', 'standalone'],
  specification: ['xen', 'virtio'],
};
const diskTexts = [
  'backend',
  'vdev',
  'script',
  'colo-host',
  'colo-port',
  'colo-export',
  'active-disk',
  'hidden-disk',
];
const diskFlags =
  /^(?:direct-io-safe|no-discard|discard|no-colo|colo|trusted|untrusted|grant_usage=[01]|devtype=disk)$/;
const diskPrefix = /^(?:raw|qcow2?|vhd|iscsi|e?nbd|drbd|tapdisk|tap2?|aio|ioemu|file|phy):/;

class Disk {
  #rest: string;
  #target: string | undefined;
  #vdev: string | undefined;
  #format: string | undefined;
  #hasAccess = false;
  #hasPrefix = false;
  #isCdrom = false;

  constructor(spec: string) {
    this.#rest = spec;
  }

  /** Text of the first mistake, with the place where it is; undefined where there is none. */
  problem(): string | undefined {
    for (this.#skipBlanks(); this.#rest !== ''; this.#skipBlanks()) {
      const problem = this.#parameter();
      if (problem !== undefined) return problem;
    }
    if (this.#vdev === undefined) return 'no vdev specified';
    if (this.#target === undefined && !this.#isCdrom) return 'no target specified (and device not removable)';
    return undefined;
  }

  #skipBlanks(): void {
    this.#rest = this.#rest.replace(/^[ \t\n]+/, '');
  }

  #parameter(): string | undefined {
    if (this.#rest.startsWith('target=')) {
      this.#target = this.#rest.slice('target='.length);
      this.#rest = '';
      return undefined;
    }
    const [prefix] = diskPrefix.exec(this.#rest) ?? [];
    if (prefix !== undefined) {
      this.#hasPrefix = true;
      this.#rest = this.#rest.slice(prefix.length);
      return undefined;
    }
    const [token = ''] = /^[^,]*/.exec(this.#rest) ?? [];
    const [, name = '', value = ''] = /^([a-z][-a-z0-9_]*)=(.*)$/s.exec(token) ?? [];
    const whole = this.#rest;
    this.#rest = whole.slice(token.length + 1);
    if (token === 'cdrom' || token === 'devtype=cdrom') this.#isCdrom = true;
    else if (diskFlags.test(token)) return undefined;
    else if (name === 'devtype') return near('unknown value for type', whole.slice(0, token.length + 1));
    else if (Object.hasOwn(diskValues, name)) return this.#named(name, value);
    else if (diskTexts.includes(name)) {
      if (name === 'vdev') this.#vdev = value;
      if (name === 'colo-port' && !/^\s*[+-]?0*[1-9]/.test(value))
        return near('unknown value for colo_port', value);
    } else if (name !== '' && value.length === 1) {
      return near('unknown parameter', whole.slice(0, token.length + 1));
    } else if (token.includes('=')) return near('bad disk syntax', whole);
    else return this.#positional(token);
    return undefined;
  }

  #named(name: string, value: string): string | undefined {
    if (!diskValues[name]?.includes(value)) return near(`unknown value for ${name}`, value);
    if (name === 'format') this.#format = value;
    return undefined;
  }

  /** Target, format, virtual device and access, in this order. */
  #positional(token: string): string | undefined {
    if (this.#target === undefined) this.#target = token;
    else if (!this.#hasPrefix && this.#format === undefined) {
      if (this.#target === '' && token.includes(':'))
        return this.#device(token, () => (this.#format = 'empty'));
      return this.#named('format', token);
    } else if (this.#vdev === undefined) return this.#device(token);
    else if (!this.#hasAccess) {
      this.#hasAccess = true;
      return this.#named('access', token);
    } else return near('too many positional parameters', token);
    return undefined;
  }

  /** `hda:cdrom` */
  #device(token: string, isTyped: () => void = () => {}): string | undefined {
    const at = token.lastIndexOf(':');
    this.#vdev = at < 0 ? token : token.slice(0, at);
    const type = at < 0 ? undefined : token.slice(at + 1);
    if (type !== undefined) isTyped();
    if (type === 'cdrom') this.#isCdrom = true;
    return type === undefined || type === 'cdrom' || type === 'disk'
      ? undefined
      : near('unknown deprecated type', type);
  }
}

function near(message: string, place: string): string {
  return `${message}: near \`${place}'`;
}
