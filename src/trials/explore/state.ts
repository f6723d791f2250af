/** State of the machine as the walk compares it, and the test for equality. */

export interface State {
  /** Dom0 first, then guests by name. */
  readonly domains: readonly DomainState[];
  readonly channels: readonly ChannelState[];
  /** The devices that are explored. */
  readonly devices: readonly DeviceState[];
  /** State of each explored resource, in their order. */
  readonly resources: readonly string[];
  /** Agents whose channel answers ERROR until the next boot. */
  readonly stuck: readonly number[];
  /** Agents whose channel is marked busy though nobody waits on it. */
  readonly busy: readonly number[];
  /** Agents whose page Dom0 may pass on to a guest. */
  readonly passable: readonly number[];
}

export interface DomainState {
  /** `dom0`, `guest1`, ... */
  readonly name: string;
  /** Agent that it was given when it was created; null: none. */
  readonly agent: number | null;
  /** Agents whose page it has mapped. */
  readonly pages: readonly number[];
  /** Its destruction did not complete. */
  readonly dying: boolean;
}

/** A channel of the mediator, its own included. */
export interface ChannelState {
  readonly agent: number;
  readonly functionId: number;
  readonly address: number;
  /** Name of the domain that holds it; `xen`; null: free; `nobody`: a domain that is gone. */
  readonly holder: string | null;
}

interface DeviceState {
  readonly id: number;
  readonly owner: number | null;
  /** Agents that may use it. */
  readonly holders: readonly number[];
}

/**
 * A text that two states share exactly if whatever can happen next is the same. Guests have no identity beside what
 * they hold: a state in which their names are swapped is the same one.
 */
export function keyOf(state: State): string {
  const guests = state.domains
    .map(({ name, agent, pages, dying }) => {
      const held = state.channels.filter(({ holder }) => holder === name).map(each => each.agent);
      return `${name === 'dom0' ? 'dom0' : 'guest'} ${agent} ${pages.join('+')} ${held.join('+')}${dying ? ' dying' : ''}`;
    })
    .toSorted();
  const lost = state.channels.filter(({ holder }) => holder === 'nobody').map(each => each.agent);
  const devices = state.devices.map(({ owner, holders }) => `${owner}:${holders.join('+')}`);
  return [
    guests.join(','),
    lost.join(),
    devices.join(),
    state.resources.join(),
    state.stuck.join(),
    state.busy.join(),
    state.passable.join(),
  ].join('|');
}
