/** Actors that a chart names and the run gives: until then each says by its name that it is missing. */
import { type EventObject, fromCallback, fromPromise } from 'xstate';

export function placeholderPromise<Output, Input = undefined>(name: string) {
  return fromPromise<Output, Input>(async () => {
    throw new Error(`the actor "${name}" was not given to this machine`);
  });
}

export function placeholderCallback<Event extends EventObject, Input = undefined>(name: string) {
  return fromCallback<Event, Input>(() => {
    throw new Error(`the actor "${name}" was not given to this machine`);
  });
}
