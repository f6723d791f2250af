/** Summary of the files that a board has fetched for its boot. */
import type { Fetched } from '../../../machines/deploy.ts';

/** @returns `7 files, 2.8 MB in 0.2 s, 14.0 MB/s` */
export function fetchedWords({ files, bytes, milliseconds }: Fetched): string {
  const rate = bytes / 1000 / Math.max(milliseconds, 1);
  return `${files.length} files, ${(bytes / 1e6).toFixed(1)} MB in ${(milliseconds / 1000).toFixed(1)} s, ${rate.toFixed(1)} MB/s`;
}
