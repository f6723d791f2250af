/**
 * Watches a board from power on: Xen's banner, Dom0's login, and whatever ends either: a panic, a crash, a
 * banner of a stage that is not due, wherever it comes. It goes on watching until the run ends it. Where the probe
 * is booted in Xen's place, that is what is waited for.
 */
import { assign, sendParent, setup } from 'xstate';
import type { ConsoleEvent } from './console-event.ts';
import { expired, type Fault, shown, type Wait } from './fault.ts';
import { placeholderCallback, placeholderPromise } from './placeholder.ts';
import type { World } from './world.ts';
import { eventOf, expiresTo } from './transitions.ts';

export interface XenInput {
  readonly world: World;
  /** Text of the panic that the model predicts; null where none is due. */
  readonly expectedPanic: string | null;
  /** Milliseconds in which what follows a panic is still listened to; 1000 unless told. */
  readonly lastWords?: number | undefined;
  /** Program that is booted in place of Xen. */
  readonly payload?: string | undefined;
}

/** Told by the run when the boot loader is done; `xenSeen` where Xen's banner was the sign of it. */
export interface XenIsDue {
  readonly type: 'xenIsDue';
  readonly xenSeen: boolean;
}

/** Told to the run when Dom0 can be logged in to. */
export interface Dom0LoggedIn {
  readonly type: 'dom0LoggedIn';
}

/** Told to the run when the probe that was booted in Xen's place can be asked. */
export interface ProbeReady {
  readonly type: 'probeReady';
}

/** How the boot of Xen ended, where it did not end in a Dom0 that is used until the run is over. */
export interface XenOutput {
  readonly panicked: boolean;
  /** Null for a panic that the model predicted. */
  readonly fault: Fault | null;
}

interface XenContext extends XenInput {
  readonly xenSeen: boolean;
  readonly since: number;
  readonly panicked: boolean;
  readonly fault: Fault | null;
}

const waits = {
  banner: {
    // The mediator speaks after the banner: of a boot in which nothing comes, nothing is learned of it.
    for: "Xen's banner: nothing came after the hand-over",
    class: 'infrastructure',
    hint: 'see that Xen was given this console (`console=dtuart dtuart=...`), and that it is built for this board',
  },
  login: { for: "Dom0's login", class: 'board' },
  // Of a boot in which it says nothing, nothing is learned of the firmware either.
  probe: { for: "the probe's first line", class: 'infrastructure' },
} as const satisfies Record<string, Wait>;

