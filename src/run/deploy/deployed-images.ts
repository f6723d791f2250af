/** Versions of the files in a deployment. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { versionsIn } from '../../lab/images/version-strings.ts';
import type { DeployedImage } from '../../verdict/recording/event.ts';
import { bytesOf, type DeployedFile } from './deployed-file.ts';

/**
 * @param images path or bytes by the lab's name
 * @throws ConfigurationError where a file cannot be read
 */
export async function describeImages(
  images: ReadonlyMap<string, DeployedFile>,
): Promise<Record<string, DeployedImage>> {
  const described: Record<string, DeployedImage> = {};
  for (const [name, content] of images) described[name] = await describe(content);
  return described;
}

/** Of files by path, time and size: a kernel takes a second to unpack, and many runs have the same one. */
const known = new Map<string, DeployedImage>();

async function describe(content: DeployedFile): Promise<DeployedImage> {
  if (typeof content !== 'string') return read(content);
  const { mtimeMs, size } = await stat(content);
  const key = `${content} ${mtimeMs} ${size}`;
  const found = known.get(key) ?? read(await bytesOf(content));
  known.set(key, found);
  return found;
}

function read(bytes: Uint8Array): DeployedImage {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const [version] = versionsIn(bytes);
  if (version === undefined) return { sha256 };
  const { text, buildId } = version;
  return { sha256, version: text, ...(buildId !== undefined && { buildId }) };
}
