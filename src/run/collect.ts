/** Logs that a run asks of Dom0 when it ends, after every ending. */
import { messageOf } from '../config/text.ts';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Recorder } from '../verdict/recording/event.ts';
import { deadline, type RunClock } from './clock.ts';
import type { Toolstack } from './domain-commands.ts';
import type { GuestLogs } from './guest-logs.ts';
import { couldNotRun } from './shells/framed-command.ts';
import { dom0, type ShellPool } from './shells/pool.ts';

export interface Collection {
  readonly shells: ShellPool;
  readonly toolstack: Toolstack;
  readonly guestLogs: GuestLogs;
  readonly recorder: Recorder;
  readonly clock: RunClock;
  /** The run's directory; the logs go into `collected/` below it. */
  readonly directory: string;
}

/** Best effort: a log that cannot be had is noted, and after a lost connection no other is asked for. */
export async function collect(collection: Collection, signal: AbortSignal): Promise<void> {
  const { shells, recorder, clock } = collection;
  const note = (text: string) => recorder.record('run', { kind: 'note', data: { text } });
  try {
    using patience = deadline(clock, login, 'Dom0 to answer SSH for its logs', signal);
    await shells.reach(dom0, patience.signal);
  } catch (error) {
    note(`no logs of Dom0: ${messageOf(error)}`);
    return;
  }
  const directory = path.join(collection.directory, 'collected');
  await mkdir(directory, { recursive: true });
  for (const [file, command] of Object.entries(collection.toolstack.collected)) {
    try {
      const { status, stdout, stderr } = await shells.read(dom0, command, { signal });
      if (couldNotRun({ status })) {
        note(`no ${file}: \`${command}\` could not be run in Dom0 (exit status ${status}): ${stderr.trim()}`);
        continue;
      }
      await writeFile(path.join(directory, file), stdout === '' ? stderr : stdout);
      if (judged.has(file)) {
        recorder.record(shells.wayTo(dom0), { kind: 'log', data: { domain: dom0, command, text: stdout } });
      }
    } catch (error) {
      note(`no ${file}: ${messageOf(error)}`);
      return;
    }
  }
  await collection.guestLogs.collect(recorder, directory, signal).catch((error: unknown) => {
    note(`no logs of guests' consoles: ${messageOf(error)}`);
  });
}

const login = 5000;
/** Logs that are judged if the console cannot be trusted. */
const judged: ReadonlySet<string> = new Set(['xl-dmesg.txt', 'dom0-dmesg.txt']);
