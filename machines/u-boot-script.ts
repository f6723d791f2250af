/**
 * A script that fetches files: what it told of their sizes is read before Xen is started. It says the same, and
 * does the same, each time that it is run.
 */
import { assign, setup } from 'xstate';
import type { Deadlines } from '../src/board/board-type.ts';
import type { PartOutput } from './boot-attempt.ts';
import { failing, type Fault, failure, shown } from './fault.ts';
import {
  errorLine,
  isAnyCountGarbled,
  linkTrouble,
  loadError,
  missing,
  type UBootFile,
  withoutLink,
} from './u-boot-answers.ts';
import { uBootCommand } from './u-boot-command.ts';
import type { Witness } from './witness.ts';

export interface UBootScript {
  readonly command: string;
  readonly load: readonly UBootFile[];
}

export interface UBootScriptInput extends UBootScript {
  readonly deadlines: Deadlines;
  readonly witness: Witness;
}

interface UBootScriptContext extends UBootScriptInput, PartOutput {
  /** Runs after the first. */
  readonly again: number;
}

const enduredGarbledRuns = 3;

export const uBootScript = setup({
  types: {
    context: {} as UBootScriptContext,
    input: {} as UBootScriptInput,
    output: {} as PartOutput,
  },
  actors: { uBootCommand },
  actions: {
    keep: assign((_, { fault, retry }: PartOutput) => ({ fault, retry })),
    refused: assign({
      fault: ({ context: { command, load } }, params: { answer: string }) =>
        shown(`\`${command}\` did not load the files`, loadError(params.answer, load), 'infrastructure'),
    }),
    noLink: assign({
      fault: (_, params: { answer: string }) => withoutLink(params.answer),
      // The PHY may come up with the next power-on.
      retry: true,
    }),
    broken: assign({
      fault: (_, params: { attempt: string; error: unknown }) =>
        failure(params.attempt, params.error, 'controller'),
    }),
    noteAgain: ({ context: { command, witness } }) =>
      witness.note?.(`\`${command}\` is run again: the sizes that it told came garbled`),
  },
  guards: {
    hasNoLink: (_, params: { answer: string }) => linkTrouble(params.answer) !== undefined,
    isFault: (_, params: { fault: Fault | null }) => params.fault !== null,
    isWhole: ({ context }, params: { answer: string }) =>
      missing(params.answer, context.load) === undefined && errorLine(params.answer) === undefined,
    mayRunAgain: ({ context }, params: { answer: string }) =>
      context.again < enduredGarbledRuns && isAnyCountGarbled(params.answer),
  },
}).createMachine({
  id: 'u-boot-script',
  context: ({ input }) => ({ ...input, again: 0, fault: null, retry: false }),
  output: ({ context: { fault, retry } }) => ({ fault, retry }),
  initial: 'running',
  states: {
    running: {
      invoke: {
        src: 'uBootCommand',
        input: ({ context: { command, deadlines, witness } }) => ({
          command,
          fetches: true,
          deadlines,
          witness,
        }),
        onDone: [
          {
            guard: { type: 'isFault', params: ({ event }) => event.output },
            target: 'failed',
            actions: { type: 'keep', params: ({ event }) => event.output },
          },
          { guard: { type: 'isWhole', params: ({ event }) => event.output }, target: 'loaded' },
          {
            guard: { type: 'hasNoLink', params: ({ event }) => event.output },
            target: 'failed',
            actions: { type: 'noLink', params: ({ event }) => event.output },
          },
          {
            guard: { type: 'mayRunAgain', params: ({ event }) => event.output },
            target: 'running',
            reenter: true,
            actions: [assign({ again: ({ context }) => context.again + 1 }), 'noteAgain'],
          },
          { target: 'failed', actions: { type: 'refused', params: ({ event }) => event.output } },
        ],
        onError: {
          target: 'failed',
          actions: { type: 'broken', params: failing('run a script') },
        },
      },
    },
    loaded: { type: 'final' },
    failed: { type: 'final' },
  },
});
