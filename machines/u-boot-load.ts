/**
 * Files that one command of U-Boot fetches at its prompt, or a script: what it tells of their sizes must be theirs,
 * before Xen is started.
 */
import { assign, setup } from 'xstate';
import type { PartOutput } from './boot-attempt.ts';
import { type Failing, type Fault, failure, shown } from './fault.ts';
import {
  countCommand,
  errorLine,
  isAnyCountGarbled,
  isCountGarbled,
  isCountOf,
  linkTrouble,
  loadError,
  missing,
  type UBootFile,
  withoutLink,
} from './u-boot-answers.ts';
import { uBootCommand } from './u-boot-command.ts';
import type { World } from './world.ts';
import { failsTo, faultTo, outputOf } from './transitions.ts';

export interface UBootLoad {
  readonly command: string;
  readonly load: readonly UBootFile[];
  /** It does and tells the same each time that it is run; U-Boot counts the last of its files alone. */
  readonly isScript: boolean;
}

export interface UBootLoadInput extends UBootLoad {
  readonly world: World;
}

interface UBootLoadContext extends UBootLoadInput, PartOutput {
  /** How often what U-Boot told of the sizes came garbled. */
  readonly garbled: number;
}

const enduredGarbledSizes = 3;

type Answer = { readonly answer: string };

export const uBootLoad = setup({
  types: {
    context: {} as UBootLoadContext,
    input: {} as UBootLoadInput,
    output: {} as PartOutput,
  },
  actors: { uBootCommand },
  actions: {
    keep: assign((_, { fault, retry }: PartOutput) => ({ fault, retry })),
    refused: assign({
      fault: ({ context: { command, load, isScript } }, { answer }: Answer) =>
        shown(
          `\`${command}\` did not load the file${isScript ? 's' : ''}`,
          loadError(answer, load),
          'infrastructure',
        ),
    }),
    uncounted: assign({
      fault: ({ context: { command } }, { answer }: Answer) =>
        shown(
          `\`${command}\` may not have loaded the file: U-Boot's count of its bytes comes garbled`,
          answer,
          'infrastructure',
        ),
    }),
    noLink: assign({
      fault: (_, { answer }: Answer) => withoutLink(answer),
      // The PHY may come up with the next power-on.
      retry: true,
    }),
    failed: assign({
      fault: (_, params: Failing) => failure(params.attempt, params.error, params.class),
    }),
    noteAgain: ({ context: { command, world } }) =>
      world.note?.(`\`${command}\` is run again: the sizes that it told came garbled`),
    noteCount: ({ context: { load, world } }) =>
      world.note?.(`the size of ${load[0]?.file} came garbled, and was asked for again: it is right`),
    countGarbled: assign({ garbled: ({ context }) => context.garbled + 1 }),
  },
  guards: {
    hasNoLink: (_, { answer }: Answer) => linkTrouble(answer) !== undefined,
    isFault: (_, params: { fault: Fault | null }) => params.fault !== null,
    isWhole: ({ context: { load, isScript } }, { answer }: Answer) =>
      missing(answer, load) === undefined && !(isScript && errorLine(answer) !== undefined),
    isCountGarbled: ({ context }, { answer }: Answer) => !context.isScript && isCountGarbled(answer),
    isCount: ({ context: { load } }, { answer }: Answer) => load.every(file => isCountOf(answer, file)),
    mayRunAgain: ({ context: { isScript, garbled } }, { answer }: Answer) =>
      isScript && garbled < enduredGarbledSizes && isAnyCountGarbled(answer),
    mayCountAgain: ({ context }) => context.garbled < enduredGarbledSizes,
  },
}).createMachine({
  id: 'u-boot-load',
  context: ({ input }) => ({ ...input, garbled: 0, fault: null, retry: false }),
  output: ({ context: { fault, retry } }) => ({ fault, retry }),
  initial: 'loading',
  states: {
    loading: {
      invoke: {
        src: 'uBootCommand',
        input: ({ context: { command, world } }) => ({ command, fetches: true, world }),
        onDone: [
          faultTo('failed'),
          { guard: { type: 'isWhole', params: outputOf }, target: 'loaded' },
          {
            guard: { type: 'hasNoLink', params: outputOf },
            target: 'failed',
            actions: { type: 'noLink', params: outputOf },
          },
          {
            guard: { type: 'mayRunAgain', params: outputOf },
            target: 'loading',
            reenter: true,
            actions: ['countGarbled', 'noteAgain'],
          },
          { guard: { type: 'isCountGarbled', params: outputOf }, target: 'counting' },
          { target: 'failed', actions: { type: 'refused', params: outputOf } },
        ],
        onError: failsTo('failed', 'fetch files', 'controller'),
      },
    },
    counting: {
      description: 'what U-Boot said of the size did not come whole: it is asked what it has counted',
      entry: 'countGarbled',
      invoke: {
        src: 'uBootCommand',
        input: ({ context: { world } }) => ({ command: countCommand, fetches: false, world }),
        onDone: [
          faultTo('failed'),
          { guard: { type: 'isCount', params: outputOf }, target: 'loaded', actions: 'noteCount' },
          { guard: 'mayCountAgain', target: 'counting', reenter: true },
          { target: 'failed', actions: { type: 'uncounted', params: outputOf } },
        ],
        onError: failsTo('failed', 'fetch files', 'controller'),
      },
    },
    loaded: { type: 'final' },
    failed: { type: 'final' },
  },
});

/** The command that fetches one file. */
export function fetchOf(file: UBootFile): UBootLoad {
  return { command: loadCommand(file), load: [file], isScript: false };
}

/** @returns `tftpboot ADDRESS FILE` */
export function loadCommand({ file, address }: Pick<UBootFile, 'file' | 'address'>): string {
  return `tftpboot 0x${address.toString(16)} ${file}`;
}
