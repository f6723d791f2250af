/** SCMI messages by hand in a domain that runs Linux: through its kernel's raw mode, where it has that. */
import {
  leavesAllAsItIs,
  rawDirectory,
  rawMessageCommand,
  scmiDebugDirectory,
} from '../model/linux/raw-mode.ts';
import type { ScmiStep } from '../model/probe/of-step.ts';
import type { ShellPool } from './shells/pool.ts';

/**
 * Sends the message of a step, recorded with its reply.
 * @param domain as the toolstack calls it
 * @returns why it was not sent; undefined where it was
 */
export async function sendRaw(
  domain: string,
  step: ScmiStep,
  shells: ShellPool,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { stdout } = await shells.read(domain, findRawMode, { signal });
  const found = stdout.split(/\s+/).filter(path => path !== '');
  if (!found.includes(`${rawDirectory()}/message`)) {
    // A step that would have changed nothing leaves later predictions valid.
    return `${leavesAllAsItIs(step.header) ? '' : 'not done: '}${whyNot(step.domain, found)}`;
  }
  const command = rawMessageCommand([step.header, ...step.payload]);
  const { status, stdout: reply } = await shells.run(domain, command, { signal });
  // A reply that comes yet would be taken for that of the next message.
  if (status === 0 && reply.trim() === '')
    await shells.read(domain, `echo 1 >${rawDirectory()}/reset`, { signal });
  return undefined;
}

const debugDirectory = scmiDebugDirectory.slice(0, scmiDebugDirectory.lastIndexOf('/'));
/** The domain's own instance is the first one. */
const findRawMode = `ls -d ${debugDirectory}/* ${scmiDebugDirectory}/* ${rawDirectory()}/message 2>/dev/null`;

function whyNot(domain: string, found: readonly string[]): string {
  if (found.length === 0)
    return `debugfs of ${domain} cannot be read: whether its kernel has SCMI raw mode is unknown`;
  const isThere = found.includes(scmiDebugDirectory);
  const hasInstance = found.some(path => path.startsWith(`${scmiDebugDirectory}/`));
  return isThere && !hasInstance
    ? `the kernel of ${domain} has no SCMI instance`
    : `the kernel of ${domain} has no SCMI raw mode`;
}