export const xen = setup({
  types: {
    context: {} as XenContext,
    input: {} as XenInput,
    output: {} as XenOutput,
    events: {} as ConsoleEvent | XenIsDue,
  },
  actors: {
    console: placeholderCallback<ConsoleEvent>('console'),
    /** Asks for Dom0 where no login is seen, over the network and by Enter; ends when the network has answered. */
    askForLogin: placeholderPromise<void>('askForLogin'),
  },
  actions: {
    enter: assign({ since: ({ context }) => context.world.now() }),
    expired: assign({
      fault: ({ context }, wait: Wait) => expired(wait, context.since, context.world),
    }),
    ended: assign({
      fault: (_, params: { what: string; line: string; class?: Fault['class'] }) =>
        shown(params.what, params.line, params.class ?? 'board'),
    }),
    restarted: assign({
      fault: (_, params: { line: string; because?: string }) =>
        shown(
          restart,
          params.line,
          params.because === undefined ? 'infrastructure' : 'board',
          params.because === undefined ? silentRestart : undefined,
        ),
    }),
    panicked: assign(({ context }, params: { line: string }) => ({
      panicked: true,
      fault:
        context.expectedPanic !== null && params.line.includes(context.expectedPanic)
          ? null
          : shown('Xen panicked', params.line, 'board'),
    })),
    isAnother: assign({
      fault: (_, params: { line: string }) =>
        shown('the board behind this port is another', params.line, 'infrastructure', otherBoard),
    }),
    reportLogin: sendParent({ type: 'dom0LoggedIn' }),
    reportProbe: sendParent({ type: 'probeReady' }),
  },
  guards: {
    xenSeen: ({ context }) => context.xenSeen,
    isPayload: ({ context }) => context.payload !== undefined,
  },
  delays: {
    xenBanner: ({ context }) => context.world.deadlines.xenBanner,
    dom0: ({ context }) => context.world.deadlines.dom0,
    /** Lines after a panic (registers, `Reboot in five seconds`) are still recorded. */
    lastWords: ({ context }) => context.lastWords ?? 1000,
  },
}).createMachine({
  id: 'xen',
  context: ({ input }) => ({ ...input, xenSeen: false, since: 0, panicked: false, fault: null }),
  output: ({ context }) => ({ panicked: context.panicked, fault: context.fault }),
  invoke: { src: 'console' },
  on: {
    'console.xenPanic': {
      target: '.ending',
      actions: { type: 'panicked', params: eventOf },
    },
    'console.otherBoard': {
      target: '.ended',
      actions: { type: 'isAnother', params: eventOf },
    },
    'console.crash': {
      target: '.ending',
      actions: {
        type: 'ended',
        params: ({ event }) => ({ what: `${event.who} crashed`, line: event.line, class: blame[event.who] }),
      },
    },
  },
  initial: 'bootLoader',
  states: {
    bootLoader: {
      description: "the boot loader's machine has the deadlines; here only crashes are watched for",
      tags: 'watching',
      on: {
        xenIsDue: {
          target: 'handedOver',
          actions: assign({ xenSeen: ({ event }) => event.xenSeen }),
        },
      },
    },
    handedOver: {
      description: 'no stage before Xen may come again, and Dom0 may not end',
      on: {
        'console.reset': {
          target: 'ended',
          actions: {
            type: 'restarted',
            params: eventOf,
          },
        },
        'console.halt': {
          target: 'ending',
          actions: {
            type: 'ended',
            params: ({ event }) => ({ what: 'Dom0 ended by itself', line: event.line }),
          },
        },
      },
      initial: 'choosing',
      states: {
        choosing: {
          always: [
            { guard: 'isPayload', target: 'startingProbe' },
            { guard: 'xenSeen', target: 'startingDom0' },
            { target: 'startingXen' },
          ],
        },
        startingProbe: {
          entry: 'enter',
          on: { 'console.probe': 'probe' },
          after: { xenBanner: expiresTo('#xen.ended', waits.probe) },
        },
        probe: {
          description: 'asked and watched until the run is over',
          tags: 'watching',
          entry: 'reportProbe',
        },
        startingXen: {
          entry: 'enter',
          on: { 'console.xen': 'startingDom0' },
          after: { xenBanner: expiresTo('#xen.ended', waits.banner) },
        },
        startingDom0: {
          entry: 'enter',
          // A line that takes no input is told by the login that does not come.
          invoke: { src: 'askForLogin', onDone: 'dom0', onError: {} },
          on: { 'console.login': 'dom0' },
          after: { dom0: expiresTo('#xen.ended', waits.login) },
        },
        dom0: {
          description: 'up and watched until the run is over',
          tags: 'watching',
          entry: 'reportLogin',
        },
      },
    },
    ending: {
      description: 'the last words of a panic are let in',
      on: { 'console.xenPanic': {}, 'console.crash': {}, 'console.reset': 'ended' },
      after: { lastWords: 'ended' },
    },
    ended: { type: 'final' },
  },
});

const restart = 'the board started again by itself';
const otherBoard = "see which port is this board's, and its type and network.serialNumber in the lab file";
const silentRestart =
  'nothing on the console announced it: look at its supply, its reset line, and whether a watchdog runs';

/** A crash before Xen says nothing about what is under test, unless it is in the firmware that serves SCMI. */
const blame = { firmware: 'board', 'boot loader': 'infrastructure', Dom0: 'board' } as const;
