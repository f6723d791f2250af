/** A guest from its creation to its end, as the toolstack and SSH see it. */
import { assign, setup } from 'xstate';
import type { Deadlines } from '../src/board/board-type.ts';
import { expired, failing, type Fault, failure, type Wait } from './fault.ts';
import { placeholderPromise } from './placeholder.ts';
import type { Witness } from './witness.ts';

export interface DomainInput {
  readonly name: string;
  readonly deadlines: Deadlines;
  readonly witness: Witness;
  /** A dom0less domain runs from the start. */
  readonly runs?: boolean;
}

export type DomainEvent =
  | { readonly type: 'create' }
  | { readonly type: 'destroy' }
  | { readonly type: 'shutdown' }
  | { readonly type: 'reboot' }
  /** Somebody needs its SSH. */
  | { readonly type: 'reach' }
  /** Its SSH connection broke, or it has started again. */
  | { readonly type: 'lost' }
  /** It ended by itself, and the toolstack has destroyed it. */
  | { readonly type: 'ended' }
  /** It ended by itself, and is still there. */
  | { readonly type: 'halted' };

/** Milliseconds that libxl gives a guest to acknowledge a shut-down or reboot (libxl__domain_pvcontrol). */
export const acknowledgement = 60_000;

/** Result of a toolstack command: its exit status. */
export type ToolstackStatus = number;

interface DomainContext extends Required<DomainInput> {
  /** A domain of this name runs already, whatever becomes of another attempt to create it. */
  readonly runs: boolean;
  readonly since: number;
  readonly fault: Fault | null;
}

export const domain = setup({
  types: {
    context: {} as DomainContext,
    input: {} as DomainInput,
    events: {} as DomainEvent,
  },
  actors: {
    create: placeholderPromise<ToolstackStatus>('create'),
    destroy: placeholderPromise<ToolstackStatus>('destroy'),
    shutdown: placeholderPromise<ToolstackStatus>('shutdown'),
    reboot: placeholderPromise<ToolstackStatus>('reboot'),
    /** Tries until the domain answers SSH. */
    connect: placeholderPromise<void>('connect'),
  },
  actions: {
    enter: assign({ since: ({ context }) => context.witness.now(), fault: null }),
    expired: assign({
      fault: ({ context }, params: Omit<Wait, 'class'>) =>
        expired({ ...params, class: 'board' }, context.since, context.witness),
    }),
    failed: assign({
      fault: ({ context }, params: { attempt: string; error: unknown }) =>
        failure(`${params.attempt} ${context.name}`, params.error, 'board'),
    }),
  },
  guards: {
    succeeded: (_, params: { status: ToolstackStatus }) => params.status === 0,
    runs: ({ context }) => context.runs,
  },
  delays: {
    toolstack: ({ context }) => context.deadlines.command,
    /** The configuration and its files are put into Dom0 first. */
    creation: ({ context }) => context.deadlines.command * 2,
    /** The command waits for the guest itself. */
    control: ({ context }) => context.deadlines.command + acknowledgement,
    domain: ({ context }) => context.deadlines.domain,
  },
}).createMachine({
  id: 'domain',
  context: ({ input }) => ({ ...input, runs: input.runs ?? false, since: 0, fault: null }),
  initial: 'beginning',
  states: {
    beginning: { always: [{ guard: 'runs', target: 'created' }, { target: 'absent' }] },
    absent: {
      tags: 'settled',
      entry: assign({ runs: false }),
      on: { create: 'creating', destroy: 'destroying' },
    },
    creating: {
      entry: 'enter',
      invoke: {
        src: 'create',
        onDone: [
          {
            guard: { type: 'succeeded', params: ({ event }) => ({ status: event.output }) },
            target: 'created',
          },
          { guard: 'runs', target: 'created' },
          { target: 'refused' },
        ],
        onError: { target: 'unknown', actions: { type: 'failed', params: failing('create') } },
      },
      after: {
        creation: {
          target: 'unknown',
          actions: {
            type: 'expired',
            params: ({ context }) => ({ for: `\`xl create\` of ${context.name}` }),
          },
        },
      },
    },
    refused: {
      description: 'the toolstack did not create it',
      tags: 'settled',
      on: { create: 'creating', destroy: 'destroying' },
    },
    created: {
      description: 'it boots; nobody has needed its SSH yet',
      tags: 'settled',
      entry: assign({ runs: true }),
      on: {
        create: 'creating',
        reach: 'reaching',
        destroy: 'destroying',
        shutdown: 'shuttingDown',
        reboot: 'rebooting',
      },
    },
    reaching: {
      entry: 'enter',
      invoke: {
        src: 'connect',
        onDone: 'reachable',
        onError: { target: 'created', actions: { type: 'failed', params: failing('reach') } },
      },
      after: {
        domain: {
          target: 'created',
          actions: {
            type: 'expired',
            params: ({ context }) => ({
              for: `${context.name} to answer SSH`,
              refusal: context.witness.refusal?.(context.name),
            }),
          },
        },
      },
    },
    reachable: {
      tags: 'settled',
      on: {
        create: 'creating',
        lost: 'created',
        ended: 'absent',
        halted: 'halted',
        destroy: 'destroying',
        shutdown: 'shuttingDown',
        reboot: 'rebooting',
      },
    },
    halted: {
      description: 'it does nothing more: only the toolstack can end it',
      tags: 'settled',
      on: { create: 'creating', destroy: 'destroying', shutdown: 'shuttingDown', reboot: 'rebooting' },
    },
    destroying: {
      entry: 'enter',
      invoke: {
        src: 'destroy',
        onDone: [
          {
            guard: { type: 'succeeded', params: ({ event }) => ({ status: event.output }) },
            target: 'absent',
          },
          { target: 'unknown' },
        ],
        onError: { target: 'unknown', actions: { type: 'failed', params: failing('destroy') } },
      },
      after: {
        toolstack: {
          target: 'unknown',
          actions: { type: 'expired', params: ({ context }) => ({ for: `\`xl destroy ${context.name}\`` }) },
        },
      },
    },
    shuttingDown: {
      entry: 'enter',
      invoke: {
        src: 'shutdown',
        onDone: [
          {
            guard: { type: 'succeeded', params: ({ event }) => ({ status: event.output }) },
            target: 'absent',
          },
          { target: 'unknown' },
        ],
        onError: { target: 'unknown', actions: { type: 'failed', params: failing('shut down') } },
      },
      after: {
        control: {
          target: 'unknown',
          actions: {
            type: 'expired',
            params: ({ context }) => ({ for: `\`xl shutdown\` of ${context.name}` }),
          },
        },
      },
    },
    rebooting: {
      entry: 'enter',
      invoke: {
        src: 'reboot',
        onDone: 'created',
        onError: { target: 'unknown', actions: { type: 'failed', params: failing('reboot') } },
      },
      after: {
        control: {
          target: 'unknown',
          actions: {
            type: 'expired',
            params: ({ context }) => ({ for: `\`xl reboot\` of ${context.name}` }),
          },
        },
      },
    },
    unknown: {
      description: 'a command failed half-way; what is left of the domain is for the next command to find',
      tags: 'settled',
      on: {
        create: 'creating',
        reach: 'reaching',
        destroy: 'destroying',
        shutdown: 'shuttingDown',
        reboot: 'rebooting',
      },
    },
  },
});
