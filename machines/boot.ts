/**
 * From power off to the hand-over to Xen: the board type's boot loaders one after the other, while the supply
 * is switched on; an attempt that failed and may go better is tried again after a power cycle, a bounded
 * number of times.
 */
import { assign, sendTo, setup } from 'xstate';
import type { AttemptOutput } from './boot-attempt.ts';
import { bootRpi, type RpiInput } from './boot-rpi.ts';
import { bootUBoot, type UBootInput } from './boot-u-boot.ts';
import type { TransferStalled } from './deploy.ts';
import { type Failing, type Fault, failure } from './fault.ts';
import { power } from './power.ts';
import type { World } from './world.ts';
import { failsTo, faultTo, outputOf } from './transitions.ts';

/** Inputs of the board type's boot loaders; at least one of them. If there are both, the EEPROM is first. */
export interface BootPlan {
  readonly eeprom?: Omit<RpiInput, 'world'>;
  readonly uBoot?: Omit<UBootInput, 'world' | 'isPowered'>;
  /** How often the board may be switched on; 3 unless told. */
  readonly attempts?: number;
}

export interface BootInput {
  readonly world: World;
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
    keep: assign({ last: (_, { fault }: { readonly fault: Fault | null }) => ({ ...nothingYet, fault }) }),
    keepAttempt: assign({
      last: ({ context }, output: AttemptOutput) => ({
        ...output,
        fault: withBootHint(output.fault, context.world),
      }),
    }),
    noteRetry: ({ context: { last, tried, world } }) =>
      world.note?.(`power-on ${tried} failed, and the board is power-cycled: ${firstLine(last.fault)}`),
    failed: assign({
      last: (_, params: Failing) => ({
        ...nothingYet,
        fault: failure(params.attempt, params.error, params.class),
      }),
    }),
  },
  guards: {
    hasEeprom: ({ context }) => context.plan.eeprom !== undefined,
    hasUBoot: ({ context }) => context.plan.uBoot !== undefined,
    isFault: (_, params: { fault: Fault | null }) => params.fault !== null,
    hasFailed: ({ context }) => context.last.fault !== null,
    // No power cycle repairs a serial line.
    mayGoBetter: ({ context: { last, tried, plan, world } }) =>
      last.fault !== null &&
      last.retry &&
      tried < (plan.attempts ?? 3) &&
      world.lineTrouble?.() === undefined,
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
        input: ({ context: { world } }) => ({ to: 'on' as const, world }),
        onDone: [
          faultTo('failed'),
          { actions: [assign({ isPowered: true }), sendTo('loader', { type: 'poweredOn' })] },
        ],
        onError: failsTo('failed', 'switch the power on'),
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
            onDone: { target: 'afterEeprom', actions: { type: 'keepAttempt', params: outputOf } },
            onError: failsTo('#boot.failed', 'boot', 'controller'),
          },
        },
        afterEeprom: {
          always: [
            { guard: 'hasFailed', target: '#boot.ended' },
            { guard: 'hasUBoot', target: 'uBoot' },
            { target: '#boot.ended' },
          ],
        },
        uBoot: {
          invoke: {
            id: 'loader',
            src: 'bootUBoot',
            input: ({ context }) => uBootInput(context),
            onDone: { target: '#boot.ended', actions: { type: 'keepAttempt', params: outputOf } },
            onError: failsTo('#boot.failed', 'boot', 'controller'),
          },
        },
      },
    },
    ended: {
      always: [
        { guard: 'mayGoBetter', target: 'powerCycling', actions: 'noteRetry' },
        { guard: 'hasFailed', target: 'failed' },
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
          world: context.world,
        }),
        onDone: [faultTo('failed'), { target: 'attempting' }],
        onError: failsTo('failed', 'switch the power off'),
      },
    },
    handedOver: { type: 'final' },
    failed: { type: 'final' },
  },
});

function rpiInput({ plan, world }: BootContext): RpiInput {
  if (plan.eeprom === undefined) throw new Error('this board has no EEPROM');
  return { ...plan.eeprom, world };
}

function uBootInput({ plan, world, isPowered }: BootContext): UBootInput {
  if (plan.uBoot === undefined) throw new Error('this board has no U-Boot');
  return { ...plan.uBoot, world, isPowered };
}

/** The machines know what they waited for; the world, why it did not come. */
function withBootHint(fault: Fault | null, world: World): Fault | null {
  if (fault === null || fault.class !== 'infrastructure' || fault.hint !== undefined) return fault;
  const hint = world.bootHint?.();
  return hint === undefined ? fault : { ...fault, hint };
}

function firstLine(fault: Fault | null): string {
  return fault?.what.split('\n', 1)[0] ?? '';
}
