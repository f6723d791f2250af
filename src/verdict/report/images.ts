/** Images that a run has put on its board, in words. */
import type { DeployedImage } from '../recording/event.ts';

type Images = Readonly<Record<string, DeployedImage>>;

/** `xen: Xen 4.20.4-pre, kernel: Linux version 6.12.107`: those that say which they are; empty where none does. */
export function versionWords(images: Images = {}): string {
  return Object.entries(images)
    .flatMap(([name, { version }]) => (version === undefined ? [] : `${name}: ${brief(version)}`))
    .join(', ');
}

/** Each with its version, build ID and checksum, a line each. */
export function imageLines(images: Images = {}): string[] {
  return Object.entries(images).map(([name, image]) => `${name}: ${imageWords(image)}`);
}

/** `Xen 4.20.4-pre, build-id 0a1b..., SHA-256 2c3d...` */
export function imageWords({ version, buildId, sha256 }: DeployedImage): string {
  const words = [version, buildId && `build-id ${buildId}`, `SHA-256 ${sha256}`];
  return words.filter(each => each !== undefined).join(', ');
}

/** Without who built it, when and with what. */
function brief(version: string): string {
  return version.replace(/ \(.*$/, '');
}
