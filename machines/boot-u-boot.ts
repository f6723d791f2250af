/**
 * One attempt to get from power on to the hand-over by U-Boot: the countdown is interrupted when the console shows it,
 * then come the commands that prepare, the files, the script that fetches the rest, and the start of Xen.
 */
import { assign, setup } from 'xstate';
import type { Deadlines } from '../src/board/board-type.ts';
import type { AttemptOutput, PoweredOn } from './boot-attempt.ts';
import type { ConsoleEvent } from './console-event.ts';
import type { TransferStalled } from './deploy.ts';
import { expired, type Fault, failure, shown, type Wait } from './fault.ts';
import { givenCallback, givenPromise } from './given.ts';
import { errorLine, type UBootFile } from './u-boot-answers.ts';
import { uBootCommand } from './u-boot-command.ts';
import { uBootFetch, type UBootWorkOutput } from './u-boot-fetch.ts';
import { type UBootScript, uBootScript } from './u-boot-script.ts';
import type { Witness } from './witness.ts';

export interface UBootInput {
  readonly deadlines: Deadlines;
  readonly witness: Witness;
  /** The board has power already: another boot loader has gone before. */
  readonly isPowered: boolean;
  /** What is typed into the countdown. */
  readonly interrupt: string;
  /** Typed before the files are loaded, in order: they set the environment. */
  readonly commands: readonly string[];
  readonly load: readonly UBootFile[];
  /** Where a script fetches the rest: what runs it, and what has to come then. */
  readonly script?: UBootScript;
  /** The command that starts Xen. */
  readonly start: string;
}

/** What the charts of U-Boot do, as the run gives it. */
export interface UBootActors {
  readonly console: ReturnType<typeof givenCallback<ConsoleEvent>>;
  /** Writes text as it is, without a newline. */
  readonly press: ReturnType<typeof givenPromise<void, { text: string }>>;
  /** Types a command, echo checked; resolves with its answer once the prompt is back. */
  readonly ask: ReturnType<typeof givenPromise<string, { command: string }>>;
  /** Types a command, echo checked, without Enter. */
  readonly type: ReturnType<typeof givenPromise<void, { command: string }>>;
}

interface UBootContext extends UBootInput {
  /** Commands that are done, then files that are loaded. */
  readonly done: number;
  readonly loaded: number;
  readonly scriptDone: boolean;
  /** Xen's own lines came, and not the hand-over's. */
  readonly xenSeen: boolean;
  readonly since: number;
  readonly fault: Fault | null;
  /** A prompt that was missed can be had by a power cycle; what is refused at it is refused again. */
  readonly retry: boolean;
}

const waits = {
  output: { for: 'the first sign of life of the boot loader', class: 'infrastructure' },
  countdown: { for: "U-Boot's countdown or prompt", class: 'infrastructure' },
  prompt: { for: "U-Boot's prompt", class: 'infrastructure' },
  handOver: { for: "U-Boot's `Starting kernel`", class: 'infrastructure' },
} as const satisfies Record<string, Wait>;

