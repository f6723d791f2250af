import type { DeviceTree } from '../dt/tree.ts';
import type { XenBuild } from './build.ts';

/** Options of Xen's command line that the mediator depends on (docs/misc/xen-command-line.pandoc). */
export interface CommandLine {
  readonly text: string;
  /** Messages below `lower` are printed, those from there to `upper` rate-limited, others not at all. */
  readonly log: Thresholds;
  readonly guestLog: Thresholds;
  readonly noreboot: boolean;
  readonly scmiSmcPassthrough: boolean;
  /** `iommu=no` was not given. */
  readonly iommu: boolean;
  /** Bytes that Dom0 is given: `dom0_mem`. */
  readonly dom0Memory: number;
  /** `dom0_max_vcpus`; undefined: as many as the machine has CPUs. */
  readonly dom0Vcpus: number | undefined;
  /** Path or alias of the UART that Xen itself uses; undefined: the one of `stdout-path`. */
  readonly dtuart: string | undefined;
  /** Consoles that `console=` lists; undefined: the UART. */
  readonly consoles: readonly string[] | undefined;
}

export interface Thresholds {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Reads Xen's command line from /chosen, as xen/arch/arm/setup.c and xen/common/device-tree/bootfdt.c find it:
 * `xen,xen-bootargs`; else `bootargs`, where Dom0's arguments are given apart.
 */
export function readCommandLine(tree: DeviceTree, build: XenBuild): CommandLine {
  const chosen = tree.node('/chosen');
  const bootargs =
    chosen?.has('xen,dom0-bootargs') || hasModules(tree) ? chosen?.string('bootargs') : undefined;
  return parseCommandLine(chosen?.string('xen,xen-bootargs') ?? bootargs ?? '', build);
}

/** @param text arguments separated by blanks; later ones win */
function parseCommandLine(text: string, build: XenBuild): CommandLine {
  let { log, guestLog }: Defaults = build.debug ? thresholds.debug : thresholds.release;
  let noreboot = false;
  let scmiSmcPassthrough = false;
  let iommu = true;
  let dom0Memory = 0;
  let dom0Vcpus: number | undefined;
  let dtuart: string | undefined;
  let consoles: readonly string[] | undefined;
  for (const argument of text.split(/\s+/)) {
    const [name = '', ...rest] = argument.split('=');
    const value = rest.length === 0 ? undefined : rest.join('=');
    if (name === 'loglvl' && value !== undefined) log = parseLevels(value);
    else if (name === 'guest_loglvl' && value !== undefined) guestLog = parseLevels(value);
    else if (name === 'dtuart') dtuart = value;
    else if (name === 'dom0_mem') dom0Memory = parseSize(value ?? '');
    else if (name === 'dom0_max_vcpus') dom0Vcpus = parseInteger(value ?? '') || undefined;
    else if (name === 'console') consoles = value?.split(',');
    else if (name === 'iommu') iommu = !value?.split(',').some(each => falsehoods.has(each));
    else if (name.replace(/^no-/, '') === 'noreboot') noreboot = parseBoolean(name, value);
    else if (name.replace(/^no-/, '') === 'scmi-smc-passthrough')
      scmiSmcPassthrough = parseBoolean(name, value);
  }
  return {
    text,
    log,
    guestLog,
    noreboot,
    scmiSmcPassthrough,
    iommu,
    // construct_dom0() warns of it.
    dom0Memory: dom0Memory || defaultDom0Memory,
    dom0Vcpus,
    dtuart,
    consoles,
  };
}

const defaultDom0Memory = 512 * 0x10_0000;

/** parse_size_and_unit() of xen/common/lib.c: kibibytes where no unit is given. */
function parseSize(text: string): number {
  const [, digits = '0', unit = ''] = /^(0x[0-9a-f]+|[0-9]+)([tgmkb]?)/i.exec(text) ?? [];
  const shift = unitShifts.get(unit.toLowerCase()) ?? 10n;
  return Number(BigInt.asUintN(64, wholeNumber(digits) << shift));
}

/** An integer_param(): decimal, 0x hexadecimal or 0 octal. */
function parseInteger(text: string): number {
  return Number(BigInt.asUintN(32, wholeNumber(/^(?:0x[0-9a-f]+|[0-9]+)/i.exec(text)?.[0] ?? '0')));
}

function wholeNumber(digits: string): bigint {
  if (!/^0[0-9]/.test(digits)) return BigInt(digits);
  const octal = /^[0-7]+/.exec(digits)?.[0] ?? '0';
  return BigInt(`0o${octal}`);
}

const unitShifts: ReadonlyMap<string, bigint> = new Map([
  ['b', 0n],
  ['k', 10n],
  ['m', 20n],
  ['g', 30n],
  ['t', 40n],
]);

/** Without Dom0's arguments apart, a kernel module says that `bootargs` are not Xen's alone. */
function hasModules(tree: DeviceTree): boolean {
  return tree.node('/chosen')?.children.some(each => each.has('bootargs')) ?? false;
}

/**
 * `loglvl=<level>[/<rate-limited level>]` (_parse_loglvl() of console.c): of a word only its beginning counts, and an
 * unknown one is `warning`.
 */
function parseLevels(value: string): Thresholds {
  const [, first, second] =
    /^(none|error|warning|info|debug|all)?(?:\/(none|error|warning|info|debug|all)?)?/.exec(value) ?? [];
  const lower = levels.get(first ?? '') ?? UNKNOWN_LEVEL;
  const isPair = value.startsWith(`${first ?? ''}/`);
  const upper = isPair ? (levels.get(second ?? '') ?? UNKNOWN_LEVEL) : lower;
  return { lower, upper: Math.max(lower, upper) };
}

const UNKNOWN_LEVEL = 2;

function parseBoolean(name: string, value: string | undefined): boolean {
  const given = value === undefined || !falsehoods.has(value);
  return name.startsWith('no-') ? !given : given;
}

const falsehoods = new Set(['0', 'no', 'off', 'false', 'disable']);

/** xen/drivers/char/console.c: XENLOG_UPPER_THRESHOLD and its kin. */
const thresholds = {
  debug: { log: { lower: 4, upper: 4 }, guestLog: { lower: 4, upper: 4 } },
  release: { log: { lower: 3, upper: 3 }, guestLog: { lower: 0, upper: 2 } },
} as const satisfies Readonly<Record<string, Defaults>>;

type Defaults = Pick<CommandLine, 'log' | 'guestLog'>;

const levels = new Map([
  ['none', 0],
  ['error', 1],
  ['warning', 2],
  ['info', 3],
  ['debug', 4],
  ['all', 4],
]);
