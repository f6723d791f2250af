/**
 * One attempt to get from power on to the hand-over by the Raspberry Pi's EEPROM: nothing is typed, its
 * requests and its console are followed. It does not retry after a time-out (rpi-eeprom issue 687): whatever
 * breaks the attempt asks for a power cycle.
 */
import { assign, setup } from 'xstate';
import type { TftpEvent } from '../src/lab/drivers/tftp/tftp.ts';
import type { AttemptOutput, PoweredOn } from './boot-attempt.ts';
import type { ConsoleEvent } from './console-event.ts';
import type { TransferEvent, TransferStalled } from './deploy.ts';
import { expired, type Fault, shown, type Wait } from './fault.ts';
import { placeholderCallback } from './placeholder.ts';
import type { World } from './world.ts';
import { eventOf, expiresTo, refusedTo } from './transitions.ts';

export interface RpiInput {
  readonly world: World;
  /** The file that, once it has come whole, the EEPROM hands over to. */
  readonly kernel: string;
  /** All that it has to fetch; what it looks for beside them need not be there. */
  readonly files: readonly string[];
}

interface RpiContext extends RpiInput {
  /** Transfers that ended before the last block, by file; one that came whole later is none of them. */
  readonly cutShort: ReadonlyMap<string, string>;
  /** Transfers of this attempt: what is left of one before it is none of ours. */
  readonly transfers: readonly number[];
  readonly kernelAsked: boolean;
  /** A power cycle repairs what breaks an attempt, unless the switch does not work. */
  readonly retry: boolean;
  readonly xenSeen: boolean;
  readonly since: number;
  readonly fault: Fault | null;
}

const waits = {
  output: {
    for: 'the first sign of life of the EEPROM',
    class: 'infrastructure',
  },
  request: {
    for: 'the first TFTP request of the EEPROM',
    class: 'infrastructure',
  },
  handOver: { for: "BL31's or Xen's first line after the last file", class: 'infrastructure' },
} as const satisfies Record<string, Wait>;

