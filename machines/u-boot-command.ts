/**
 * One command at U-Boot's prompt: typed, and its answer awaited. One that fetches files has longer, and may begin
 * a file again a few times.
 */
import { assign, setup } from 'xstate';
import type { PartOutput } from './boot-attempt.ts';
import type { ConsoleEvent } from './console-event.ts';
import { expired, failure, shown } from './fault.ts';
import { placeholderCallback, placeholderPromise } from './placeholder.ts';
import type { World } from './world.ts';
import { eventOf } from './transitions.ts';

export interface UBootCommandInput {
  readonly command: string;
  readonly fetches: boolean;
  readonly world: World;
}

/** How a command ends: with an answer, or with a fault. */
export interface UBootCommandOutput extends PartOutput {
  readonly answer: string;
}

interface UBootCommandContext extends UBootCommandInput, UBootCommandOutput {
  readonly refusals: number;
  readonly since: number;
}

/** `TFTP server died; starting again` and its like are endured this often per command. */
const enduredRefusals = 3;

export const uBootCommand = setup({
  types: {
    context: {} as UBootCommandContext,
    input: {} as UBootCommandInput,
    output: {} as UBootCommandOutput,
    events: {} as ConsoleEvent,
  },
  actors: {
    console: placeholderCallback<ConsoleEvent>('console'),
    /** Types a command, echo checked; resolves with its answer once the prompt is back. */
    ask: placeholderPromise<string, { command: string }>('ask'),
  },
  actions: {
    expired: assign({
      fault: ({ context: { command, fetches, since, world } }) => {
        const wait = fetches ? `the end of \`${command}\`` : `the prompt after \`${command}\``;
        return expired({ for: wait, class: 'infrastructure' }, since, world);
      },
    }),
    failed: assign({
      fault: ({ context }, params: { error: unknown }) =>
        failure(`type \`${context.command}\``, params.error),
    }),
    refused: assign({
      fault: ({ context }, params: { line: string }) =>
        shown(`\`${context.command}\` does not get through`, params.line, 'infrastructure'),
      retry: true,
    }),
  },
  guards: {
    tooManyRefusals: ({ context: { fetches, refusals } }) => fetches && refusals >= enduredRefusals,
  },
  delays: {
    bootLoaderOrDeploy: ({ context: { world, fetches } }) =>
      fetches ? world.deadlines.deploy : world.deadlines.bootLoader,
  },
}).createMachine({
  id: 'u-boot-command',
  context: ({ input }) => ({
    ...input,
    answer: '',
    fault: null,
    retry: false,
    refusals: 0,
    since: input.world.now(),
  }),
  output: ({ context: { answer, fault, retry } }) => ({ answer, fault, retry }),
  invoke: { src: 'console' },
  initial: 'asking',
  states: {
    asking: {
      invoke: {
        src: 'ask',
        input: ({ context }) => ({ command: context.command }),
        onDone: { target: 'answered', actions: assign({ answer: ({ event }) => event.output }) },
        onError: {
          target: 'failed',
          actions: { type: 'failed', params: eventOf },
        },
      },
      on: {
        'console.refusal': [
          {
            guard: 'tooManyRefusals',
            target: 'failed',
            actions: { type: 'refused', params: eventOf },
          },
          { actions: assign({ refusals: ({ context }) => context.refusals + 1 }) },
        ],
      },
      after: { bootLoaderOrDeploy: { target: 'failed', actions: 'expired' } },
    },
    answered: { type: 'final' },
    failed: { type: 'final' },
  },
});
