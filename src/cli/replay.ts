/** `scmi-hil replay`: shows a recorded run again, in its own time. */
import path from 'node:path';
import { bytesOf } from '../verdict/recording/bytes.ts';
import type { RecordedEvent } from '../verdict/recording/event.ts';
import { replay } from '../verdict/recording/replay.ts';
import { wantsColour } from '../verdict/report/colour.ts';
import { liveProgress } from '../verdict/report/live.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { readRecordingOf, warnOfDamage } from './verify.ts';

interface ReplayOptions {
  readonly speed: number;
  readonly console?: string;
}

export const addReplay: AddCommand = (program, process, done) => {
  const command = program
    .command('replay <run>')
    .description('Shows a recorded run again as it happened.')
    .option('--speed <factor>', 'this many times as fast; max: without waiting', speedOf, 1)
    .option('--console <name>', 'print what this console received, byte for byte, instead of events')
    .action(async (run: string, options: ReplayOptions) => {
      await play(path.resolve(process.cwd, run), options, process);
      done(process.signal.aborted ? exitCode.interrupted : exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['replay runs/2026-02-16T102030-rpi5-01-dom0-and-guest', 'watch the run again'],
      ['replay runs/... --console main --speed 10', 'its console, ten times as fast'],
      ['replay runs/... --console main --speed max > boot.log', 'the console as a file'],
    ],
    exits: { met: 'shown to its end', usage: commonExits.usage, interrupted: commonExits.interrupted },
  });
};

async function play(
  directory: string,
  { speed, console: name }: ReplayOptions,
  process: CliProcess,
): Promise<void> {
  const recording = await readRecordingOf(directory);
  warnOfDamage(recording, process);
  const { events } = recording;
  const { signal } = process;
  if (name !== undefined) {
    const bytes = events.filter(event => event.kind === 'received' && event.data.console === name);
    if (bytes.length === 0) throw new UsageError(`the run has no console ${name}`, consolesOf(events));
    for await (const event of replay(bytes, { speed, signal })) {
      if (event.kind === 'received') process.stdout.write(bytesOf(event.data));
    }
    return;
  }
  const board = events.find(event => event.kind === 'run-started')?.data.board ?? '';
  const terminal = process.stdout as { readonly isTTY?: boolean };
  const live = liveProgress(text => process.stdout.write(text), {
    inPlace: terminal.isTTY === true,
    colour: wantsColour(terminal, process.env),
    events: true,
  });
  try {
    for await (const event of replay(events, { speed, signal })) live.event(board, event);
  } finally {
    live.close();
  }
}

function consolesOf(events: readonly RecordedEvent[]): string {
  const names = new Set(events.flatMap(event => (event.kind === 'received' ? [event.data.console] : [])));
  return names.size === 0 ? 'no console was recorded in it' : `it has ${[...names].join(', ')}`;
}

function speedOf(text: string): number {
  const speed = text === 'max' ? Number.POSITIVE_INFINITY : Number(text);
  if (speed > 0) return speed;
  throw new UsageError(`--speed ${text}: not a speed`, 'give a number greater than 0, or max');
}