export const bootRpi = setup({
  types: {
    context: {} as RpiContext,
    input: {} as RpiInput,
    output: {} as AttemptOutput,
    events: {} as PoweredOn | ConsoleEvent | TransferEvent | TransferStalled,
  },
  actors: {
    console: placeholderCallback<ConsoleEvent>('console'),
    /** Tells of the board's TFTP traffic. */
    transfers: placeholderCallback<TransferEvent>('transfers'),
  },
  actions: {
    enter: assign({ since: ({ context }) => context.world.now() }),
    note: assign(({ context }, params: { transfer: TftpEvent }) => noted(context, params.transfer)),
    expired: assign({
      fault: ({ context }, wait: Wait) => expired(wait, context.since, context.world),
    }),
    refused: assign({
      fault: (_, params: { what: string; line: string; hint?: string }) =>
        shown(params.what, params.line, 'infrastructure', params.hint),
    }),
    couldNot: assign({
      fault: ({ context }, params: { line: string }) =>
        shown('the EEPROM could not boot from the network', reason(context, params.line), 'infrastructure'),
    }),
    keep: assign({ fault: (_, params: { fault: Fault | null }) => params.fault }),
  },
  guards: {
    isMissing: ({ context }) => missingLine(context) !== undefined,
    isRequest: (_, params: { transfer: TftpEvent }) =>
      params.transfer.kind === 'request' || params.transfer.kind === 'refused',
    kernelAsked: ({ context }) => context.kernelAsked,
    isOfNext: (_, params: { line: string }) => !params.line.includes('RPi: BOOT'),
    completes: ({ context }, params: { transfer: TftpEvent }) =>
      params.transfer.kind === 'done' && params.transfer.file === context.kernel,
    timedOut: ({ context }, params: { transfer: TftpEvent }) =>
      params.transfer.kind === 'ended' &&
      params.transfer.why !== 'client-error' &&
      context.transfers.includes(params.transfer.transfer),
  },
  delays: {
    firstOutput: ({ context }) => context.world.deadlines.firstOutput,
    bootLoader: ({ context }) => context.world.deadlines.bootLoader,
    deploy: ({ context }) => context.world.deadlines.deploy,
    xenBanner: ({ context }) => context.world.deadlines.xenBanner,
  },
}).createMachine({
  id: 'boot-rpi',
  context: ({ input }) => ({
    ...input,
    cutShort: new Map(),
    transfers: [],
    kernelAsked: false,
    retry: true,
    xenSeen: false,
    since: 0,
    fault: null,
  }),
  output: ({ context }) => ({ fault: context.fault, retry: context.retry, xenSeen: context.xenSeen }),
  invoke: [{ src: 'console' }, { src: 'transfers' }],
  initial: 'following',
  states: {
    following: {
      on: {
        transfer: {
          guard: { type: 'isRequest', params: eventOf },
          target: '.fetching',
          actions: { type: 'note', params: eventOf },
        },
        'console.refusal': [
          {
            guard: 'isMissing',
            target: 'missing',
            actions: { type: 'couldNot', params: eventOf },
          },
          {
            target: 'broken',
            actions: { type: 'couldNot', params: eventOf },
          },
        ],
        'console.warmBoot': {
          target: 'warm',
          actions: {
            type: 'refused',
            params: ({ event }) => ({
              what: 'the power switch did not cut the supply',
              line: event.line,
              hint: 'check that it feeds this board, and that HDMI, USB or the serial adapter do not',
            }),
          },
        },
        'console.gap': refusedTo('broken', 'the console was lost'),
        'console.reset': refusedTo('broken', 'the EEPROM started again'),
        // Something else than this deployment boots: the next entry of BOOT_ORDER.
        'console.handOver': {
          target: 'broken',
          actions: {
            type: 'refused',
            params: ({ context, event }) => ({
              what: `the EEPROM went on without having fetched ${context.kernel}`,
              line: event.line,
            }),
          },
        },
        'console.xen': {
          target: 'broken',
          actions: {
            type: 'refused',
            params: ({ context, event }) => ({
              what: `the board started Xen without having fetched ${context.kernel}`,
              line: event.line,
            }),
          },
        },
      },
      initial: 'switchingOn',
      states: {
        switchingOn: {
          description: 'the switch has its deadline; the console may already speak',
          tags: 'watching',
          on: { 'console.banner': 'waitingForRequest', poweredOn: 'waitingForOutput' },
        },
        waitingForOutput: {
          entry: 'enter',
          on: { 'console.banner': 'waitingForRequest' },
          after: {
            firstOutput: expiresTo('#boot-rpi.broken', waits.output),
          },
        },
        waitingForRequest: {
          description: 'DHCP and the search for a prefix',
          entry: 'enter',
          after: {
            bootLoader: expiresTo('#boot-rpi.broken', waits.request),
          },
        },
        fetching: {
          description: 'probes that end early are normal',
          entry: 'enter',
          on: {
            // The console may be ahead of the last acknowledgement of the kernel.
            'console.handOver': { guard: 'kernelAsked', target: '#boot-rpi.handedOver' },
            'console.xen': {
              guard: 'kernelAsked',
              target: '#boot-rpi.handedOver',
              actions: assign({ xenSeen: true }),
            },
            transfer: [
              {
                guard: { type: 'timedOut', params: eventOf },
                target: '#boot-rpi.broken',
                actions: {
                  type: 'refused',
                  params: ({ event }) => ({
                    what: 'the EEPROM gave up a transfer',
                    line: words(event.transfer),
                  }),
                },
              },
              {
                guard: { type: 'completes', params: eventOf },
                target: 'handingOver',
                actions: { type: 'note', params: eventOf },
              },
              { actions: { type: 'note', params: eventOf } },
            ],
            transferStalled: {
              target: '#boot-rpi.broken',
              actions: { type: 'keep', params: eventOf },
            },
          },
          after: {
            deploy: {
              target: '#boot-rpi.broken',
              actions: {
                type: 'expired',
                params: ({ context }) => ({
                  for: `the EEPROM to fetch ${context.kernel}`,
                  class: 'infrastructure' as const,
                }),
              },
            },
          },
        },
        handingOver: {
          entry: 'enter',
          on: {
            'console.handOver': '#boot-rpi.handedOver',
            // The console may be behind the file server: the EEPROM's own banner can come as late as this.
            'console.banner': {
              guard: { type: 'isOfNext', params: eventOf },
              target: '#boot-rpi.handedOver',
            },
            'console.xen': { target: '#boot-rpi.handedOver', actions: assign({ xenSeen: true }) },
            // More files may follow, an initramfs for instance: each starts the clock again.
            transfer: { target: 'handingOver', reenter: true },
            transferStalled: {
              target: '#boot-rpi.broken',
              actions: { type: 'keep', params: eventOf },
            },
          },
          after: {
            xenBanner: expiresTo('#boot-rpi.broken', waits.handOver),
          },
        },
      },
    },
    warm: {
      description: 'what the board remembers of before is none of this run',
      type: 'final',
      entry: assign({ retry: false }),
    },
    missing: {
      description: 'a power cycle brings no file that is not there',
      type: 'final',
      entry: assign({ retry: false }),
    },
    broken: { description: 'the EEPROM does not retry', type: 'final' },
    handedOver: { type: 'final' },
  },
});

/** The cause is what the file server saw; the console says of files that need not be there that they are missing, too. */
function reason(context: RpiContext, refusal: string): string {
  const cut = [...context.cutShort.values()].at(-1);
  const why =
    missingLine(context) ??
    cut ??
    context.world.lastLines().findLast(line => /DHCP timeout|TFTP: disconnect|Link down/i.test(line));
  return why === undefined ? refusal : `${why.trim()}; ${refusal.trim()}`;
}

/** The line by which the EEPROM says that a file is not there which it has to fetch. */
function missingLine({ files, world }: RpiContext): string | undefined {
  return world.lastLines().findLast(line => {
    const [, asked] = /file (\S+) not found/.exec(line) ?? [];
    return asked !== undefined && files.some(file => asked === file || asked.endsWith(`/${file}`));
  });
}

function noted(context: RpiContext, transfer: TftpEvent): Partial<RpiContext> {
  if (transfer.kind === 'ended' || transfer.kind === 'done') {
    const others = [...context.cutShort].filter(([file]) => file !== transfer.file);
    const own = transfer.kind === 'ended' ? [[transfer.file, words(transfer)] as const] : [];
    return { cutShort: new Map([...others, ...own]) };
  }
  if (transfer.kind !== 'request') return {};
  return {
    transfers: [...context.transfers, transfer.transfer],
    kernelAsked: context.kernelAsked || transfer.file === context.kernel,
  };
}

function words(transfer: TftpEvent): string {
  return transfer.kind === 'ended'
    ? `${transfer.file} after ${transfer.bytes} bytes (${transfer.why}: ${transfer.detail})`
    : transfer.file;
}
