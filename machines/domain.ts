/** A guest from its creation to its end, as the toolstack and SSH see it. */
import { assign, setup } from 'xstate';
import { expired, type Fault, failure, type Wait } from './fault.ts';
import { placeholderPromise } from './placeholder.ts';
import type { World } from './world.ts';
import { failsTo, outputOf } from './transitions.ts';

export interface DomainInput {
  readonly name: string;
  readonly world: World;
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

interface Doing<Command extends string, Deadline extends string, Ends> {
  readonly does: Command;
  readonly attempt: string;
  /** `NAME` is the guest's. */
  readonly waitsFor: string;
  readonly deadline: Deadline;
  readonly onDone: Ends;
}

/** A state in which the toolstack is told to do something to the guest, and waited for. */
function doing<Command extends 'create' | 'destroy' | 'shutdown' | 'reboot', Deadline extends string, Ends>({
  does,
  attempt,
  waitsFor,
  deadline,
  onDone,
}: Doing<Command, Deadline, Ends>) {
  const late = ({ context: { name } }: { readonly context: DomainContext }) => ({
    for: waitsFor.replace('NAME', name),
  });
  return {
    entry: 'enter',
    invoke: { src: does, onDone, onError: failsTo('unknown', attempt) },
    after: { [deadline]: { target: 'unknown', actions: { type: 'expired', params: late } } },
  } as const;
}

/** Ends of a command that ends the guest. */
const ended = [
  { guard: { type: 'succeeded', params: outputOf<ToolstackStatus> }, target: 'absent' },
  { target: 'unknown' },
] as const;

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
    enter: assign({ since: ({ context }) => context.world.now(), fault: null }),
    expired: assign({
      fault: ({ context }, params: Omit<Wait, 'class'>) =>
        expired({ ...params, class: 'board' }, context.since, context.world),
    }),
    failed: assign({
      fault: ({ context }, params: { attempt: string; error: unknown }) =>
        failure(`${params.attempt} ${context.name}`, params.error, 'board'),
    }),
  },
  guards: {
    succeeded: (_, status: ToolstackStatus) => status === 0,
    runs: ({ context }) => context.runs,
  },
  delays: {
    toolstack: ({ context }) => context.world.deadlines.command,
    /** The configuration and its files are put into Dom0 first. */
    creation: ({ context }) => context.world.deadlines.command * 2,
    /** The command waits for the guest itself. */
    control: ({ context }) => context.world.deadlines.command + acknowledgement,
    domain: ({ context }) => context.world.deadlines.domain,
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
    creating: doing({
      does: 'create',
      attempt: 'create',
      waitsFor: '`xl create` of NAME',
      deadline: 'creation',
      onDone: [
        { guard: { type: 'succeeded', params: outputOf<ToolstackStatus> }, target: 'created' },
        { guard: 'runs', target: 'created' },
        { target: 'refused' },
      ],
    }),
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
        onError: failsTo('created', 'reach'),
      },
      after: {
        domain: {
          target: 'created',
          actions: {
            type: 'expired',
            params: ({ context }) => ({
              for: `${context.name} to answer SSH`,
              refusal: context.world.refusal?.(context.name),
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
    destroying: doing({
      does: 'destroy',
      attempt: 'destroy',
      waitsFor: '`xl destroy NAME`',
      deadline: 'toolstack',
      onDone: ended,
    }),
    shuttingDown: doing({
      does: 'shutdown',
      attempt: 'shut down',
      waitsFor: '`xl shutdown` of NAME',
      deadline: 'control',
      onDone: ended,
    }),
    rebooting: doing({
      does: 'reboot',
      attempt: 'reboot',
      waitsFor: '`xl reboot` of NAME',
      deadline: 'control',
      onDone: 'created',
    }),
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
