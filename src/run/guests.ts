/** The guests of a run: one machine each, told what the steps want and waited for. */
import { type Actor, createActor, fromPromise, waitFor } from 'xstate';
import { acknowledgement, domain, type DomainEvent } from '../../machines/domain.ts';
import type { Fault } from '../../machines/fault.ts';
import type { World } from '../../machines/world.ts';
import type { BoardType } from '../board/board-type.ts';
import type { Guest, Scenario } from '../model/predict/scenario.ts';
import type { RunClock } from './clock.ts';
import { guestFiles, nameInToolstack, type Toolstack } from './domain-commands.ts';
import type { GuestLogs } from './guest-logs.ts';
import { endGuest, type GuestEnd, type EndStep } from './guest-end.ts';
import { dom0, type ShellPool } from './shells/pool.ts';
import type { Watched } from './watched.ts';

export interface GuestsOptions {
  readonly type: BoardType;
  readonly scenario: Scenario;
  readonly shells: ShellPool;
  readonly toolstack: Toolstack;
  readonly logs: GuestLogs;
  readonly world: World;
  readonly clock: RunClock;
  readonly watched: Watched;
  /** Told that a guest was created, and so on. */
  readonly milestone: (name: string, domain: string) => void;
}

export class Guests {
  readonly #options: GuestsOptions;
  readonly #actors = new Map<string, Actor<typeof domain>>();

  constructor(options: GuestsOptions) {
    this.#options = options;
  }

  /** Name of a scenario's domain in Dom0. */
  nameOf(name: string): string {
    const guest = this.#options.scenario.guests.get(name);
    return guest === undefined ? name : nameInToolstack(guest);
  }

  /** Programs of a domain that can be asked. */
  whatRuns(name: string): 'linux' | 'probe' | 'payload' | 'zephyr' {
    const { payload, guests } = this.#options.scenario;
    if (name === dom0 && this.#options.toolstack.dom0 === 'zephyr') return 'zephyr';
    if (name === payload) return 'payload';
    return guests.get(name)?.probe === true ? 'probe' : 'linux';
  }

  /** Whether Dom0's toolstack can do such a thing to a guest. */
  canBe(done: 'create' | 'destroy' | 'shutdown' | 'reboot'): boolean {
    return this.#options.toolstack[done] !== undefined;
  }

  /** Whether a guest is there to be asked something, as far as the steps so far tell. */
  mayRun(name: string): boolean {
    const state = this.#actors.get(name)?.getSnapshot();
    // A guest that no step created is a dom0less one.
    return (
      state === undefined ||
      state.matches('created') ||
      state.matches('reachable') ||
      state.matches('unknown')
    );
  }

  /** Whether the toolstack has ended a guest, as far as the steps so far tell. */
  isGone(name: string): boolean {
    return this.#actors.get(name)?.getSnapshot().matches('absent') === true;
  }

  /**
   * Sends a guest's machine an event and waits until it has settled.
   * @returns the fault that it came to, if it did
   * @throws the signal's reason
   */
  async tell(name: string, event: DomainEvent, signal: AbortSignal): Promise<Fault | null> {
    const actor = this.#actor(name);
    actor.send(event);
    const state = await waitFor(actor, snapshot => snapshot.hasTag('settled'), { signal });
    return state.context.fault;
  }

  /**
   * Tells a guest to end by itself, and its machine what became of it.
   * @throws the signal's reason; an error of Dom0's shell
   */
  async endByItself(name: string, how: EndStep, signal: AbortSignal): Promise<GuestEnd> {
    const { type, shells, clock, toolstack } = this.#options;
    const parts = { shells, clock, list: toolstack.list, patience: type.deadlines.command };
    const end = await endGuest(this.#called(name), how, parts, signal);
    await this.tell(name, { type: events[end] }, signal);
    return end;
  }

  /** Ends all machines; the guests themselves end with the power. */
  stop(): void {
    for (const actor of this.#actors.values()) actor.stop();
  }

  #called(name: string): Guest {
    const guest = this.#options.scenario.guests.get(name);
    if (guest === undefined) throw new Error(`the scenario has no guest ${name}`);
    return guest;
  }

  #actor(name: string): Actor<typeof domain> {
    const known = this.#actors.get(name);
    if (known !== undefined) return known;
    const { scenario, clock, watched } = this.#options;
    const actor = createActor(this.#provided(name), {
      input: { name, world: this.#world(name), runs: !scenario.guests.has(name) },
      clock,
      inspect: watched.inspect,
    });
    this.#actors.set(name, actor);
    actor.start();
    return actor;
  }

  /** It knows a guest by the name that the machine has for it. */
  #world(name: string): World {
    const { world, shells } = this.#options;
    return { ...world, refusal: () => shells.refusal(this.nameOf(name)) };
  }

  #provided(name: string) {
    const { type, shells, toolstack, logs, watched, milestone } = this.#options;
    const { directory } = type.dom0;
    const inToolstack = this.nameOf(name);
    const inDom0 = async (command: string, done: string, options: Parameters<ShellPool['run']>[2]) => {
      const { status } = await shells.run(dom0, command, options);
      if (status === 0 && done !== '') milestone(done, inToolstack);
      return status;
    };
    const ending = (command: string, done: string, patience = 0) =>
      fromPromise<number, undefined>(({ signal }) =>
        watched.work(async () => {
          const status = await inDom0(command, done, { signal, patience });
          if (status === 0) await shells.forget(inToolstack);
          return status;
        }),
      );
    return domain.provide({
      actors: {
        create: fromPromise<number, undefined>(({ signal }) =>
          watched.work(async () => {
            const files = toolstack.takesFiles ? guestFiles(directory, this.#called(name)) : [];
            for (const [path, bytes] of files) {
              await shells.put(dom0, path, bytes, signal);
            }
            await logs.begin(inToolstack, signal);
            return inDom0(toolstack.create(directory, name, inToolstack), 'domain-created', { signal });
          }),
        ),
        destroy: ending(toolstack.destroy(inToolstack), 'domain-destroyed'),
        shutdown: ending(toolstack.shutdown?.(inToolstack) ?? '', 'domain-shut-down', acknowledgement),
        reboot: ending(toolstack.reboot?.(inToolstack) ?? '', 'domain-rebooted', acknowledgement),
        connect: fromPromise<void, undefined>(({ signal }) =>
          watched.work(() => shells.reach(inToolstack, signal)),
        ),
      },
    });
  }
}

/** Events of a guest's end for its machine. */
const events = {
  gone: 'ended',
  halted: 'halted',
  restarted: 'lost',
  unchanged: 'lost',
} as const satisfies Record<GuestEnd, DomainEvent['type']>;