export const bootUBoot = setup({
  types: {
    context: {} as UBootContext,
    input: {} as UBootInput,
    output: {} as AttemptOutput,
    events: {} as PoweredOn | ConsoleEvent | TransferStalled,
  },
  actors: {
    console: givenCallback<ConsoleEvent>('console'),
    press: givenPromise<void, { text: string }>('press'),
    type: givenPromise<void, { command: string }>('type'),
    uBootCommand,
    uBootFetch,
    uBootScript,
  },
  actions: {
    enter: assign({ since: ({ context }) => context.witness.now() }),
    expired: assign({
      fault: ({ context }, wait: Wait) => expired(wait, context.since, context.witness),
    }),
    refused: assign({
      fault: (_, params: { what: string; line: string }) => shown(params.what, params.line, 'infrastructure'),
    }),
    failed: assign({
      fault: (_, params: { attempt: string; error: unknown; class?: Fault['class'] }) =>
        failure(params.attempt, params.error, params.class),
    }),
    keep: assign((_, { fault, retry }: UBootWorkOutput) => ({ fault, retry })),
    note: ({ context }, params: { text: string }) => context.witness.note?.(params.text),
  },
  guards: {
    isPowered: ({ context }) => context.isPowered,
    isFault: (_, params: { fault: Fault | null }) => params.fault !== null,
    commandsLeft: ({ context }) => context.done < context.commands.length,
    filesLeft: ({ context }) => context.loaded < context.load.length,
    scriptLeft: ({ context }) => context.script !== undefined && !context.scriptDone,
    answerIsError: (_, params: { answer: string }) => errorLine(params.answer) !== undefined,
  },
  delays: {
    firstOutput: ({ context }) => context.deadlines.firstOutput,
    bootLoader: ({ context }) => context.deadlines.bootLoader,
    xenBanner: ({ context }) => context.deadlines.xenBanner,
    retype: 1000,
  },
}).createMachine({
  id: 'boot-u-boot',
  context: ({ input }) => ({
    ...input,
    done: 0,
    loaded: 0,
    scriptDone: false,
    xenSeen: false,
    since: 0,
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
      on: {
        'console.autoboot': '.interrupting',
        'console.prompt': 'prompt',
        // The countdown ran out: whatever the stored boot command starts is not what this run deploys.
        'console.handOver': {
          target: 'missed',
          actions: {
            type: 'refused',
            params: told('U-Boot ran its stored boot command before it was interrupted'),
          },
        },
        'console.xen': {
          target: 'missed',
          actions: {
            type: 'refused',
            params: told('the board started Xen by itself before U-Boot was interrupted'),
          },
        },
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
            firstOutput: {
              target: '#boot-u-boot.missed',
              actions: { type: 'expired', params: waits.output },
            },
          },
        },
        waitingForCountdown: {
          entry: 'enter',
          after: {
            bootLoader: {
              target: '#boot-u-boot.missed',
              actions: { type: 'expired', params: waits.countdown },
            },
          },
        },
        interrupting: {
          description: 'the key is pressed at what the console shows, and again while no prompt follows',
          entry: 'enter',
          on: { 'console.autoboot': {} },
          after: {
            bootLoader: { target: '#boot-u-boot.missed', actions: { type: 'expired', params: waits.prompt } },
          },
          initial: 'pressing',
          states: {
            pressing: {
              invoke: {
                src: 'press',
                input: ({ context }) => ({ text: context.interrupt }),
                onDone: 'looking',
                onError: {
                  target: '#boot-u-boot.failed',
                  actions: {
                    type: 'failed',
                    params: ({ event }) => ({ attempt: 'interrupt the countdown', error: event.error }),
                  },
                },
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
                onError: {
                  target: '#boot-u-boot.failed',
                  actions: {
                    type: 'failed',
                    params: ({ event }) => ({ attempt: 'ask for the prompt', error: event.error }),
                  },
                },
              },
            },
          },
        },
      },
    },
    missed: {
      description: 'a power cycle may bring the prompt, or the file, after all',
      type: 'final',
      entry: assign({ retry: true }),
    },
    prompt: {
      description: 'at the prompt, one command at a time',
      entry: assign({ fault: null }),
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
      initial: 'choosing',
      states: {
        choosing: {
          always: [
            { guard: 'commandsLeft', target: 'preparing' },
            { guard: 'filesLeft', target: 'loading' },
            { guard: 'scriptLeft', target: 'running' },
            { target: 'starting' },
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
              actions: { type: 'failed', params: broken('prepare the boot') },
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
              actions: { type: 'failed', params: broken('fetch a file') },
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
              actions: { type: 'failed', params: broken('run the script') },
            },
          },
        },
        starting: {
          entry: 'enter',
          on: {
            'console.handOver': '#boot-u-boot.handedOver',
            'console.xen': { target: '#boot-u-boot.handedOver', actions: assign({ xenSeen: true }) },
          },
          after: {
            xenBanner: {
              target: '#boot-u-boot.failed',
              actions: { type: 'expired', params: waits.handOver },
            },
          },
          initial: 'typing',
          states: {
            typing: {
              description: 'until Enter is pressed, a prompt is that after what was typed and dropped',
              invoke: {
                src: 'type',
                input: ({ context }) => ({ command: context.start }),
                onDone: 'waiting',
                onError: {
                  target: '#boot-u-boot.failed',
                  actions: {
                    type: 'failed',
                    params: ({ context, event }) => ({
                      attempt: `type \`${context.start}\``,
                      error: event.error,
                    }),
                  },
                },
              },
            },
            waiting: {
              invoke: {
                src: 'press',
                input: { text: '\r' },
                onError: {
                  target: '#boot-u-boot.failed',
                  actions: {
                    type: 'failed',
                    params: ({ context, event }) => ({
                      attempt: `start \`${context.start}\``,
                      error: event.error,
                    }),
                  },
                },
              },
              on: {
                'console.prompt': {
                  target: '#boot-u-boot.failed',
                  actions: {
                    type: 'refused',
                    params: ({ context }) => ({
                      what: `U-Boot did not start \`${context.start}\``,
                      line: context.witness.lastLines().slice(-3).join(' / '),
                    }),
                  },
                },
              },
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
      press,
      type,
      uBootCommand: command,
      uBootFetch: uBootFetch.provide({ actors: { uBootCommand: command } }),
      uBootScript: uBootScript.provide({ actors: { uBootCommand: command } }),
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

/** The fault that a line of the console is. */
function told(what: string) {
  return ({ event: { line } }: { readonly event: { readonly line: string } }) => ({ what, line });
}

/** A chart ends without a fault, or with one: where it does neither, it is itself at fault. */
function broken(attempt: string) {
  return ({ event: { error } }: { readonly event: { readonly error: unknown } }) => ({
    attempt,
    error,
    class: 'controller' as const,
  });
}
