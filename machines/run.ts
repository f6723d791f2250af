/**
 * One run of one scenario on one board. Whatever happens after the board is reserved (a failure, Ctrl-C, a
 * serial line that is gone) leads through collect, power off and release.
 */
import { assign, type EventObject, sendTo, setup } from 'xstate';
import type { Prediction } from '../src/model/predict/prediction.ts';
import type { Step } from '../src/model/predict/scenario.ts';
import { boot, type BootOutput, type BootPlan } from './boot.ts';
import { deploy, type TransferStalled } from './deploy.ts';
import { expired, type Failing, type Fault, failure, type Wait } from './fault.ts';
import { placeholderCallback, placeholderPromise } from './placeholder.ts';
import { power } from './power.ts';
import { outcome, type RunOutput, stillPowered } from './run-outcome.ts';
import { steps, type StepsInput } from './steps.ts';
import type { World } from './world.ts';
import { type Dom0LoggedIn, type ProbeReady, type XenIsDue, xen } from './xen.ts';
import { expiresTo, failsTo, faultTo, outputOf } from './transitions.ts';

export interface RunInput {
  readonly world: World;
  /** Names of the files that the board has to fetch. */
  readonly files: readonly string[];
  readonly steps: readonly Step[];
  readonly boot: BootPlan;
  /** Milliseconds in which what follows a panic is still listened to; 1000 unless told. */
  readonly lastWords?: number | undefined;
  /** Program that is booted in place of Xen. */
  readonly payload?: string | undefined;
}

export type RunEvent =
  /** Ctrl-C or SIGTERM; `broken`: what keeps the run from being recorded. */
  | { readonly type: 'interrupt'; readonly broken?: Error }
  | ConsoleLineEvent
  | TransferStalled
  | Dom0LoggedIn
  | ProbeReady;

/** The serial line itself: open, or gone. */
type ConsoleLineEvent =
  | { readonly type: 'consoleOpened' }
  | { readonly type: 'consoleLost'; readonly error: Error };

interface RunContext extends RunInput {
  readonly prediction: Prediction | null;
  readonly dom0Reached: boolean;
  /** The board has booted, so that its switch is on. */
  readonly isOn: boolean;
  readonly since: number;
  readonly faults: readonly Fault[];
}

const waits = {
  reserve: { for: 'the reservation of the board', class: 'controller' },
  predict: { for: 'the prediction', class: 'controller' },
  offer: { for: 'the files to be where the board fetches them', class: 'infrastructure' },
  console: {
    for: 'the serial port to open',
    class: 'infrastructure',
    hint: 'check that no other program holds it',
  },
  collect: { for: 'the logs to be collected', class: 'infrastructure' },
  release: { for: 'the reservation to be given back', class: 'controller' },
} as const satisfies Record<string, Wait>;

