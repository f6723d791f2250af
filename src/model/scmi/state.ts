import type { FirmwareProfile } from './profile.ts';

/** State that a firmware keeps between messages; at boot as the profile says. */
export interface FirmwareState {
  /** Agents whose channel a transport error left busy. */
  readonly busyChannels: Set<number>;
  /** Owner by device id; absent: nobody. */
  readonly owners: Map<number, number>;
  /** Agents that a device was given to and not taken from, by device id. */
  readonly grants: Map<number, Set<number>>;
  /** Protocols that an agent was denied, by agent. */
  readonly deniedProtocols: Map<number, Set<number>>;
  /** Agents that asked for error notifications. */
  readonly errorNotifications: Set<number>;
  readonly clocks: Map<number, ClockState>;
  /** Reset domains that are asserted. */
  readonly assertedResets: Set<number>;
  readonly powerDomains: Map<number, PowerDomainState>;
  readonly pins: Map<number, PinState>;
  readonly performanceDomains: Map<number, PerformanceDomainState>;
  readonly voltageDomains: Map<number, VoltageDomainState>;
  /** Power state of the system (system-power.ts); the value may change, the object does not. */
  readonly system: { powerState: number };
}

export interface ClockState {
  enabled: boolean;
  /** Hz. */
  rate: number;
}

export interface PowerDomainState {
  on: boolean;
  /** Users that the firmware counts, where it counts. */
  users: number;
}

export interface PinState {
  /** Function id. */
  function: number;
  /** Agent that requested the pin. */
  requestedBy?: number;
  /** Value by configuration type. */
  readonly configurations: Map<number, number>;
}

export interface PerformanceDomainState {
  level: number;
  minimum: number;
  maximum: number;
}

export interface VoltageDomainState {
  on: boolean;
  /** Microvolts. */
  level: number;
}

/** State 3 of the system: it is up. */
const powerUp = 3;

/** The state at boot. */
export function initialState(profile: FirmwareProfile): FirmwareState {
  const owned = profile.devices.flatMap(({ id, owner }) =>
    typeof owner === 'number' ? [[id, owner] as const] : [],
  );
  return {
    busyChannels: new Set(),
    owners: new Map(owned),
    grants: new Map(
      profile.devices.map(({ id, owner }) => [id, new Set(typeof owner === 'number' ? [owner] : [])]),
    ),
    deniedProtocols: new Map(),
    errorNotifications: new Set(),
    clocks: new Map(profile.clocks.map(({ id, enabled, rate }) => [id, { enabled, rate }])),
    assertedResets: new Set(),
    powerDomains: new Map(profile.powerDomains.map(({ id, on, users = 0 }) => [id, { on, users }])),
    pins: new Map(
      (profile.pins?.pins ?? []).map((_, id) => [id, { function: 0, configurations: new Map() }]),
    ),
    performanceDomains: new Map(
      (profile.performanceDomains ?? []).map(({ id, levels, sustainedLevel }) => [
        id,
        { level: sustainedLevel, minimum: levels[0]?.level ?? 0, maximum: levels.at(-1)?.level ?? 0 },
      ]),
    ),
    voltageDomains: new Map((profile.voltageDomains ?? []).map(({ id, on, level }) => [id, { on, level }])),
    system: { powerState: powerUp },
  };
}

/** A state with the same content that shares nothing with the first. */
export function copyState(state: FirmwareState): FirmwareState {
  return {
    busyChannels: new Set(state.busyChannels),
    owners: new Map(state.owners),
    grants: copyMap(state.grants, agents => new Set(agents)),
    deniedProtocols: copyMap(state.deniedProtocols, protocols => new Set(protocols)),
    errorNotifications: new Set(state.errorNotifications),
    clocks: copyMap(state.clocks, clock => ({ ...clock })),
    assertedResets: new Set(state.assertedResets),
    powerDomains: copyMap(state.powerDomains, domain => ({ ...domain })),
    pins: copyMap(state.pins, pin => ({ ...pin, configurations: new Map(pin.configurations) })),
    performanceDomains: copyMap(state.performanceDomains, domain => ({ ...domain })),
    voltageDomains: copyMap(state.voltageDomains, domain => ({ ...domain })),
    system: { ...state.system },
  };
}

function copyMap<Value>(map: ReadonlyMap<number, Value>, copy: (value: Value) => Value): Map<number, Value> {
  const copied = new Map<number, Value>();
  for (const [id, value] of map) copied.set(id, copy(value));
  return copied;
}
