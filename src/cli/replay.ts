/** `scmi-hil replay`: shows a recorded run again, in its own time. */
import path from 'node:path';
import { bytesOf } from '../verdict/recording/bytes.ts';
import type { RecordedEvent } from '../verdict/recording/event.ts';
import { DamageSeen } from '../verdict/recording/reader.ts';
import { replay } from '../verdict/recording/replay.ts';
import { wantsColour } from '../verdict/report/colour.ts';
import { liveProgress } from '../verdict/report/live.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { eventsOfRun, warnOfDamage } from './verify.ts';

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
  const damage = new DamageSeen();
  const { signal } = process;
  const events = eventsOf(directory, damage);
  if (name === undefined) await showEvents(replay(events, { speed, signal }), process);
  else {
    const names = new Set<string>();
    for await (const event of replay(receivedBy(name, events, names), { speed, signal }))
      process.stdout.write(bytesOf(event.data));
    if (!names.has(name) && !signal.aborted)
      throw new UsageError(`the run has no console ${name}`, consolesWords(names));
  }
  warnOfDamage(damage, process);
}

async function* eventsOf(directory: string, damage: DamageSeen): AsyncGenerator<RecordedEvent, void, void> {
  for await (const piece of eventsOfRun(directory, damage)) for (const { event } of piece) yield event;
}

/** @param names filled with those of all consoles */
async function* receivedBy(
  name: string,
  events: AsyncIterable<RecordedEvent>,
  names: Set<string>,
): AsyncGenerator<RecordedEvent & { readonly kind: 'received' | 'sent' }, void, void> {
  for await (const event of events) {
    if (event.kind !== 'received') continue;
    names.add(event.data.console);
    if (event.data.console === name) yield event;
  }
}

async function showEvents(events: AsyncIterable<RecordedEvent>, { stdout, env }: CliProcess): Promise<void> {
  const terminal = stdout as { readonly isTTY?: boolean };
  const live = liveProgress(text => stdout.write(text), {
    inPlace: terminal.isTTY === true,
    colour: wantsColour(terminal, env),
    events: true,
  });
  let board = '';
  try {
    for await (const event of events) {
      if (event.kind === 'run-started') ({ board } = event.data);
      live.event(board, event);
    }
  } finally {
    live.close();
  }
}

function consolesWords(names: ReadonlySet<string>): string {
  return names.size === 0 ? 'no console was recorded in it' : `it has ${[...names].join(', ')}`;
}

function speedOf(text: string): number {
  const speed = text === 'max' ? Number.POSITIVE_INFINITY : Number(text);
  if (speed > 0) return speed;
  throw new UsageError(`--speed ${text}: not a speed`, 'give a number greater than 0, or max');
}
