/** One source of events, any number of listeners: each gets what comes after it began to listen. */
export class Broadcast<Event> {
  readonly #listeners = new Set<(event: Event) => void>();

  /** @returns what ends the listening */
  listen(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  send(event: Event): void {
    // A listener that is added during this event does not get it.
    const listeners = [...this.#listeners];
    for (const listener of listeners) listener(event);
  }
}
