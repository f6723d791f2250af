/** The shell of a virtual board's domains, for what is done with the model alone. */
import type { LinuxView } from '../model/linux/view.ts';

/** `askDomain` of src/virtual. */
export async function askVirtualDomain(
  view: LinuxView,
  command: string,
  xl?: (words: readonly string[]) => string | undefined,
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  const { askDomain } = await import('./virtual/ask.ts');
  return askDomain(view, command, xl);
}
