/** Records the states of machines, and stops all that they began when a run ends. */
import type { ActorOptions, AnyActorLogic, StateValue } from 'xstate';
import type { Recorder } from '../verdict/recording/event.ts';

type Inspect = Extract<NonNullable<ActorOptions<AnyActorLogic>['inspect']>, (...event: never[]) => void>;

export class Watched {
  readonly #recorder: Recorder;
  readonly #work = new Set<Promise<unknown>>();
  readonly #states = new Map<string, string>();

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** For `createActor`: records each machine's state when it changes. */
  readonly inspect: Inspect = event => {
    if (event.type !== '@xstate.snapshot') return;
    const snapshot = event.snapshot as { value?: StateValue; machine?: { id: string } };
    if (snapshot.value === undefined || snapshot.machine === undefined) return;
    const machine = snapshot.machine.id;
    const state = path(snapshot.value);
    if (this.#states.get(event.actorRef.sessionId) === state) return;
    this.#states.set(event.actorRef.sessionId, state);
    this.#recorder.record('machine', { kind: 'state', data: { machine, state } });
  };

  /** Work of an actor, which its machine may leave before it has ended. */
  work<T>(begin: () => Promise<T>): Promise<T> {
    const work = begin();
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    this.#work.add(settled);
    void settled.then(() => this.#work.delete(settled));
    return work;
  }

  /** Settles when nothing of it runs any more. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }
}

function path(value: StateValue): string {
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .map(([key, below]) => (below === undefined ? key : `${key}.${path(below)}`))
    .join('+');
}
