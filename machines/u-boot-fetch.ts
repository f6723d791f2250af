/** One file that U-Boot fetches at its prompt: what it says of the size must be the file's. */
import { assign, setup } from 'xstate';
import type { Deadlines } from '../src/board/board-type.ts';
import type { PartOutput } from './boot-attempt.ts';
import { failing, type Fault, failure, shown } from './fault.ts';
import {
  countCommand,
  isCountGarbled,
  isCountOf,
  linkTrouble,
  loadError,
  missing,
  type UBootFile,
  withoutLink,
} from './u-boot-answers.ts';
import { uBootCommand } from './u-boot-command.ts';
import type { Witness } from './witness.ts';

export interface UBootFetchInput {
  readonly file: UBootFile;
  readonly deadlines: Deadlines;
  readonly witness: Witness;
}

interface UBootFetchContext extends UBootFetchInput, PartOutput {
  /** How often U-Boot was asked for the size of the file. */
  readonly counts: number;
}

const enduredGarbledCounts = 3;

export const uBootFetch = setup({
  types: {
    context: {} as UBootFetchContext,
    input: {} as UBootFetchInput,
    output: {} as PartOutput,
  },
  actors: { uBootCommand },
  actions: {
    keep: assign((_, { fault, retry }: PartOutput) => ({ fault, retry })),
    refused: assign({
      fault: ({ context }, params: { what: string; line: string }) =>
        shown(`\`${loadCommand(context.file)}\` ${params.what}`, params.line, 'infrastructure'),
    }),
    noLink: assign({
      fault: (_, params: { answer: string }) => withoutLink(params.answer),
      // The PHY may come up with the next power-on.
      retry: true,
    }),
    broken: assign({
      fault: (_, params: { attempt: string; error: unknown }) =>
        failure(params.attempt, params.error, 'controller'),
    }),
    noteCount: ({ context: { file, witness } }) =>
      witness.note?.(`the size of ${file.file} came garbled, and was asked for again: it is right`),
  },
  guards: {
    hasNoLink: (_, params: { answer: string }) => linkTrouble(params.answer) !== undefined,
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
          {
            guard: { type: 'hasNoLink', params: ({ event }) => event.output },
            target: 'failed',
            actions: { type: 'noLink', params: ({ event }) => event.output },
          },
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
          actions: { type: 'broken', params: failing('fetch a file') },
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
          actions: { type: 'broken', params: failing('fetch a file') },
        },
      },
    },
    loaded: { type: 'final' },
    failed: { type: 'final' },
  },
});

/** Command that fetches a file. */
export function loadCommand({ file, address }: Pick<UBootFile, 'file' | 'address'>): string {
  return `tftpboot 0x${address.toString(16)} ${file}`;
}
