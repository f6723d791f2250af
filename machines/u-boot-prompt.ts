/** From power on to U-Boot's prompt: the countdown is interrupted when the console shows it. */
import { assign, setup } from 'xstate';
import type { PartOutput, PoweredOn } from './boot-attempt.ts';
import type { ConsoleEvent } from './console-event.ts';
import { expired, type Failing, failure, shown, type Wait } from './fault.ts';
import { placeholderCallback, placeholderPromise } from './placeholder.ts';
import type { World } from './world.ts';
import { expiresTo, failsTo, refusedTo } from './transitions.ts';

export interface UBootPromptInput {
  readonly world: World;
  /** The board has power already: another boot loader has gone before. */
  readonly isPowered: boolean;
  /** Key that is typed into the countdown. */
  readonly interrupt: string;
}

interface UBootPromptContext extends UBootPromptInput, PartOutput {
  readonly since: number;
}

const waits = {
  output: { for: 'the first sign of life of the boot loader', class: 'infrastructure' },
  countdown: { for: "U-Boot's countdown or prompt", class: 'infrastructure' },
  prompt: { for: "U-Boot's prompt", class: 'infrastructure' },
} as const satisfies Record<string, Wait>;

export const uBootPrompt = setup({
  types: {
    context: {} as UBootPromptContext,
    input: {} as UBootPromptInput,
    output: {} as PartOutput,
    events: {} as PoweredOn | ConsoleEvent,
  },
  actors: {
    console: placeholderCallback<ConsoleEvent>('console'),
    press: placeholderPromise<void, { text: string }>('press'),
  },
  actions: {
    enter: assign({ since: ({ context }) => context.world.now() }),
    expired: assign({
      fault: ({ context }, wait: Wait) => expired(wait, context.since, context.world),
    }),
    refused: assign({
      fault: (_, params: { what: string; line: string }) => shown(params.what, params.line, 'infrastructure'),
    }),
    failed: assign({
      fault: (_, params: Failing) => failure(params.attempt, params.error),
    }),
    note: ({ context }, params: { text: string }) => context.world.note?.(params.text),
  },
  guards: {
    isPowered: ({ context }) => context.isPowered,
  },
  delays: {
    firstOutput: ({ context }) => context.world.deadlines.firstOutput,
    bootLoader: ({ context }) => context.world.deadlines.bootLoader,
    retype: 1000,
  },
}).createMachine({
  id: 'u-boot-prompt',
  context: ({ input }) => ({ ...input, since: 0, fault: null, retry: false }),
  output: ({ context: { fault, retry } }) => ({ fault, retry }),
  invoke: { src: 'console' },
  on: {
    'console.autoboot': '.interrupting',
    'console.prompt': '.doubting',
    // The countdown ran out: whatever the stored boot command starts is not what this run deploys.
    'console.handOver': refusedTo('.missed', 'U-Boot ran its stored boot command before it was interrupted'),
    'console.xen': refusedTo('.missed', 'the board started Xen by itself before U-Boot was interrupted'),
  },
  initial: 'choosing',
  states: {
    choosing: { always: [{ guard: 'isPowered', target: 'waitingForOutput' }, { target: 'switchingOn' }] },
    switchingOn: {
      description: 'the switch has its deadline; the console may already speak',
      tags: 'watching',
      on: { 'console.banner': 'waitingForCountdown', poweredOn: 'waitingForOutput' },
    },
    waitingForOutput: {
      entry: 'enter',
      on: { 'console.banner': 'waitingForCountdown' },
      after: {
        firstOutput: expiresTo('#u-boot-prompt.missed', waits.output),
      },
    },
    waitingForCountdown: {
      entry: 'enter',
      after: {
        bootLoader: expiresTo('#u-boot-prompt.missed', waits.countdown),
      },
    },
    doubting: {
      description:
        'no countdown was seen: text that looks like a prompt may stand before it, a prompt answers Enter',
      entry: 'enter',
      on: { 'console.prompt': {} },
      after: {
        bootLoader: expiresTo('#u-boot-prompt.missed', waits.prompt),
      },
      initial: 'waiting',
      states: {
        waiting: { after: { retype: 'pressing' } },
        pressing: {
          on: { 'console.prompt': '#u-boot-prompt.atPrompt' },
          invoke: {
            src: 'press',
            input: { text: '\r' },
            onDone: 'answering',
            onError: failsTo('#u-boot-prompt.failed', 'ask for the prompt'),
          },
        },
        answering: { on: { 'console.prompt': '#u-boot-prompt.atPrompt' } },
      },
    },
    interrupting: {
      description: 'the key is pressed at what the console shows, and again while no prompt follows',
      entry: 'enter',
      on: { 'console.autoboot': {}, 'console.prompt': 'atPrompt' },
      after: {
        bootLoader: expiresTo('#u-boot-prompt.missed', waits.prompt),
      },
      initial: 'pressing',
      states: {
        pressing: {
          invoke: {
            src: 'press',
            input: ({ context }) => ({ text: context.interrupt }),
            onDone: 'looking',
            onError: failsTo('#u-boot-prompt.failed', 'interrupt the countdown'),
          },
        },
        looking: { after: { retype: 'breaking' } },
        // Ctrl-C ends a boot command that already runs, and at the prompt only brings the prompt again.
        breaking: {
          entry: {
            type: 'note',
            params: { text: 'no prompt follows the key that stops the countdown: Ctrl-C asks for one' },
          },
          invoke: {
            src: 'press',
            input: { text: '\u0003' },
            onDone: 'looking',
            onError: failsTo('#u-boot-prompt.failed', 'ask for the prompt'),
          },
        },
      },
    },
    missed: {
      description: 'a power cycle may bring the prompt after all',
      type: 'final',
      entry: assign({ retry: true }),
    },
    atPrompt: { type: 'final' },
    failed: { type: 'final' },
  },
});
