/** Whether Dom0's xl speaks to the Xen that runs, found out before a step relies on it. */
import type { Step } from '../model/predict/scenario.ts';
import type { Toolstack } from './domain-commands.ts';
import { couldNotRun, NotRun } from './shells/framed-command.ts';
import { dom0, type ShellPool } from './shells/pool.ts';

/**
 * xl and the libraries under it fit one Xen: sysctl and domctl carry an interface version, and Xen refuses another
 * with EACCES (xen/common/sysctl.c, domctl.c). `xl list` and `xl vcpu-list` need both.
 * @throws NotRun, the lab's, with both versions where xl does not list Dom0
 */
export async function checkToolstack(
  shells: Pick<ShellPool, 'read'>,
  { dom0: system }: Pick<Toolstack, 'dom0'>,
  signal: AbortSignal,
): Promise<void> {
  if (system !== 'linux') return;
  for (const command of toolstackProbes) {
    const { status, stdout, stderr } = await shells.read(dom0, command, { signal });
    if (status === 0 && listsDom0.test(stdout)) continue;
    const attempt = `run \`${command}\` in Dom0`;
    const said = firstLine(stderr) ?? firstLine(stdout);
    const got = `exit status ${status}${said === undefined ? '' : `, "${said}"`}`;
    if (couldNotRun({ status })) {
      throw new NotRun(attempt, got, "install Xen's tools in Dom0's image, of the same version as Xen");
    }
    const versions = await shells.read(dom0, versionsCommand, { signal });
    throw new NotRun(
      attempt,
      `got ${got}, no row of Dom0; ${versionsIn(versions.stdout)}`,
      "use Xen and its tools from one build, and see that xenstored runs in Dom0's image",
    );
  }
}

/** Whether a scenario has a step that Dom0's toolstack does. */
export function usesToolstack(steps: readonly Step[]): boolean {
  return steps.some(step => 'guest' in step);
}

export const toolstackProbes = ['xl list 0', 'xl vcpu-list 0'] as const;

/** A row: the name, then the id. */
const listsDom0 = /^\S+\s+0\s/m;

/** Xen's version by sysfs (Documentation/ABI/stable/sysfs-hypervisor-xen); xl's by the libraries that are there. */
const versionsCommand =
  'cd /sys/hypervisor/version && echo "Xen $(cat major).$(cat minor)$(cat extra)"; ls -d /usr/lib*/libxenlight*.so.* /usr/lib/*/libxenlight*.so.* /usr/local/lib/libxenlight*.so.* /usr/lib/xen-* 2>/dev/null';

function versionsIn(listing: string): string {
  const xen = /^Xen (\S+)/m.exec(listing)?.[1] ?? 'of an unknown version';
  const tools = listing.matchAll(/(?:libxenlight\S*?\.so\.|libxenlight-|\/xen-)(\d+\.\d+)/g);
  const installed = [...new Set([...tools].map(([, version]) => version))].join(', ');
  return `Xen is ${xen}, its tools are ${installed === '' ? 'of an unknown version' : installed}`;
}

function firstLine(text: string): string | undefined {
  return text
    .split('\n')
    .find(line => line.trim() !== '')
    ?.trim();
}
