/** Abilities of a Xen image, read from the texts in it, before anything boots. */
import { existsSync, readFileSync } from 'node:fs';
import type { XenBuild } from '../../model/xen/build.ts';
import { imageContent, versionsIn } from './version-strings.ts';

export interface XenImage {
  /** As its console shows it: `Xen 4.22-unstable`. */
  readonly text: string;
  /** `4.22`; undefined where the image does not tell. */
  readonly version: string | undefined;
  readonly mediator: XenBuild['mediator'];
  /** CONFIG_DEBUG; undefined where the image does not tell. */
  readonly debug: boolean | undefined;
}

/**
 * @param file an arm64 image of Xen, compressed or not
 * @returns undefined where it cannot be read, or is no Xen
 */
export function readXenImage(file: string): XenImage | undefined {
  return existsSync(file) ? xenImageIn(new Uint8Array(readFileSync(file))) : undefined;
}

/** As `readXenImage`, of bytes. */
export function xenImageIn(bytes: Uint8Array): XenImage | undefined {
  const xen = versionsIn(bytes).find(({ program }) => program === 'xen');
  if (xen === undefined) return undefined;
  const content = imageContent(bytes);
  return {
    text: xen.text,
    version: /^Xen (\d+\.\d+)/.exec(xen.text)?.[1],
    mediator: mediatorIn(content),
    debug: debugIn(content),
  };
}

/** Each mediator has a text that the other does not have (xen/arch/arm/firmware/scmi-smc*.c). */
function mediatorIn(content: Buffer): XenBuild['mediator'] {
  if (content.includes('scmi-secondary-agents')) return 'multi-agent';
  return content.includes('Using SCMI with SMC ID') ? 'single-agent' : 'none';
}

/** Xen common/version.c, build_info: a text that begins with it. */
function debugIn(content: Buffer): boolean | undefined {
  const [isDebug, isRelease] = [content.includes('\0debug=y'), content.includes('\0debug=n')];
  return isDebug === isRelease ? undefined : isDebug;
}
