/** U-Boot's console as the machines use it: heard, and typed at. */
import { fromPromise } from 'xstate';
import { bootUBootWith, type UBootActors } from '../../machines/boot-u-boot.ts';
import type { RunParts } from './run-parts.ts';
import { Typist } from './shells/typing.ts';

export function providedUBoot(
  { options, console, clock, watched }: RunParts,
  consoleEvents: UBootActors['console'],
) {
  const typist = new Typist(console, clock, {
    prompt: options.board.type.boot.uBoot?.prompt ?? '',
    note: text => options.recorder.record('console', { kind: 'note', data: { text, retried: true } }),
  });
  return bootUBootWith({
    console: consoleEvents,
    press: fromPromise<void, { text: string }>(({ input }) => watched.work(() => console.write(input.text))),
    ask: fromPromise<string, { command: string }>(({ input, signal }) =>
      watched.work(() => typist.ask(input.command, signal)),
    ),
    type: fromPromise<void, { command: string }>(({ input, signal }) =>
      watched.work(() => typist.type(input.command, signal)),
    ),
  });
}
