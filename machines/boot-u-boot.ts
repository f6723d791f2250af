/**
 * One attempt to get from power on to the hand-over by U-Boot: the countdown is interrupted when the console shows it,
 * every file is fetched by a command whose answer is read, then Xen is started.
 */
import { assign, setup } from 'xstate';
import type { Deadlines } from '../src/board/board-type.ts';
import type { AttemptOutput, PoweredOn } from './boot-attempt.ts';
import type { ConsoleEvent } from './console-event.ts';
import type { TransferStalled } from './deploy.ts';
import { expired, type Fault, failure, shown, type Wait } from './fault.ts';
import { givenCallback, givenPromise } from './given.ts';
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
  /** `size` in bytes is what U-Boot must say that it has transferred. */
  readonly load: readonly UBootFile[];
  /** Where a script fetches the rest: what runs it, and what has to come then. */
  readonly script?: UBootScript;
  /** The command that starts Xen. */
  readonly start: string;
}

export interface UBootFile {
  readonly file: string;
  readonly address: number;
  readonly size: number;
}

export interface UBootScript {
  readonly command: string;
  readonly load: readonly UBootFile[];
}

interface UBootContext extends UBootInput {
  /** Commands that are done, then files that are loaded. */
  readonly done: number;
  readonly loaded: number;
  readonly scriptDone: boolean;
  readonly refusals: number;
  /** How often U-Boot was asked for the size of the file that it has loaded. */
  readonly counts: number;
  /** Xen's own lines came, and not the hand-over's. */
  readonly xenSeen: boolean;
  readonly since: number;
  readonly fault: Fault | null;
  /** A prompt that was missed can be had by a power cycle; what is refused at it is refused again. */
  readonly retry: boolean;
}

/** `TFTP server died; starting again` and its like are endured this often per file. */
const enduredRefusals = 3;

