import type { ChildProcess } from 'node:child_process';

/** Milliseconds between asking a process to end and ending it. */
const grace = 1000;

/**
 * Ends a process that was started `detached`, with all that it started.
 *
 * @param exit settles when the process has ended, or could not be started
 */
export async function endGroup(child: ChildProcess, exit: Promise<void>): Promise<void> {
  const { pid } = child;
  if (pid === undefined) {
    return;
  }

  signalGroup(pid, 'SIGTERM');
  const patience = setTimeout(() => signalGroup(pid, 'SIGKILL'), grace);
  await exit;
  clearTimeout(patience);
  // Those of the group that outlived their leader.
  signalGroup(pid, 'SIGKILL');
}

/** @param leader process id of a group's leader, never 0 or 1: those would be groups of others */
function signalGroup(leader: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    if (leader > 1) {
      process.kill(-leader, name);
    }
  } catch {
    // The group is gone already.
  }
}
