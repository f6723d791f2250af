/**
 * The files of a run while the board fetches them: what was asked for, what is under way, what stands still.
 * It ends when the board has been handed over, and then every file must have been asked for.
 */
import { assign, sendParent, setup } from 'xstate';
import type { TftpEvent } from '../src/lab/drivers/tftp/tftp.ts';
import { type Failing, type Fault, failure } from './fault.ts';
import { placeholderCallback } from './placeholder.ts';
import type { World } from './world.ts';
import { eventOf, failsTo } from './transitions.ts';

export interface DeployInput {
  readonly world: World;
  /** Names that the board must have asked for by the hand-over. */
  readonly files: readonly string[];
}

/** A board's TFTP traffic as the machines see it: the server's events under one type. */
export type TransferEvent = { readonly type: 'transfer'; readonly transfer: TftpEvent };

/** Told by the run when the boot loader has passed the machine on to Xen. */
export interface HandedOver {
  readonly type: 'handedOver';
}

/** Told to the run: no packet of a transfer that is under way for too long. */
export interface TransferStalled {
  readonly type: 'transferStalled';
  readonly fault: Fault;
}

/** Told by the run: the board is power-cycled, and asks for everything again. */
export interface AttemptOver {
  readonly type: 'attemptOver';
}

/** Files that the board has fetched in the attempt that came to the hand-over. */
export interface Fetched {
  /** Names of the files that came whole; one that was asked for again is there once. */
  readonly files: readonly string[];
  /** Of all transfers that came whole. */
  readonly bytes: number;
  /** From the first request to the end of the last transfer. */
  readonly milliseconds: number;
}

interface DeployContext {
  readonly world: World;
  readonly files: readonly string[];
  readonly asked: readonly string[];
  /** Transfers under way: file and bytes by transfer number. */
  readonly underWay: ReadonlyMap<number, { readonly file: string; readonly bytes: number }>;
  readonly lastPacket: number;
  readonly fetched: Omit<Fetched, 'milliseconds'> & { readonly from: number; readonly to: number };
  readonly fault: Fault | null;
}

const nothingFetched: DeployContext['fetched'] = { files: [], bytes: 0, from: 0, to: 0 };

export const deploy = setup({
  types: {
    context: {} as DeployContext,
    input: {} as DeployInput,
    output: {} as { readonly fault: Fault | null },
    events: {} as TransferEvent | HandedOver | AttemptOver,
  },
  actors: {
    serve: placeholderCallback<HandedOver>('serve'),
  },
  actions: {
    note: assign(({ context }, params: { transfer: TftpEvent }) => noted(context, params.transfer)),
    reportStall: sendParent(({ context }) => ({ type: 'transferStalled', fault: stalled(context) })),
    forget: assign({ underWay: new Map() }),
    startOver: assign({ underWay: new Map(), asked: [], fetched: nothingFetched }),
    /** Told at the hand-over. */
    filesFetched: (_context, _params: Fetched) => undefined,
    findMissing: assign({ fault: ({ context }) => neverAskedFor(context) }),
    failed: assign({ fault: (_, params: Failing) => failure(params.attempt, params.error, params.class) }),
  },
  guards: {
    transferring: ({ context }) => context.underWay.size > 0,
  },
  delays: {
    stall: ({ context }) => context.world.deadlines.transferStall,
  },
}).createMachine({
  id: 'deploy',
  context: ({ input }) => ({
    ...input,
    asked: [],
    underWay: new Map(),
    lastPacket: 0,
    fetched: nothingFetched,
    fault: null,
  }),
  output: ({ context }) => ({ fault: context.fault }),
  initial: 'serving',
  states: {
    serving: {
      description: 'the server answers the board',
      invoke: {
        src: 'serve',
        onError: failsTo('failed', 'serve the files of the board'),
      },
      on: {
        transfer: {
          target: '.choosing',
          actions: { type: 'note', params: eventOf },
        },
        attemptOver: { target: '.waiting', actions: 'startOver' },
        handedOver: {
          target: 'handedOver',
          actions: [
            {
              type: 'filesFetched',
              params: ({ context: { fetched } }) => ({
                files: fetched.files,
                bytes: fetched.bytes,
                milliseconds: fetched.to - fetched.from,
              }),
            },
            'findMissing',
          ],
        },
      },
      initial: 'waiting',
      states: {
        waiting: {
          description: 'no transfer is under way; the boot loader has its own deadlines',
          tags: 'watching',
        },
        choosing: { always: [{ guard: 'transferring', target: 'transferring' }, { target: 'waiting' }] },
        transferring: {
          description: 'every packet starts the clock again',
          after: { stall: { target: 'waiting', actions: ['reportStall', 'forget'] } },
        },
      },
    },
    handedOver: { type: 'final' },
    failed: { type: 'final' },
  },
});

function noted(context: DeployContext, transfer: TftpEvent): Partial<DeployContext> {
  const underWay = new Map(context.underWay);
  const lastPacket = context.world.now();
  switch (transfer.kind) {
    case 'request':
      underWay.set(transfer.transfer, { file: transfer.file, bytes: 0 });
      return {
        underWay,
        lastPacket,
        asked: [...context.asked, transfer.file],
        ...(context.asked.length === 0 && {
          fetched: { ...nothingFetched, from: lastPacket, to: lastPacket },
        }),
      };
    case 'progress':
      underWay.set(transfer.transfer, { file: transfer.file, bytes: transfer.bytes });
      return { underWay, lastPacket };
    case 'done':
      underWay.delete(transfer.transfer);
      return { underWay, lastPacket, fetched: withFile(context.fetched, transfer, lastPacket) };
    case 'ended':
      // The client's own end is a probe; a client that went silent is what the stall's clock is for.
      if (transfer.why === 'client-error') underWay.delete(transfer.transfer);
      return { underWay };
    case 'refused':
      if (transfer.transfer !== undefined) underWay.delete(transfer.transfer);
      return { underWay };
    default:
      return transfer satisfies never;
  }
}

function withFile(
  fetched: DeployContext['fetched'],
  { file, bytes }: { readonly file: string; readonly bytes: number },
  to: number,
): DeployContext['fetched'] {
  const files = fetched.files.includes(file) ? fetched.files : [...fetched.files, file];
  return { ...fetched, files, bytes: fetched.bytes + bytes, to };
}

function stalled(context: DeployContext): Fault {
  const transfers = [...context.underWay.values()].map(({ file, bytes }) => `${file} after ${bytes} bytes`);
  const seconds = (context.world.deadlines.transferStall / 1000).toFixed(1);
  return {
    class: 'infrastructure',
    what: `the board stopped fetching ${transfers.join(' and ')}: no packet for ${seconds} s, since ${(context.lastPacket / 1000).toFixed(1)} s into the run`,
  };
}

function neverAskedFor(context: DeployContext): Fault | null {
  const missing = context.files.filter(file => !context.asked.includes(file));
  if (missing.length === 0) return null;
  return {
    class: 'infrastructure',
    what: `the board went on without asking this server for ${missing.join(', ')}`,
    hint: 'another TFTP server, or files on the board itself, may have answered: see the requests in the recording',
  };
}