/** What U-Boot has counted of the last file, in hexadecimal (net/net.c, net_start_again and its callers). */
const countCommand = 'printenv filesize';

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
    /** Writes text as it is, without a newline. */
    press: givenPromise<void, { text: string }>('press'),
    /** Types a command, echo checked; resolves with its answer once the prompt is back. */
    ask: givenPromise<string, { command: string }>('ask'),
    /** Types a command, echo checked, without Enter. */
    type: givenPromise<void, { command: string }>('type'),
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
      fault: (_, params: { attempt: string; error: unknown }) => failure(params.attempt, params.error),
    }),
    keep: assign({ fault: (_, params: { fault: Fault | null }) => params.fault }),
    note: ({ context }, params: { text: string }) => context.witness.note?.(params.text),
  },
  guards: {
    isPowered: ({ context }) => context.isPowered,
    commandsLeft: ({ context }) => context.done < context.commands.length,
    filesLeft: ({ context }) => context.loaded < context.load.length,
    answerIsError: (_, params: { answer: string }) => errorLine(params.answer) !== undefined,
    wholeFile: ({ context }, params: { answer: string }) =>
      missing(params.answer, [currentFile(context)]) === undefined,
    scriptLeft: ({ context }) => context.script !== undefined && !context.scriptDone,
    wholeScript: ({ context }, params: { answer: string }) =>
      missing(params.answer, context.script?.load ?? []) === undefined &&
      errorLine(params.answer) === undefined,
    countIsGarbled: (_, params: { answer: string }) =>
      errorLine(params.answer) === undefined && saidTwice(params.answer) === undefined,
    isCount: ({ context }, params: { answer: string }) =>
      params.answer.split(/\r?\n/).includes(`filesize=${currentFile(context).size.toString(16)}`),
    /** A script says the same, and does the same, each time that it is run. */
    mayRunAgain: ({ context }, params: { answer: string }) =>
      context.counts < enduredRefusals &&
      errorLine(params.answer) === undefined &&
      hasGarbledCount(params.answer),
    mayCountAgain: ({ context }) => context.counts < enduredRefusals,
    tooManyRefusals: ({ context }) => context.refusals >= enduredRefusals,
  },
  delays: {
    firstOutput: ({ context }) => context.deadlines.firstOutput,
    bootLoader: ({ context }) => context.deadlines.bootLoader,
    deploy: ({ context }) => context.deadlines.deploy,
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
    refusals: 0,
    counts: 0,
    xenSeen: false,
    since: 0,
    fault: null,
    retry: false,
  }),
  output: ({ context }) => ({ fault: context.fault, retry: context.retry, xenSeen: context.xenSeen }),
  invoke: { src: 'console' },
  initial: 'toPrompt',
  states: {
    toPrompt: {
      on: {
        'console.gap': {
          target: 'missed',
          actions: {
            type: 'refused',
            params: ({ event }) => ({ what: 'the console was lost', line: event.line }),
          },
        },
        'console.autoboot': '.interrupting',
        'console.prompt': 'prompt',
        // The countdown ran out: whatever the stored boot command starts is not what this run deploys.
        'console.handOver': {
          target: 'missed',
          actions: {
            type: 'refused',
            params: ({ event }) => ({
              what: 'U-Boot ran its stored boot command before it was interrupted',
              line: event.line,
            }),
          },
        },
        'console.xen': {
          target: 'missed',
          actions: {
            type: 'refused',
            params: ({ event }) => ({
              what: 'the board started Xen by itself before U-Boot was interrupted',
              line: event.line,
            }),
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
        'console.gap': {
          target: 'missed',
          actions: {
            type: 'refused',
            params: ({ event }) => ({ what: 'the console was lost', line: event.line }),
          },
        },
        'console.reset': {
          target: 'missed',
          actions: {
            type: 'refused',
            params: ({ event }) => ({
              what: 'the board restarted while U-Boot was at its prompt',
              line: event.line,
            }),
          },
        },
        transferStalled: {
          target: 'missed',
          actions: { type: 'keep', params: ({ event }) => ({ fault: event.fault }) },
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
          entry: 'enter',
          invoke: {
            src: 'ask',
            input: ({ context }) => ({ command: currentCommand(context) }),
            onDone: [
              {
                guard: {
                  type: 'answerIsError',
                  params: ({ event }) => ({ answer: event.output }),
                },
                target: '#boot-u-boot.failed',
                actions: {
                  type: 'refused',
                  params: ({ context, event }) => ({
                    what: `U-Boot refused \`${currentCommand(context)}\``,
                    line: event.output,
                  }),
                },
              },
              { target: 'choosing', actions: assign({ done: ({ context }) => context.done + 1 }) },
            ],
            onError: {
              target: '#boot-u-boot.failed',
              actions: {
                type: 'failed',
                params: ({ context, event }) => ({
                  attempt: `type \`${currentCommand(context)}\``,
                  error: event.error,
                }),
              },
            },
          },
          after: {
            bootLoader: {
              target: '#boot-u-boot.failed',
              actions: {
                type: 'expired',
                params: ({ context }) => ({
                  ...waits.prompt,
                  for: `the prompt after \`${currentCommand(context)}\``,
                }),
              },
            },
          },
        },
        loading: {
          entry: ['enter', assign({ refusals: 0 })],
          invoke: {
            src: 'ask',
            input: ({ context }) => ({ command: loadCommand(currentFile(context)) }),
            onDone: [
              {
                guard: { type: 'wholeFile', params: ({ event }) => ({ answer: event.output }) },
                target: 'choosing',
                actions: assign({ loaded: ({ context }) => context.loaded + 1 }),
              },
              {
                guard: { type: 'countIsGarbled', params: ({ event }) => ({ answer: event.output }) },
                target: 'counting',
              },
              {
                target: '#boot-u-boot.failed',
                actions: {
                  type: 'refused',
                  params: ({ context, event }) => ({
                    what: `\`${loadCommand(currentFile(context))}\` did not load the file`,
                    line: loadError(event.output, [currentFile(context)]),
                  }),
                },
              },
            ],
            onError: {
              target: '#boot-u-boot.failed',
              actions: {
                type: 'failed',
                params: ({ context, event }) => ({
                  attempt: `type \`${loadCommand(currentFile(context))}\``,
                  error: event.error,
                }),
              },
            },
          },
          on: {
            'console.refusal': [
              {
                guard: 'tooManyRefusals',
                target: '#boot-u-boot.missed',
                actions: {
                  type: 'refused',
                  params: ({ context, event }) => ({
                    what: `\`${loadCommand(currentFile(context))}\` does not get through`,
                    line: event.line,
                  }),
                },
              },
              { actions: assign({ refusals: ({ context }) => context.refusals + 1 }) },
            ],
          },
          after: {
            deploy: {
              target: '#boot-u-boot.failed',
              actions: {
                type: 'expired',
                params: ({ context }) => ({
                  ...waits.prompt,
                  for: `the end of \`${loadCommand(currentFile(context))}\``,
                }),
              },
            },
          },
        },
        counting: {
          description: 'what U-Boot said of the size did not come whole: it is asked what it has counted',
          entry: ['enter', assign({ counts: ({ context }) => context.counts + 1 })],
          invoke: {
            src: 'ask',
            input: { command: countCommand },
            onDone: [
              {
                guard: { type: 'isCount', params: ({ event }) => ({ answer: event.output }) },
                target: 'choosing',
                actions: [
                  {
                    type: 'note',
                    params: ({ context }) => ({
                      text: `the size of ${currentFile(context).file} came garbled, and was asked for again: it is right`,
                    }),
                  },
                  assign({ loaded: ({ context }) => context.loaded + 1, counts: 0 }),
                ],
              },
              { guard: 'mayCountAgain', target: 'counting', reenter: true },
              {
                target: '#boot-u-boot.failed',
                actions: {
                  type: 'refused',
                  params: ({ context, event }) => ({
                    what: `\`${loadCommand(currentFile(context))}\` may not have loaded the file: U-Boot's count of its bytes comes garbled`,
                    line: event.output,
                  }),
                },
              },
            ],
            onError: {
              target: '#boot-u-boot.failed',
              actions: {
                type: 'failed',
                params: ({ event }) => ({ attempt: `type \`${countCommand}\``, error: event.error }),
              },
            },
          },
          after: {
            bootLoader: {
              target: '#boot-u-boot.failed',
              actions: {
                type: 'expired',
                params: { ...waits.prompt, for: `the prompt after \`${countCommand}\`` },
              },
            },
          },
        },
        running: {
          description: 'a script fetches what is left; what came is read before Xen is started',
          entry: ['enter', assign({ refusals: 0 })],
          invoke: {
            src: 'ask',
            input: ({ context }) => ({ command: scriptOf(context).command }),
            onDone: [
              {
                guard: { type: 'wholeScript', params: ({ event }) => ({ answer: event.output }) },
                target: 'choosing',
                actions: assign({ scriptDone: true }),
              },
              {
                guard: { type: 'mayRunAgain', params: ({ event }) => ({ answer: event.output }) },
                target: 'running',
                reenter: true,
                actions: [
                  assign({ counts: ({ context }) => context.counts + 1 }),
                  {
                    type: 'note',
                    params: ({ context }) => ({
                      text: `\`${scriptOf(context).command}\` is run again: the sizes that it told came garbled`,
                    }),
                  },
                ],
              },
              {
                target: '#boot-u-boot.failed',
                actions: {
                  type: 'refused',
                  params: ({ context, event }) => ({
                    what: `\`${scriptOf(context).command}\` did not load the files`,
                    line: loadError(event.output, scriptOf(context).load),
                  }),
                },
              },
            ],
            onError: {
              target: '#boot-u-boot.failed',
              actions: {
                type: 'failed',
                params: ({ context, event }) => ({
                  attempt: `type \`${scriptOf(context).command}\``,
                  error: event.error,
                }),
              },
            },
          },
          on: {
            'console.refusal': [
              {
                guard: 'tooManyRefusals',
                target: '#boot-u-boot.missed',
                actions: {
                  type: 'refused',
                  params: ({ context, event }) => ({
                    what: `\`${scriptOf(context).command}\` does not get through`,
                    line: event.line,
                  }),
                },
              },
              { actions: assign({ refusals: ({ context }) => context.refusals + 1 }) },
            ],
          },
          after: {
            deploy: {
              target: '#boot-u-boot.failed',
              actions: {
                type: 'expired',
                params: ({ context }) => ({
                  ...waits.prompt,
                  for: `the end of \`${scriptOf(context).command}\``,
                }),
              },
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

function currentCommand(context: UBootContext): string {
  return context.commands[context.done] ?? '';
}

function currentFile(context: UBootContext): UBootFile {
  return context.load[context.loaded] ?? { file: '', address: 0, size: 0 };
}

/** What is typed to have a file fetched. */
export function loadCommand({ file, address }: Pick<UBootFile, 'file' | 'address'>): string {
  return `tftpboot 0x${address.toString(16)} ${file}`;
}

/** The number that is said twice, the same, so that no digit of it was lost, whatever became of the words. */
function saidTwice(text: string): number | undefined {
  const [, decimal, hexadecimal] = /(\d+) \(([0-9a-f]+) hex\)/.exec(text) ?? [];
  return Number(decimal) === Number(`0x${hexadecimal}`) ? Number(decimal) : undefined;
}

/** Whether something like a count is there that does not say its number twice. */
function hasGarbledCount(answer: string): boolean {
  return answer
    .split(/\r?\n/)
    .some(line => /transf|sferred|hex\)/.test(line) && saidTwice(line) === undefined);
}

function scriptOf({ script }: UBootContext): UBootScript {
  return script ?? { command: '', load: [] };
}

/** The first of the files that did not come whole, with the bytes of it that did. */
function missing(
  answer: string,
  load: readonly UBootFile[],
): { readonly file: UBootFile; readonly bytes: number | undefined } | undefined {
  const sizes = transferred(answer);
  const index = load.findIndex(({ size }, at) => sizes[at] !== size);
  const file = load[index];
  return file === undefined ? undefined : { file, bytes: sizes[index] };
}

/** U-Boot's `Bytes transferred = N (hex hex)`, one a file (net/net.c, net_start_again and its callers). */
function transferred(answer: string): number[] {
  return answer.split(/\r?\n/).flatMap(line => {
    const [, bytes] = /Bytes transferred = (\d+) \(/.exec(line) ?? [];
    return saidTwice(line) ?? (bytes === undefined ? [] : Number(bytes));
  });
}

/** What cannot be taken away was not there: that is no error. */
const errors =
  /^(## Error|Unknown command|ERROR|Usage:|libfdt (?!fdt_delprop))|TFTP error|Retry count exceeded|Abort/;

function errorLine(answer: string): string | undefined {
  return answer.split(/\r?\n/).find(line => errors.test(line));
}

function loadError(answer: string, load: readonly UBootFile[]): string {
  const found = missing(answer, load);
  if (found?.bytes !== undefined)
    return `${found.bytes} bytes came, ${found.file.file} has ${found.file.size}`;
  return errorLine(answer) ?? answer.trim().split(/\r?\n/).slice(-2).join(' / ');
}
