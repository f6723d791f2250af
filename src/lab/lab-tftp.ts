/** The schema of where a board of lab.yaml gets its files. */
import { z } from 'zod';

export const tftp = z.discriminatedUnion('kind', [
  /** This program's own server, on `network.server`. */
  z.strictObject({ kind: z.literal('server') }),
  /** The directory of a server that the lab has already: files are put there for the time of a run. */
  z.strictObject({
    kind: z.literal('directory'),
    /** The server's directory, on this machine. */
    path: z.string().min(1),
    /** Directory below it as the board asks for it; a Raspberry Pi's serial number when not given. */
    below: z
      .string()
      .regex(/^(?!\.{0,2}\/)(?!.*\/\.{0,2}\/)[^\\]+\/$/, 'a directory such as v4h-01/, with its slash')
      .optional(),
  }),
]);

export type LabTftp = z.output<typeof tftp>;

/** The directory, which no two boards can share; undefined if there is none. */
export function placeOf(files: LabTftp, serialNumber: string | undefined): string | undefined {
  return files.kind === 'directory' ? `${files.path}/${below(files, serialNumber)}` : undefined;
}

/** Prefix of a board's files in a directory; '': none. */
export function below(
  files: Extract<LabTftp, { kind: 'directory' }>,
  serialNumber: string | undefined,
): string {
  return files.below ?? (serialNumber === undefined ? '' : `${serialNumber.slice(-8)}/`);
}