export const run = setup({
  types: {
    context: {} as RunContext,
    input: {} as RunInput,
    output: {} as RunOutput,
    events: {} as RunEvent,
  },
  actors: {
    power,
    deploy,
    xen,
    steps,
    reserve: placeholderPromise<void>('reserve'),
    predict: placeholderPromise<Prediction>('predict'),
    /** Puts the files where the board will fetch them; `deploy` takes them away, or `release`. */
    offerFiles: placeholderPromise<void>('offerFiles'),
    /** Holds the serial line open for as long as it is invoked. */
    holdConsole: placeholderCallback<EventObject>('holdConsole'),
    boot,
    collect: placeholderPromise<void, { dom0Reached: boolean }>('collect'),
    release: placeholderPromise<void>('release'),
  },
  actions: {
    enter: assign({ since: ({ context }) => context.world.now() }),
    expired: assign({
      faults: ({ context }, wait: Wait) => [...context.faults, expired(wait, context.since, context.world)],
    }),
    failed: assign({
      faults: ({ context }, params: Failing) => [
        ...context.faults,
        failure(params.attempt, params.error, params.class),
      ],
    }),
    keep: assign({
      faults: ({ context }, { fault }: { fault: Fault | null }) =>
        fault === null ? context.faults : [...context.faults, fault],
    }),
    keepAll: assign({
      faults: ({ context }, params: { faults: readonly Fault[] }) => [...context.faults, ...params.faults],
    }),
    interrupted: assign({
      faults: ({ context, event }) => [
        ...context.faults,
        event.type === 'interrupt' && event.broken !== undefined
          ? failure('record the run', event.broken)
          : { class: 'interrupted' as const, what: 'the run was interrupted' },
      ],
    }),
  },
  guards: {
    isFault: (_, params: { fault: Fault | null }) => params.fault !== null,
  },
  delays: {
    /** For what does not touch the board. */
    bookkeeping: 60_000,
    deploy: ({ context }) => context.world.deadlines.deploy,
    powerOn: ({ context }) => context.world.deadlines.powerOn,
    collect: ({ context }) => context.world.deadlines.collect,
  },
}).createMachine({
  id: 'run',
  context: ({ input }) => ({
    ...input,
    prediction: null,
    dom0Reached: false,
    isOn: false,
    since: 0,
    faults: [],
  }),
  output: ({ context: { faults, prediction } }) => ({ outcome: outcome(faults), faults, prediction }),
  initial: 'reserving',
  states: {
    reserving: {
      description: 'nothing of the board is touched before it is ours',
      entry: 'enter',
      invoke: {
        src: 'reserve',
        onDone: 'predicting',
        onError: failsTo('finished', 'reserve the board'),
      },
      on: { interrupt: { target: 'releasing', actions: 'interrupted' } },
      after: { bookkeeping: expiresTo('releasing', waits.reserve) },
    },
    predicting: {
      entry: 'enter',
      invoke: {
        src: 'predict',
        onDone: { target: 'offering', actions: assign({ prediction: ({ event }) => event.output }) },
        onError: failsTo('releasing', 'predict', 'controller'),
      },
      on: { interrupt: { target: 'releasing', actions: 'interrupted' } },
      after: { bookkeeping: expiresTo('releasing', waits.predict) },
    },
    offering: {
      description: 'a board that is switched on finds its files, however soon it asks',
      entry: 'enter',
      invoke: {
        src: 'offerFiles',
        onDone: 'attended',
        onError: failsTo('releasing', 'serve the files'),
      },
      on: { interrupt: { target: 'releasing', actions: 'interrupted' } },
      after: { deploy: expiresTo('releasing', waits.offer) },
    },
    attended: {
      description: 'the serial line is open from before power on until after power off',
      invoke: {
        src: 'holdConsole',
        onError: failsTo('.poweringOff', 'hold the console'),
      },
      initial: 'working',
      states: {
        working: {
          on: {
            interrupt: { target: 'collecting', actions: 'interrupted' },
            consoleLost: failsTo('collecting', 'read the console'),
          },
          initial: 'openingConsole',
          states: {
            openingConsole: {
              entry: 'enter',
              on: { consoleOpened: 'poweringOff' },
              after: {
                powerOn: expiresTo('#run.attended.collecting', waits.console),
              },
            },
            poweringOff: {
              description: 'every run begins with a cold board',
              invoke: {
                src: 'power',
                input: ({ context }) => ({
                  to: 'off' as const,
                  discharge: true,
                  world: context.world,
                }),
                onDone: [faultTo('#run.attended.collecting'), { target: 'on' }],
                onError: failsTo('#run.attended.collecting', 'switch the power off'),
              },
            },
            on: {
              description: 'panics, crashes and resets are watched for wherever they come',
              invoke: {
                id: 'xen',
                src: 'xen',
                input: ({ context }) => ({
                  world: context.world,
                  expectedPanic: context.prediction?.panic ?? null,
                  lastWords: context.lastWords,
                  payload: context.payload,
                }),
                onDone: {
                  target: '#run.attended.collecting',
                  actions: [
                    { type: 'keep', params: outputOf },
                    // Whatever ended the watch has ended Dom0, and an emulated board at times with it.
                    assign({ dom0Reached: false, isOn: false }),
                  ],
                },
                onError: failsTo('#run.attended.collecting', 'watch Xen', 'controller'),
              },
              initial: 'deploying',
              states: {
                deploying: {
                  description: 'the files are served while the board is powered on and boots',
                  invoke: {
                    id: 'deploy',
                    src: 'deploy',
                    input: ({ context }) => ({
                      world: context.world,
                      files: context.files,
                    }),
                    onDone: [faultTo('#run.attended.collecting'), { target: 'startingXen' }],
                    onError: failsTo('#run.attended.collecting', 'serve the files'),
                  },
                  initial: 'booting',
                  states: {
                    booting: {
                      description: 'power on, boot loader, files, start of Xen',
                      on: { transferStalled: { actions: sendTo('boot', ({ event }) => event) } },
                      invoke: {
                        id: 'boot',
                        src: 'boot',
                        input: ({ context }) => ({
                          world: context.world,
                          plan: context.boot,
                        }),
                        onDone: [
                          faultTo('#run.attended.collecting'),
                          {
                            target: 'handedOver',
                            actions: [
                              assign({ isOn: true }),
                              sendTo('xen', ({ event }) => xenIsDue(event.output)),
                              sendTo('deploy', { type: 'handedOver' }),
                            ],
                          },
                        ],
                        onError: failsTo('#run.attended.collecting', 'boot', 'controller'),
                      },
                    },
                    handedOver: {
                      description: 'had the board asked for every file?',
                      tags: 'watching',
                    },
                  },
                },
                startingXen: {
                  description: 'the watcher of Xen has the deadlines',
                  tags: 'watching',
                  on: {
                    dom0LoggedIn: { target: 'stepping', actions: assign({ dom0Reached: true }) },
                    probeReady: 'stepping',
                  },
                },
                stepping: {
                  invoke: {
                    src: 'steps',
                    input: ({ context }) => stepsInput(context),
                    onDone: {
                      target: '#run.attended.collecting',
                      actions: { type: 'keepAll', params: outputOf },
                    },
                    onError: failsTo('#run.attended.collecting', 'run the steps', 'controller'),
                  },
                },
              },
            },
          },
        },
        collecting: {
          description: 'what can still be learned of the board, best effort; another Ctrl-C cuts it short',
          entry: 'enter',
          invoke: {
            src: 'collect',
            input: ({ context }) => ({ dom0Reached: context.dom0Reached }),
            onDone: 'poweringOff',
            onError: 'poweringOff',
          },
          on: { interrupt: { target: 'poweringOff', actions: 'interrupted' } },
          after: { collect: 'poweringOff' },
        },
        poweringOff: {
          description: 'always, whatever went before',
          invoke: {
            src: 'power',
            input: ({ context }) => ({
              to: 'off' as const,
              world: context.world,
            }),
            onDone: {
              target: '#run.releasing',
              actions: {
                type: 'keep',
                params: ({ context, event }) => ({ fault: stillPowered(context.isOn, event.output) }),
              },
            },
            onError: failsTo('#run.releasing', 'switch the power off'),
          },
        },
      },
    },
    releasing: {
      entry: 'enter',
      invoke: {
        src: 'release',
        onDone: 'finished',
        onError: failsTo('finished', 'give the board back', 'controller'),
      },
      after: { bookkeeping: expiresTo('finished', waits.release) },
    },
    finished: { type: 'final' },
  },
});

function xenIsDue({ xenSeen }: BootOutput): XenIsDue {
  return { type: 'xenIsDue', xenSeen };
}

function stepsInput({ steps: all, world, payload, prediction }: RunContext): StepsInput {
  if (prediction === null) throw new Error('a step ran before the prediction');
  return { steps: all, world, payload, prediction };
}
