/**
 * One attempt to get from power on to the hand-over by U-Boot: the countdown is interrupted when the console shows it,
 * then come the commands that prepare, the files, the script that fetches the rest, and the start of Xen.
 */
import { assign, sendTo, setup } from 'xstate';
import type { AttemptOutput, PartOutput, PoweredOn } from './boot-attempt.ts';
import { type ConsoleEvent, told } from './console-event.ts';
import type { TransferStalled } from './deploy.ts';
import { failing, type Fault, failure, shown } from './fault.ts';
import { placeholderCallback, type placeholderPromise } from './placeholder.ts';
import { errorLine, type UBootFile } from './u-boot-answers.ts';
import { uBootCommand } from './u-boot-command.ts';
import { uBootFetch } from './u-boot-fetch.ts';
import { uBootPrompt, type UBootPromptInput } from './u-boot-prompt.ts';
import { type UBootScript, uBootScript } from './u-boot-script.ts';
import { uBootStart } from './u-boot-start.ts';

export interface UBootInput extends UBootPromptInput {
  /** Typed before the files are loaded, in order: they set the environment. */
  readonly commands: readonly string[];
  readonly load: readonly UBootFile[];
  /** Where a script fetches the rest: what runs it, and what has to come then. */
  readonly script?: UBootScript;
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
  /** Commands that are done, then files that are loaded. */
  readonly done: number;
  readonly loaded: number;
  readonly scriptDone: boolean;
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
    uBootFetch,
    uBootScript,
    uBootStart,
  },
  actions: {
    refused: assign({
      fault: (_, params: { what: string; line: string }) => shown(params.what, params.line, 'infrastructure'),
    }),
    /** A chart ends with its output, whatever happens: one that does not is itself at fault. */
    broken: assign({
      fault: (_, params: { attempt: string; error: unknown }) =>
        failure(params.attempt, params.error, 'controller'),
    }),
    keep: assign((_, { fault, retry }: PartOutput) => ({ fault, retry })),
  },
  guards: {
    isFault: (_, params: { fault: Fault | null }) => params.fault !== null,
    commandsLeft: ({ context }) => context.done < context.commands.length,
    filesLeft: ({ context }) => context.loaded < context.load.length,
    scriptLeft: ({ context }) => context.script !== undefined && !context.scriptDone,
    answerIsError: (_, params: { answer: string }) => errorLine(params.answer) !== undefined,
  },
}).createMachine({
  id: 'boot-u-boot',
  context: ({ input }) => ({
    ...input,
    done: 0,
    loaded: 0,
    scriptDone: false,
    xenSeen: false,
    fault: null,
    retry: false,
  }),
  output: ({ context }) => ({ fault: context.fault, retry: context.retry, xenSeen: context.xenSeen }),
  invoke: { src: 'console' },
  on: {
    'console.gap': {
      target: '.missed',
      actions: { type: 'refused', params: told('the console was lost') },
    },
  },
  initial: 'toPrompt',
  states: {
    toPrompt: {
      description: 'the switch turns, and the countdown is interrupted',
      on: { poweredOn: { actions: sendTo('prompt', ({ event }) => event) } },
      invoke: {
        id: 'prompt',
        src: 'uBootPrompt',
        input: ({ context: { deadlines, witness, isPowered, interrupt } }) => ({
          deadlines,
          witness,
          isPowered,
          interrupt,
        }),
        onDone: [
          {
            guard: { type: 'isFault', params: ({ event }) => event.output },
            target: 'failed',
            actions: { type: 'keep', params: ({ event }) => event.output },
          },
          { target: 'prompt' },
        ],
        onError: { target: 'failed', actions: { type: 'broken', params: failing('reach the prompt') } },
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
        'console.reset': {
          target: 'missed',
          actions: { type: 'refused', params: told('the board restarted while U-Boot was at its prompt') },
        },
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
            'console.autoboot': {
              target: '#boot-u-boot.missed',
              actions: {
                type: 'refused',
                params: told("U-Boot's countdown began after what looked like its prompt"),
              },
            },
            'console.handOver': {
              target: '#boot-u-boot.missed',
              actions: {
                type: 'refused',
                params: told('U-Boot ran its stored boot command before it was interrupted'),
              },
            },
            'console.xen': {
              target: '#boot-u-boot.missed',
              actions: {
                type: 'refused',
                params: told('the board started Xen by itself before U-Boot was told to'),
              },
            },
          },
          initial: 'choosing',
          states: {
            choosing: {
              always: [
                { guard: 'commandsLeft', target: 'preparing' },
                { guard: 'filesLeft', target: 'loading' },
                { guard: 'scriptLeft', target: 'running' },
                { target: '#boot-u-boot.prompt.starting' },
              ],
            },
            preparing: {
              invoke: {
                src: 'uBootCommand',
                input: ({ context }) => ({
                  command: currentCommand(context),
                  fetches: false,
                  deadlines: context.deadlines,
                  witness: context.witness,
                }),
                onDone: [
                  {
                    guard: { type: 'isFault', params: ({ event }) => event.output },
                    target: '#boot-u-boot.failed',
                    actions: { type: 'keep', params: ({ event }) => event.output },
                  },
                  {
                    guard: { type: 'answerIsError', params: ({ event }) => event.output },
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
                onError: {
                  target: '#boot-u-boot.failed',
                  actions: { type: 'broken', params: failing('prepare the boot') },
                },
              },
            },
            loading: {
              invoke: {
                src: 'uBootFetch',
                input: ({ context }) => ({
                  file: currentFile(context),
                  deadlines: context.deadlines,
                  witness: context.witness,
                }),
                onDone: [
                  {
                    guard: { type: 'isFault', params: ({ event }) => event.output },
                    target: '#boot-u-boot.failed',
                    actions: { type: 'keep', params: ({ event }) => event.output },
                  },
                  { target: 'choosing', actions: assign({ loaded: ({ context }) => context.loaded + 1 }) },
                ],
                onError: {
                  target: '#boot-u-boot.failed',
                  actions: { type: 'broken', params: failing('fetch a file') },
                },
              },
            },
            running: {
              description: 'a script fetches what is left',
              invoke: {
                src: 'uBootScript',
                input: ({ context }) => ({
                  ...currentScript(context),
                  deadlines: context.deadlines,
                  witness: context.witness,
                }),
                onDone: [
                  {
                    guard: { type: 'isFault', params: ({ event }) => event.output },
                    target: '#boot-u-boot.failed',
                    actions: { type: 'keep', params: ({ event }) => event.output },
                  },
                  { target: 'choosing', actions: assign({ scriptDone: true }) },
                ],
                onError: {
                  target: '#boot-u-boot.failed',
                  actions: { type: 'broken', params: failing('run the script') },
                },
              },
            },
          },
        },
        starting: {
          invoke: {
            src: 'uBootStart',
            input: ({ context: { start, deadlines, witness } }) => ({ command: start, deadlines, witness }),
            onDone: [
              {
                guard: { type: 'isFault', params: ({ event }) => event.output },
                target: '#boot-u-boot.failed',
                actions: { type: 'keep', params: ({ event }) => event.output },
              },
              {
                target: '#boot-u-boot.handedOver',
                actions: assign({ xenSeen: ({ event }) => event.output.xenSeen }),
              },
            ],
            onError: {
              target: '#boot-u-boot.failed',
              actions: { type: 'broken', params: failing('start Xen') },
            },
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
      uBootFetch: uBootFetch.provide({ actors: { uBootCommand: command } }),
      uBootScript: uBootScript.provide({ actors: { uBootCommand: command } }),
      uBootStart: uBootStart.provide({ actors: { console, press, type } }),
    },
  });
}

function currentCommand({ commands, done }: UBootContext): string {
  return commands[done] ?? '';
}

function currentFile({ load, loaded }: UBootContext): UBootFile {
  return load[loaded] ?? { file: '', address: 0, size: 0 };
}

function currentScript({ script }: UBootContext): UBootScript {
  return script ?? { command: '', load: [] };
}
