/** Whether the Xen that spoke is the one that was deployed: a board can start another, from its flash for instance. */
import type { DeployedImage } from '../recording/event.ts';
import { buildId } from './evidence/ruled-text.ts';
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
  const id = said(buildId);
  const version = said(xenText.versionNumber);
  const own = /^Xen (\S+)/.exec(file.version)?.[1];
  const differs =
    id !== undefined && file.buildId !== undefined
      ? id !== file.buildId
      : version !== undefined && own !== undefined && !version.startsWith(own);
  if (!differs) return undefined;
  const seen = inWords({ version: `Xen ${version ?? ''}`.trim(), buildId: id });
  return `booted another Xen than was deployed: its console says ${seen}, the file is ${inWords(file)}`;
}

function inWords({
  version,
  buildId: id,
}: Pick<DeployedImage, 'version'> & { readonly buildId?: string | undefined }): string {
  return `${version}${id === undefined ? '' : ` with build-id ${id}`}`;
}
