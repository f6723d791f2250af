/** Whether the Xen that spoke is the one that was deployed: a board can start another, from its flash for instance. */
import type { DeployedImage } from '../recording/event.ts';
import type { Observations } from './observation.ts';
import { xenText } from '../console/vocabulary/xen.ts';

/** @returns in words that another Xen ran; undefined where nothing tells, or it is the same */
export function anotherXen({
  deployed,
  lines,
}: Pick<Observations, 'deployed' | 'lines'>): string | undefined {
  const file = deployed?.['xen'];
  if (file?.version === undefined || !file.version.startsWith('Xen')) return undefined;
  const said = (pattern: RegExp) =>
    lines.flatMap(({ talker, text }) => (talker === 'xen' ? (pattern.exec(text)?.[1] ?? []) : []))[0];
  // Xen common/version.c, xen_build_init; drivers/char/console.c, console_init_preirq.
  const buildId = said(/^build-id: ([0-9a-f]+)$/);
  const version = said(xenText.versionNumber);
  const own = /^Xen (\S+)/.exec(file.version)?.[1];
  const differs =
    buildId !== undefined && file.buildId !== undefined
      ? buildId !== file.buildId
      : version !== undefined && own !== undefined && !version.startsWith(own);
  if (!differs) return undefined;
  const seen = inWords({ version: `Xen ${version ?? ''}`.trim(), buildId });
  return `booted another Xen than was deployed: its console says ${seen}, the file is ${inWords(file)}`;
}

function inWords({
  version,
  buildId,
}: Pick<DeployedImage, 'version'> & { readonly buildId?: string | undefined }): string {
  return `${version}${buildId === undefined ? '' : ` with build-id ${buildId}`}`;
}
