/** The command that starts Xen: what follows it is no answer, but the hand-over. */
import { assign, setup } from 'xstate';
import type { AttemptOutput } from './boot-attempt.ts';
import type { ConsoleEvent } from './console-event.ts';
import { expired, failure, shown, type Wait } from './fault.ts';
import { placeholderCallback, placeholderPromise } from './placeholder.ts';
import type { World } from './world.ts';
import { failsTo } from './transitions.ts';

export interface UBootStartInput {
  readonly command: string;
  readonly world: World;
}

interface UBootStartContext extends UBootStartInput, Omit<AttemptOutput, 'retry'> {
  readonly since: number;
}

const handOver = { for: "U-Boot's `Starting kernel`", class: 'infrastructure' } as const satisfies Wait;

export const uBootStart = setup({
  types: {
    context: {} as UBootStartContext,
    input: {} as UBootStartInput,
    output: {} as AttemptOutput,
    events: {} as ConsoleEvent,
  },
  actors: {
    console: placeholderCallback<ConsoleEvent>('console'),
    press: placeholderPromise<void, { text: string }>('press'),
    /** Types a command, echo checked, without Enter. */
    type: placeholderPromise<void, { command: string }>('type'),
  },
  actions: {
    expired: assign({ fault: ({ context }) => expired(handOver, context.since, context.world) }),
    failed: assign({
      fault: ({ context }, params: { attempt: string; error: unknown }) =>
        failure(`${params.attempt} \`${context.command}\``, params.error),
    }),
    refused: assign({
      fault: ({ context: { command, world } }) =>
        shown(
          `U-Boot did not start \`${command}\``,
          world.lastLines().slice(-3).join(' / '),
          'infrastructure',
        ),
    }),
  },
  delays: {
    xenBanner: ({ context }) => context.world.deadlines.xenBanner,
  },
}).createMachine({
  id: 'u-boot-start',
  context: ({ input }) => ({ ...input, xenSeen: false, since: input.world.now(), fault: null }),
  output: ({ context: { fault, xenSeen } }) => ({ fault, retry: false, xenSeen }),
  invoke: { src: 'console' },
  on: {
    'console.handOver': '.handedOver',
    'console.xen': { target: '.handedOver', actions: assign({ xenSeen: true }) },
  },
  initial: 'starting',
  states: {
    starting: {
      after: { xenBanner: { target: 'failed', actions: 'expired' } },
      initial: 'typing',
      states: {
        typing: {
          description: 'until Enter is pressed, a prompt is that after what was typed and dropped',
          invoke: {
            src: 'type',
            input: ({ context }) => ({ command: context.command }),
            onDone: 'entering',
            onError: failsTo('#u-boot-start.failed', 'type'),
          },
        },
        entering: {
          description: 'the next line is that of what was started, unless it is the prompt',
          invoke: {
            src: 'press',
            input: { text: '\r' },
            onError: failsTo('#u-boot-start.failed', 'start'),
          },
          on: { 'console.prompt': { target: '#u-boot-start.failed', actions: 'refused' } },
        },
      },
    },
    handedOver: { type: 'final' },
    failed: { type: 'final' },
  },
});
