/** One file that U-Boot fetches at its prompt: what it says of the size must be the file's. */
import { assign, setup } from 'xstate';
import type { Deadlines } from '../src/board/board-type.ts';
import { type Fault, failure, shown } from './fault.ts';
import {
  countCommand,
  isCountGarbled,
  isCountOf,
  loadError,
  missing,
  type UBootFile,
} from './u-boot-answers.ts';
import { uBootCommand } from './u-boot-command.ts';
import type { Witness } from './witness.ts';

export interface UBootFetchInput {
  readonly file: UBootFile;
  readonly deadlines: Deadlines;
  readonly witness: Witness;
}

/** How work at the prompt ends: without a fault, the next may follow. */
export interface UBootWorkOutput {
  readonly fault: Fault | null;
  /** Whether a power cycle may mend the fault. */
  readonly retry: boolean;
}

interface UBootFetchContext extends UBootFetchInput, UBootWorkOutput {
  /** How often U-Boot was asked for the size of the file. */
  readonly counts: number;
}

const enduredGarbledCounts = 3;

export const uBootFetch = setup({
  types: {
    context: {} as UBootFetchContext,
    input: {} as UBootFetchInput,
    output: {} as UBootWorkOutput,
  },
  actors: { uBootCommand },
  actions: {
    keep: assign((_, { fault, retry }: UBootWorkOutput) => ({ fault, retry })),
    refused: assign({
      fault: ({ context }, params: { what: string; line: string }) =>
        shown(`\`${loadCommand(context.file)}\` ${params.what}`, params.line, 'infrastructure'),
    }),
    broken: assign({
      fault: (_, params: { error: unknown }) => failure('fetch a file', params.error, 'controller'),
    }),
    noteCount: ({ context: { file, witness } }) =>
      witness.note?.(`the size of ${file.file} came garbled, and was asked for again: it is right`),
  },
  guards: {
    isFault: (_, params: { fault: Fault | null }) => params.fault !== null,
    isWhole: ({ context }, params: { answer: string }) =>
      missing(params.answer, [context.file]) === undefined,
    isCountGarbled: (_, params: { answer: string }) => isCountGarbled(params.answer),
    isCount: ({ context }, params: { answer: string }) => isCountOf(params.answer, context.file),
    mayCountAgain: ({ context }) => context.counts < enduredGarbledCounts,
  },
}).createMachine({
  id: 'u-boot-fetch',
  context: ({ input }) => ({ ...input, counts: 0, fault: null, retry: false }),
  output: ({ context: { fault, retry } }) => ({ fault, retry }),
  initial: 'loading',
  states: {
    loading: {
      invoke: {
        src: 'uBootCommand',
        input: ({ context: { file, deadlines, witness } }) => ({
          command: loadCommand(file),
          fetches: true,
          deadlines,
          witness,
        }),
        onDone: [
          {
            guard: { type: 'isFault', params: ({ event }) => event.output },
            target: 'failed',
            actions: { type: 'keep', params: ({ event }) => event.output },
          },
          { guard: { type: 'isWhole', params: ({ event }) => event.output }, target: 'loaded' },
          { guard: { type: 'isCountGarbled', params: ({ event }) => event.output }, target: 'counting' },
          {
            target: 'failed',
            actions: {
              type: 'refused',
              params: ({ context, event }) => ({
                what: 'did not load the file',
                line: loadError(event.output.answer, [context.file]),
              }),
            },
          },
        ],
        onError: {
          target: 'failed',
          actions: { type: 'broken', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    counting: {
      description: 'what U-Boot said of the size did not come whole: it is asked what it has counted',
      entry: assign({ counts: ({ context }) => context.counts + 1 }),
      invoke: {
        src: 'uBootCommand',
        input: ({ context: { deadlines, witness } }) => ({
          command: countCommand,
          fetches: false,
          deadlines,
          witness,
        }),
        onDone: [
          {
            guard: { type: 'isFault', params: ({ event }) => event.output },
            target: 'failed',
            actions: { type: 'keep', params: ({ event }) => event.output },
          },
          {
            guard: { type: 'isCount', params: ({ event }) => event.output },
            target: 'loaded',
            actions: 'noteCount',
          },
          { guard: 'mayCountAgain', target: 'counting', reenter: true },
          {
            target: 'failed',
            actions: {
              type: 'refused',
              params: ({ event }) => ({
                what: "may not have loaded the file: U-Boot's count of its bytes comes garbled",
                line: event.output.answer,
              }),
            },
          },
        ],
        onError: {
          target: 'failed',
          actions: { type: 'broken', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    loaded: { type: 'final' },
    failed: { type: 'final' },
  },
});

/** What is typed to have a file fetched. */
export function loadCommand({ file, address }: Pick<UBootFile, 'file' | 'address'>): string {
  return `tftpboot 0x${address.toString(16)} ${file}`;
}
