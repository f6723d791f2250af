/** Switches a board's supply, confirms it where the switch can tell, and tries again a few times. */
import { assign, setup } from 'xstate';
import { expired, type Fault, failure } from './fault.ts';
import { placeholderPromise } from './placeholder.ts';
import { eventOf } from './transitions.ts';
import type { World } from './world.ts';

export type PowerState = 'on' | 'off' | 'unknown';

export interface PowerInput {
  readonly to: 'on' | 'off';
  readonly world: World;
  /** How often it is tried; 3 unless told. */
  readonly attempts?: number;
  /** After the switch, wait until a board that had power has none left: what comes back then starts cold. */
  readonly discharge?: boolean;
}

export interface PowerOutput {
  readonly fault: Fault | null;
  /** State of the switch before the command. */
  readonly was: PowerState;
}

interface PowerContext extends Required<PowerInput>, PowerOutput {
  readonly tried: number;
  readonly since: number;
}

export const power = setup({
  types: {
    context: {} as PowerContext,
    input: {} as PowerInput,
    output: {} as PowerOutput,
  },
  actors: {
    switchPower: placeholderPromise<void, { to: 'on' | 'off' }>('switchPower'),
    readPower: placeholderPromise<PowerState>('readPower'),
  },
  actions: {
    expired: assign({
      fault: ({ context }, params: { for: string }) =>
        expired(
          {
            for: `${params.for} ${context.to}`,
            class: 'infrastructure',
            hint: 'check the power switch of this board',
          },
          context.since,
          context.world,
        ),
    }),
    failed: assign({
      fault: ({ context }, params: { error: unknown }) =>
        failure(`switch the power ${context.to}`, params.error),
    }),
  },
  guards: {
    attemptsLeft: ({ context }) => context.tried < context.attempts,
    mayHoldCharge: ({ context }) => context.discharge && context.was !== 'off',
  },
  delays: {
    deadline: ({ context }) =>
      context.to === 'on' ? context.world.deadlines.powerOn : context.world.deadlines.powerOff,
    pause: 1000,
    discharge: 2000,
  },
}).createMachine({
  id: 'power',
  context: ({ input }) => ({
    attempts: 3,
    discharge: false,
    ...input,
    tried: 0,
    was: 'unknown',
    since: 0,
    fault: null,
  }),
  output: ({ context }) => ({ fault: context.fault, was: context.was }),
  initial: 'looking',
  states: {
    looking: {
      description: 'what it was before; not to know changes nothing',
      invoke: {
        src: 'readPower',
        onDone: { target: 'switching', actions: assign({ was: ({ event }) => event.output }) },
        onError: 'switching',
      },
      after: { deadline: 'switching' },
    },
    switching: {
      description: 'the switch is told',
      entry: assign({
        tried: ({ context }) => context.tried + 1,
        since: ({ context }) => context.world.now(),
      }),
      invoke: {
        src: 'switchPower',
        input: ({ context }) => ({ to: context.to }),
        onDone: 'confirming',
        onError: {
          target: 'retrying',
          actions: { type: 'failed', params: eventOf },
        },
      },
      after: {
        deadline: { target: 'retrying', actions: { type: 'expired', params: { for: 'the switch to turn' } } },
      },
    },
    confirming: {
      description: 'the switch is asked; one that cannot tell is believed',
      invoke: {
        src: 'readPower',
        onDone: [
          {
            guard: ({ context, event }) => event.output === context.to || event.output === 'unknown',
            target: 'switched',
          },
          {
            target: 'retrying',
            actions: {
              type: 'failed',
              params: ({ context, event }) => ({
                error: new Error(`the switch says that it is still ${event.output}${butAlive(context)}`),
              }),
            },
          },
        ],
        onError: {
          target: 'retrying',
          actions: { type: 'failed', params: eventOf },
        },
      },
      after: {
        deadline: {
          target: 'retrying',
          actions: { type: 'expired', params: { for: 'the switch to say that it is' } },
        },
      },
    },
    retrying: {
      always: [{ guard: 'attemptsLeft', target: 'pausing' }, { target: 'failed' }],
    },
    pausing: { description: 'a moment before the next attempt', after: { pause: 'switching' } },
    switched: {
      entry: assign({ fault: null }),
      always: [{ guard: 'mayHoldCharge', target: 'discharging' }, { target: 'done' }],
    },
    discharging: {
      description: 'power that comes back too soon is a glitch, not a cold start',
      after: { discharge: 'done' },
    },
    done: { type: 'final' },
    failed: { type: 'final' },
  },
});

/** A switch that says that a board is off which speaks is another board's, or lies. */
function butAlive({ to, since, world }: PowerContext): string {
  const heard = world.heard?.();
  return to === 'on' && heard !== undefined && heard >= since ? ', and the board still answers' : '';
}
