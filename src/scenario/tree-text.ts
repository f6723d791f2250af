/** Device trees of a scenario: from a blob or from source in which templates are filled in. */
import { DtError } from '../model/dt/error.ts';
import { parseFlat } from '../model/dt/flat.ts';
import { parseSource } from '../model/dt/source.ts';
import type { DeviceTree } from '../model/dt/tree.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { fillTemplates, type SourceText, type TemplateValues } from './templates.ts';

/** A tree that a scenario names: text (its own or a file's), or a flattened tree. */
export type TreeSource = SourceText | { readonly name: string; readonly bytes: Uint8Array };

/**
 * Reads a tree with its symbols, so that overlays and edits find its labels.
 * @throws ConfigurationError with file and line, or offset
 */
export function readTree(source: TreeSource, values: TemplateValues): DeviceTree {
  return explainingDtErrors(() =>
    'bytes' in source
      ? parseFlat(source.bytes, source.name)
      : parseSource(atItsLine(fillTemplates(source, values)), { file: source.name, symbols: true }),
  );
}

/** A mistake in a device tree that a scenario names is a mistake in the configuration. */
export function explainingDtErrors<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DtError) throw new ConfigurationError(error.message, undefined, { cause: error });
    throw error;
  }
}

/** Text whose line numbers are those of the file that it stands in. */
export function atItsLine({ text, firstLine }: SourceText): string {
  return '\n'.repeat(firstLine - 1) + text;
}
