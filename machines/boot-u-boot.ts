/**
 * One attempt to get from power on to the hand-over by U-Boot: the countdown is interrupted when the console shows it,
 * then come the commands that prepare, the files, the script that fetches the rest, and the start of Xen.
 */
import { assign, sendTo, setup } from 'xstate';
import type { AttemptOutput, PartOutput, PoweredOn } from './boot-attempt.ts';
import type { ConsoleEvent } from './console-event.ts';
import type { TransferStalled } from './deploy.ts';
import { type Failing, type Fault, failure, shown } from './fault.ts';
import { placeholderCallback, type placeholderPromise } from './placeholder.ts';
import { errorLine, type UBootFile } from './u-boot-answers.ts';
import { uBootCommand } from './u-boot-command.ts';
import { fetchOf, type UBootLoad, uBootLoad } from './u-boot-load.ts';
import { uBootPrompt, type UBootPromptInput } from './u-boot-prompt.ts';
import { uBootStart } from './u-boot-start.ts';
import { failsTo, faultTo, outputOf, refusedTo } from './transitions.ts';

export interface UBootInput extends UBootPromptInput {
  /** Typed before the files are loaded, in order: they set the environment. */
  readonly commands: readonly string[];
  readonly load: readonly UBootFile[];
  /** Where a script fetches the rest: what runs it, and what has to come then. */
  readonly script?: Omit<UBootLoad, 'isScript'>;
  /** The command that starts Xen. */
  readonly start: string;
}

/** Actors of U-Boot's charts, as the run gives them. */
export interface UBootActors {
  readonly console: ReturnType<typeof placeholderCallback<ConsoleEvent>>;
  /** Writes text as it is, without a newline. */
  readonly press: ReturnType<typeof placeholderPromise<void, { text: string }>>;
  /** Types a command, echo checked; resolves with its answer once the prompt is back. */
  readonly ask: ReturnType<typeof placeholderPromise<string, { command: string }>>;
  /** Types a command, echo checked, without Enter. */
  readonly type: ReturnType<typeof placeholderPromise<void, { command: string }>>;
}

interface UBootContext extends UBootInput, AttemptOutput {
  /** Commands that are done, then commands that have loaded files. */
  readonly done: number;
  readonly loaded: number;
}

