/** The steps of a scenario, one after the other; what each is, its actor knows. */
import { assign, setup } from 'xstate';
import type { Prediction } from '../src/model/predict/prediction.ts';
import type { Step } from '../src/model/predict/scenario.ts';
import { expired, type Failing, type Fault, failure, type Wait } from './fault.ts';
import { placeholderPromise } from './placeholder.ts';
import type { World } from './world.ts';
import { expiresTo, failsTo, outputOf } from './transitions.ts';

export interface StepsInput {
  readonly steps: readonly Step[];
  readonly world: World;
  /** Program that is booted in place of Xen: there is no Dom0 then. */
  readonly payload?: string | undefined;
  /** Expectations of all steps. */
  readonly prediction: Prediction;
}

export interface StepInput {
  readonly index: number;
  readonly step: Step;
  readonly prediction: Prediction;
}

export interface StepResult {
  readonly faults: readonly Fault[];
  /** False where the steps after this one have nothing to stand on. */
  readonly goOn: boolean;
}

interface StepsContext extends StepsInput {
  readonly index: number;
  readonly since: number;
  readonly faults: readonly Fault[];
}

export const steps = setup({
  types: {
    context: {} as StepsContext,
    input: {} as StepsInput,
    output: {} as { readonly faults: readonly Fault[] },
  },
  actors: {
    /** Waits until Dom0 answers SSH. */
    reachDom0: placeholderPromise<void>('reachDom0'),
    /** Whether Dom0's toolstack works with this Xen, where a step needs it. */
    checkToolstack: placeholderPromise<void>('checkToolstack'),
    step: placeholderPromise<StepResult, StepInput>('step'),
  },
  actions: {
    enter: assign({ since: ({ context }) => context.world.now() }),
    expired: assign({
      faults: ({ context }, params: Wait) => [
        ...context.faults,
        expired(params, context.since, context.world),
      ],
    }),
    failed: assign({
      faults: ({ context }, params: Failing) => [
        ...context.faults,
        failure(params.attempt, params.error, params.class),
      ],
    }),
    keep: assign({
      faults: ({ context }, params: { faults: readonly Fault[] }) => [...context.faults, ...params.faults],
    }),
    next: assign({ index: ({ context }) => context.index + 1 }),
  },
  guards: {
    stepsLeft: ({ context }) => context.index < context.steps.length,
    isPayload: ({ context }) => context.payload !== undefined,
  },
  delays: {
    domain: ({ context }) => context.world.deadlines.domain,
    step: ({ context }) => stepDeadline(context),
  },
}).createMachine({
  id: 'steps',
  context: ({ input }) => ({ ...input, index: 0, since: 0, faults: [] }),
  output: ({ context }) => ({ faults: context.faults }),
  initial: 'choosing',
  states: {
    reachingDom0: {
      entry: 'enter',
      invoke: {
        src: 'reachDom0',
        onDone: 'checkingToolstack',
        onError: failsTo('ended', 'log in to Dom0', 'infrastructure'),
      },
      after: {
        domain: {
          target: 'ended',
          actions: {
            type: 'expired',
            params: ({ context }) => ({
              for: 'Dom0 to answer SSH',
              class: 'infrastructure' as const,
              refusal: context.world.refusal?.('dom0'),
            }),
          },
        },
      },
    },
    checkingToolstack: {
      description: 'xl and the Xen that runs have to fit, before a step relies on it',
      entry: 'enter',
      invoke: {
        src: 'checkToolstack',
        onDone: 'stepping',
        onError: failsTo('ended', 'check the toolstack', 'infrastructure'),
      },
      after: {
        step: expiresTo('ended', { for: 'the toolstack of Dom0 to answer', class: 'infrastructure' }),
      },
    },
    choosing: {
      always: [
        { guard: 'isPayload', target: 'stepping' },
        { guard: 'stepsLeft', target: 'reachingDom0' },
        { target: 'done' },
      ],
    },
    stepping: { always: [{ guard: 'stepsLeft', target: 'running' }, { target: 'done' }] },
    running: {
      entry: 'enter',
      invoke: {
        src: 'step',
        input: ({ context }) => ({
          index: context.index,
          step: currentStep(context),
          prediction: context.prediction,
        }),
        onDone: [
          {
            guard: ({ event }) => event.output.goOn,
            target: 'stepping',
            actions: [{ type: 'keep', params: outputOf }, 'next'],
          },
          {
            target: 'ended',
            actions: { type: 'keep', params: outputOf },
          },
        ],
        onError: {
          target: 'ended',
          actions: {
            type: 'failed',
            params: ({ context, event }) => ({
              attempt: stepName(context),
              error: event.error,
              class: 'controller' as const,
            }),
          },
        },
      },
      after: {
        step: {
          target: 'ended',
          actions: {
            type: 'expired',
            params: ({ context }) => ({ for: `${stepName(context)} to end`, class: 'board' as const }),
          },
        },
      },
    },
    done: { type: 'final' },
    ended: { type: 'final', description: 'the steps after this one are not run' },
  },
});

/** Commands that a step may have to type; each has its own deadline within the step's. */
const commandsOfALook = 16;

function stepDeadline({ index, steps: all, world: { deadlines } }: StepsContext): number {
  const step = all[index];
  if (step?.do === 'wait') return step.milliseconds + deadlines.command;
  const commands = step?.do === 'look' ? commandsOfALook : 4;
  return deadlines.domain + commands * deadlines.command;
}

function currentStep(context: StepsContext): Step {
  const step = context.steps[context.index];
  if (step === undefined) throw new Error(`there is no step ${context.index}`);
  return step;
}

function stepName(context: StepsContext): string {
  const step = currentStep(context);
  const of = 'guest' in step ? ` ${step.guest}` : 'domain' in step ? ` ${step.domain}` : '';
  return `step ${context.index + 1} (${step.do}${of})`;
}
