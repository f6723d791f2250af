/** Commands in a domain of the model without a board around it: the shell that SSH to a virtual board reaches. */
import type { LinuxView } from '../../model/linux/view.ts';
import { domainFiles, domainPrograms } from './domain-shell.ts';
import { runCommandLine } from './shell/shell.ts';

/** Output of `xl` there, by its arguments. */
export type XlOutput = (words: readonly string[]) => string | undefined;

export interface DomainAnswer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs one command line in a domain.
 * @param xl what Dom0's `xl` prints; undefined in a guest, which has none
 */
export async function askDomain(view: LinuxView, command: string, xl?: XlOutput): Promise<DomainAnswer> {
  const programs = domainPrograms(view);
  const shell = {
    files: domainFiles(view),
    programs:
      xl === undefined
        ? programs
        : {
            ...programs,
            xl: ({ arguments: words }: { readonly arguments: readonly string[] }) => {
              const stdout = xl(words);
              return stdout === undefined ? { status: 1, stdout: '' } : { status: 0, stdout };
            },
          },
  };
  const result = await runCommandLine(shell, command, new Uint8Array(), new AbortController().signal);
  const [stdout, stderr] = [result.stdout, result.stderr].map(bytes => new TextDecoder().decode(bytes));
  return { status: result.status, stdout: stdout ?? '', stderr: stderr ?? '' };
}
