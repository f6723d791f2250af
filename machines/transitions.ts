/** Transitions that all charts have alike: an actor fails, a deadline passes, the console tells the end. */
import type { Failing, Fault, Wait } from './fault.ts';

/** `onError` of an actor: its error is the fault of the action `failed`. */
export function failsTo<Target extends string>(target: Target, attempt: string, kind?: Fault['class']) {
  return {
    target,
    actions: {
      type: 'failed',
      params: ({ event: { error } }: { readonly event: { readonly error: unknown } }): Failing => ({
        attempt,
        error,
        class: kind,
      }),
    },
  } as const;
}

/** Branch of `onDone`: the fault that an actor has ended with is kept. */
export function faultTo<Target extends string>(target: Target) {
  return {
    guard: { type: 'isFault', params: outputOf },
    target,
    actions: { type: 'keep', params: outputOf },
  } as const;
}

/** `params` of an action or a guard: the output of an actor. */
export function outputOf<Output>({ event }: { readonly event: { readonly output: Output } }): Output {
  return event.output;
}

/** `params` of an action or a guard: the fields of the event. */
export function eventOf<Event>({ event }: { readonly event: Event }): Event {
  return event;
}

/** A state's deadline has passed: what it waited for is the fault of the action `expired`. */
export function expiresTo<Target extends string>(target: Target, wait: Wait) {
  return { target, actions: { type: 'expired', params: wait } } as const;
}

/** The console says something that ends what is going on: what that means, and the line. */
export function refusedTo<Target extends string>(target: Target, what: string) {
  return { target, actions: { type: 'refused', params: told(what) } } as const;
}

function told(what: string) {
  return ({ event: { line } }: { readonly event: { readonly line: string } }) => ({ what, line });
}
