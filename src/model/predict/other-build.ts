/** Whether a Xen is the one that a scenario is about, by what it said of itself. */
import type { XenBuild } from '../xen/build.ts';
import type { LinuxVersion } from '../linux/kernel-version.ts';
import { hasSciSeries, hasSciSubsystem } from '../xen/version.ts';

/** Build of a Xen as its console tells it; fields that it did not print are absent. */
export interface XenSeen {
  /** Its first line, with its version: `Xen version 4.20.4-pre ...`. */
  readonly banner?: string;
  /** A line that only this mediator prints. */
  readonly mediator?: { readonly kind: Exclude<XenBuild['mediator'], 'none'>; readonly said: string };
}

/** @returns in words what this Xen has, or has not; undefined where it may be the one that is wanted */
export function otherBuild(wanted: XenBuild, { banner, mediator }: XenSeen): string | undefined {
  if (mediator !== undefined && mediator.kind !== wanted.mediator) {
    return `this Xen has ${whatItHas(wanted.mediator)}: it said "${mediator.said}"`;
  }
  return otherVersion(wanted, banner) ?? otherDebug(wanted, banner);
}

/**
 * Whether a kernel is of another series than the modelled one that was predicted.
 * @param wanted series, as scenarios name it: it stands for all releases up to the next modelled one
 * @param release of the kernel that ran: `6.12.107`
 */
export function isOtherLinux(wanted: LinuxVersion, release: string): boolean {
  const [major = NaN, minor = NaN] = release.split('.').map(Number);
  const modelled = linuxVersions.findLast(each => {
    const [from = 0, fromMinor = 0] = each.split('.').map(Number);
    return major > from || (major === from && minor >= fromMinor);
  });
  return !Number.isNaN(major + minor) && modelled !== wanted;
}

/** Series that the model knows, oldest first. */
const linuxVersions: readonly LinuxVersion[] = ['6.1', '6.12', '7.2'];

/** Both mediators depend on the SCI subsystem of 4.21; the one for several agents is of the series, after that. */
function otherVersion(wanted: XenBuild, banner = ''): string | undefined {
  const version = /^Xen version (\d+\.\d+)/.exec(banner)?.[1];
  if (wanted.mediator === 'none' || version === undefined) return undefined;
  if (wanted.mediator === 'multi-agent') {
    return hasSciSeries({ ...wanted, version }) === hasSciSeries(wanted)
      ? undefined
      : `this Xen is ${version}, the prediction is for ${wanted.version ?? '4.22'}`;
  }
  const seen = hasSciSubsystem({ ...wanted, version });
  if (seen === hasSciSubsystem(wanted)) return undefined;
  return `this Xen is ${version}, ${seen ? 'with' : 'before'} the SCI subsystem of 4.21`;
}

/** A debug build has other thresholds, lines of its own (dprintk) and assertions. */
function otherDebug({ mediator, debug }: XenBuild, banner = ''): string | undefined {
  const seen = /\bdebug=([yn])\b/.exec(banner)?.[1];
  if (mediator !== 'multi-agent' || seen === undefined || (seen === 'y') === debug) return undefined;
  return `this Xen was built with debug=${seen}, the prediction is for debug=${debug ? 'y' : 'n'}`;
}

function whatItHas(wanted: XenBuild['mediator']): string {
  switch (wanted) {
    case 'multi-agent':
      return 'no multi-agent mediator';
    case 'single-agent':
      return 'the multi-agent mediator';
    case 'none':
      return 'a mediator';
    default:
      return wanted satisfies never;
  }
}
