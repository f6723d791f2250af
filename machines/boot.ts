/**
 * From power off to the hand-over to Xen: the board type's boot loaders one after the other, while the supply
 * is switched on; an attempt that failed and may go better is tried again after a power cycle, a bounded
 * number of times.
 */
import { assign, sendTo, setup } from 'xstate';
import type { Deadlines } from '../src/board/board-type.ts';
import type { AttemptOutput } from './boot-attempt.ts';
import { bootRpi, type RpiInput } from './boot-rpi.ts';
import { bootUBoot, type UBootInput } from './boot-u-boot.ts';
import type { TransferStalled } from './deploy.ts';
import { failing, type Fault, failure } from './fault.ts';
import { power } from './power.ts';
import type { Witness } from './witness.ts';

/** Inputs of the board type's boot loaders; at least one of them. If there are both, the EEPROM is first. */
export interface BootPlan {
  readonly eeprom?: Omit<RpiInput, 'deadlines' | 'witness'>;
  readonly uBoot?: Omit<UBootInput, 'deadlines' | 'witness' | 'isPowered'>;
  /** How often the board may be switched on; 3 unless told. */
  readonly attempts?: number;
}

export interface BootInput {
  readonly deadlines: Deadlines;
  readonly witness: Witness;
  readonly plan: BootPlan;
}

/** How a boot ends: without a fault, the next line is Xen's. */
export interface BootOutput {
  readonly fault: Fault | null;
  /** Power-ons that it took. */
  readonly attempts: number;
  /** Whether the hand-over was seen by Xen's own banner. */
  readonly xenSeen: boolean;
}

interface BootContext extends BootInput {
  readonly tried: number;
  readonly isPowered: boolean;
  readonly last: AttemptOutput;
}

const nothingYet: AttemptOutput = { fault: null, retry: false, xenSeen: false };

export const boot = setup({
  types: {
    context: {} as BootContext,
    input: {} as BootInput,
    output: {} as BootOutput,
    events: {} as TransferStalled,
  },
  actors: { power, bootRpi, bootUBoot },
  actions: {
    /** Told where an attempt is made again: what the board has fetched until then counts no more. */
    startOver: () => undefined,
    keep: assign({
      last: (_, params: { output: { readonly fault: Fault | null } }) => ({
        ...nothingYet,
        ...params.output,
      }),
    }),
    keepAttempt: assign({
      last: ({ context }, params: { output: AttemptOutput }) => ({
        ...params.output,
        fault: withBootHint(params.output.fault, context.witness),
      }),
    }),
    noteRetry: ({ context: { last, tried, witness } }) =>
      witness.note?.(`power-on ${tried} failed, and the board is power-cycled: ${firstLine(last.fault)}`),
    failed: assign({
      last: (_, params: { attempt: string; error: unknown; class?: Fault['class'] }) => ({
        ...nothingYet,
        fault: failure(params.attempt, params.error, params.class),
      }),
    }),
  },
  guards: {
    hasEeprom: ({ context }) => context.plan.eeprom !== undefined,
    hasUBoot: ({ context }) => context.plan.uBoot !== undefined,
    isFault: ({ context }) => context.last.fault !== null,
    // No power cycle repairs a serial line.
    mayGoBetter: ({ context: { last, tried, plan, witness } }) =>
      last.fault !== null &&
      last.retry &&
      tried < (plan.attempts ?? 3) &&
      witness.lineTrouble?.() === undefined,
  },
}).createMachine({
  id: 'boot',
  context: ({ input }) => ({ ...input, tried: 0, isPowered: false, last: nothingYet }),
  output: ({ context: { last, tried } }) => ({ fault: last.fault, attempts: tried, xenSeen: last.xenSeen }),
  initial: 'attempting',
  states: {
    attempting: {
      description: 'one attempt; the console may speak before the switch has said that it turned',
      entry: assign({ tried: ({ context }) => context.tried + 1, isPowered: false, last: nothingYet }),
      invoke: {
        src: 'power',
        input: ({ context }) => ({
          to: 'on' as const,
          deadlines: context.deadlines,
          witness: context.witness,
        }),
        onDone: [
          {
            guard: ({ event }) => event.output.fault !== null,
            target: 'failed',
            actions: { type: 'keep', params: ({ event }) => event },
          },
          { actions: [assign({ isPowered: true }), sendTo('loader', { type: 'poweredOn' })] },
        ],
        onError: { target: 'failed', actions: { type: 'failed', params: failing('switch the power on') } },
      },
      on: { transferStalled: { actions: sendTo('loader', ({ event }) => event) } },
      initial: 'choosing',
      states: {
        choosing: { always: [{ guard: 'hasEeprom', target: 'eeprom' }, { target: 'uBoot' }] },
        eeprom: {
          invoke: {
            id: 'loader',
            src: 'bootRpi',
            input: ({ context }) => rpiInput(context),
            onDone: { target: 'afterEeprom', actions: { type: 'keepAttempt', params: ({ event }) => event } },
            onError: {
              target: '#boot.failed',
              actions: { type: 'failed', params: failing('boot', 'controller') },
            },
          },
        },
        afterEeprom: {
          always: [
            { guard: 'isFault', target: '#boot.ended' },
            { guard: 'hasUBoot', target: 'uBoot' },
            { target: '#boot.ended' },
          ],
        },
        uBoot: {
          invoke: {
            id: 'loader',
            src: 'bootUBoot',
            input: ({ context }) => uBootInput(context),
            onDone: { target: '#boot.ended', actions: { type: 'keepAttempt', params: ({ event }) => event } },
            onError: {
              target: '#boot.failed',
              actions: { type: 'failed', params: failing('boot', 'controller') },
            },
          },
        },
      },
    },
    ended: {
      always: [
        { guard: 'mayGoBetter', target: 'powerCycling', actions: 'noteRetry' },
        { guard: 'isFault', target: 'failed' },
        { target: 'handedOver' },
      ],
    },
    powerCycling: {
      entry: 'startOver',
      invoke: {
        src: 'power',
        input: ({ context }) => ({
          to: 'off' as const,
          discharge: true,
          deadlines: context.deadlines,
          witness: context.witness,
        }),
        onDone: [
          {
            guard: ({ event }) => event.output.fault !== null,
            target: 'failed',
            actions: { type: 'keep', params: ({ event }) => event },
          },
          { target: 'attempting' },
        ],
        onError: { target: 'failed', actions: { type: 'failed', params: failing('switch the power off') } },
      },
    },
    handedOver: { type: 'final' },
    failed: { type: 'final' },
  },
});

function rpiInput({ plan, deadlines, witness }: BootContext): RpiInput {
  if (plan.eeprom === undefined) throw new Error('this board has no EEPROM');
  return { ...plan.eeprom, deadlines, witness };
}

function uBootInput({ plan, deadlines, witness, isPowered }: BootContext): UBootInput {
  if (plan.uBoot === undefined) throw new Error('this board has no U-Boot');
  return { ...plan.uBoot, deadlines, witness, isPowered };
}

/** The machines know what they waited for; the witness, why it did not come. */
function withBootHint(fault: Fault | null, witness: Witness): Fault | null {
  if (fault === null || fault.class !== 'infrastructure' || fault.hint !== undefined) return fault;
  const hint = witness.bootHint?.();
  return hint === undefined ? fault : { ...fault, hint };
}

function firstLine(fault: Fault | null): string {
  return fault?.what.split('\n', 1)[0] ?? '';
}
