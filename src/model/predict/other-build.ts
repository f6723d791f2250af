/** Whether a Xen is the one that a scenario is about, by what it said of itself. */
import type { XenBuild } from '../xen/build.ts';
import { hasSciSubsystem } from '../xen/version.ts';

/** What a Xen's console tells of how it was built; what it did not say is absent. */
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
  // Both forward for one domain, but not with the same words, nor for the same domains.
  const version = /^Xen version (\d+\.\d+)/.exec(banner ?? '')?.[1];
  if (wanted.mediator !== 'single-agent' || version === undefined) return undefined;
  const seen = hasSciSubsystem({ ...wanted, version });
  if (seen === hasSciSubsystem(wanted)) return undefined;
  return `this Xen is ${version}, ${seen ? 'with' : 'before'} the SCI subsystem of 4.21`;
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