export const bootUBoot = setup({
  types: {
    context: {} as UBootContext,
    input: {} as UBootInput,
    output: {} as AttemptOutput,
    events: {} as PoweredOn | ConsoleEvent | TransferStalled,
  },
  actors: {
    console: placeholderCallback<ConsoleEvent>('console'),
    uBootPrompt,
    uBootCommand,
    uBootLoad,
    uBootStart,
  },
  actions: {
    refused: assign({
      fault: (_, params: { what: string; line: string }) => shown(params.what, params.line, 'infrastructure'),
    }),
    /** A chart ends with its output, whatever happens: one that does not is itself at fault. */
    failed: assign({ fault: (_, params: Failing) => failure(params.attempt, params.error, params.class) }),
    keep: assign((_, { fault, retry }: PartOutput) => ({ fault, retry })),
  },
  guards: {
    isFault: (_, params: { fault: Fault | null }) => params.fault !== null,
    commandsLeft: ({ context }) => context.done < context.commands.length,
    filesLeft: ({ context }) => loadsOf(context).length > context.loaded,
    answerIsError: (_, params: { answer: string }) => errorLine(params.answer) !== undefined,
  },
}).createMachine({
  id: 'boot-u-boot',
  context: ({ input }) => ({
    ...input,
    done: 0,
    loaded: 0,
    xenSeen: false,
    fault: null,
    retry: false,
  }),
  output: ({ context }) => ({ fault: context.fault, retry: context.retry, xenSeen: context.xenSeen }),
  invoke: { src: 'console' },
  on: {
    'console.gap': refusedTo('.missed', 'the console was lost'),
  },
  initial: 'toPrompt',
  states: {
    toPrompt: {
      description: 'the switch turns, and the countdown is interrupted',
      on: { poweredOn: { actions: sendTo('prompt', ({ event }) => event) } },
      invoke: {
        id: 'prompt',
        src: 'uBootPrompt',
        input: ({ context: { world, isPowered, interrupt } }) => ({
          world,
          isPowered,
          interrupt,
        }),
        onDone: [faultTo('failed'), { target: 'prompt' }],
        onError: failsTo('failed', 'reach the prompt', 'controller'),
      },
    },
    missed: {
      description: 'a power cycle may bring the prompt, or the file, after all',
      type: 'final',
      entry: assign({ retry: true }),
    },
    prompt: {
      description: 'at the prompt, one command at a time',
      on: {
        'console.reset': refusedTo('missed', 'the board restarted while U-Boot was at its prompt'),
        transferStalled: {
          target: 'missed',
          actions: { type: 'keep', params: ({ event }) => ({ fault: event.fault, retry: true }) },
        },
      },
      initial: 'commanding',
      states: {
        commanding: {
          description: 'none of it starts anything: what boots now was not told to',
          on: {
            'console.autoboot': refusedTo(
              '#boot-u-boot.missed',
              "U-Boot's countdown began after what looked like its prompt",
            ),
            'console.handOver': refusedTo(
              '#boot-u-boot.missed',
              'U-Boot ran its stored boot command before it was interrupted',
            ),
            'console.xen': refusedTo(
              '#boot-u-boot.missed',
              'the board started Xen by itself before U-Boot was told to',
            ),
          },
          initial: 'choosing',
          states: {
            choosing: {
              always: [
                { guard: 'commandsLeft', target: 'preparing' },
                { guard: 'filesLeft', target: 'loading' },
                { target: '#boot-u-boot.prompt.starting' },
              ],
            },
            preparing: {
              invoke: {
                src: 'uBootCommand',
                input: ({ context }) => ({
                  command: currentCommand(context),
                  fetches: false,
                  world: context.world,
                }),
                onDone: [
                  faultTo('#boot-u-boot.failed'),
                  {
                    guard: { type: 'answerIsError', params: outputOf },
                    target: '#boot-u-boot.failed',
                    actions: {
                      type: 'refused',
                      params: ({ context, event }) => ({
                        what: `U-Boot refused \`${currentCommand(context)}\``,
                        line: event.output.answer,
                      }),
                    },
                  },
                  { target: 'choosing', actions: assign({ done: ({ context }) => context.done + 1 }) },
                ],
                onError: failsTo('#boot-u-boot.failed', 'prepare the boot', 'controller'),
              },
            },
            loading: {
              description: 'a file, or what a script fetches',
              invoke: {
                src: 'uBootLoad',
                input: ({ context }) => ({ ...currentLoad(context), world: context.world }),
                onDone: [
                  faultTo('#boot-u-boot.failed'),
                  { target: 'choosing', actions: assign({ loaded: ({ context }) => context.loaded + 1 }) },
                ],
                onError: failsTo('#boot-u-boot.failed', 'fetch files', 'controller'),
              },
            },
          },
        },
        starting: {
          invoke: {
            src: 'uBootStart',
            input: ({ context: { start, world } }) => ({ command: start, world }),
            onDone: [
              faultTo('#boot-u-boot.failed'),
              {
                target: '#boot-u-boot.handedOver',
                actions: assign({ xenSeen: ({ event }) => event.output.xenSeen }),
              },
            ],
            onError: failsTo('#boot-u-boot.failed', 'start Xen', 'controller'),
          },
        },
      },
    },
    handedOver: { type: 'final' },
    failed: { type: 'final' },
  },
});

/** The chart with its actors; what the charts below it share is given to each of them. */
export function bootUBootWith({ console, press, ask, type }: UBootActors) {
  const command = uBootCommand.provide({ actors: { console, ask } });
  return bootUBoot.provide({
    actors: {
      console,
      uBootPrompt: uBootPrompt.provide({ actors: { console, press } }),
      uBootCommand: command,
      uBootLoad: uBootLoad.provide({ actors: { uBootCommand: command } }),
      uBootStart: uBootStart.provide({ actors: { console, press, type } }),
    },
  });
}

function currentCommand({ commands, done }: UBootContext): string {
  return commands[done] ?? '';
}

function currentLoad(context: UBootContext): UBootLoad {
  return loadsOf(context)[context.loaded] ?? { command: '', load: [], isScript: false };
}

/** The files one by one, then the script that fetches the rest. */
function loadsOf({ load, script }: UBootInput): readonly UBootLoad[] {
  return [...load.map(fetchOf), ...(script === undefined ? [] : [{ ...script, isScript: true }])];
}
