/**
 * One EL3 firmware: agents, channels, resources and the places where it leaves the
 * specification. Profiles are data (boards/firmware/*.yaml); src/model/scmi serves any of them.
 */
export interface FirmwareProfile {
  /** Name that `--firmware` and board types use, for instance `reference`. */
  readonly name: string;
  /** Where the numbers come from: repository, branch, revision. */
  readonly origin: string;
  readonly vendor: string;
  readonly subVendor: string;
  readonly implementationVersion: number;
  /** Version words by protocol id, for instance `{ 16: 0x20000 }`. Base is always there. */
  readonly protocols: ReadonlyMap<number, number>;
  /** Number of agents in the reply to PROTOCOL_ATTRIBUTES of Base, if it is not their real number. */
  readonly reportedAgents?: number;
  readonly agents: readonly AgentProfile[];
  /** Agent that alone may use messages 0x9, 0xA, 0xB of Base; null: nobody. */
  readonly privilegedAgent: number | null;
  /** Ids of Base messages that exist. */
  readonly baseMessages: readonly number[];
  readonly devices: readonly DeviceProfile[];
  readonly clocks: readonly ClockProfile[];
  readonly resets: readonly ResetProfile[];
  readonly powerDomains: readonly PowerDomainProfile[];
  readonly pins?: PinProfile;
  readonly performanceDomains?: readonly PerformanceDomainProfile[];
  readonly sensors?: readonly SensorProfile[];
  readonly voltageDomains?: readonly VoltageDomainProfile[];
  /** Agents beside the privileged one that may change the power state of the system. */
  readonly systemPowerAgents?: readonly number[];
  /** Named departures from the specification; quirks.ts documents each. */
  readonly quirks: readonly string[];
  /**
   * Permission for a resource. `device-owner`: the privileged agent, and the owner of a device that has the
   * resource is assigned to. `none`: every agent may use everything.
   */
  readonly permissions: 'device-owner' | 'none';
  /**
   * Effect of SET_DEVICE_PERMISSIONS. `single-owner`: one agent at a time owns a device.
   * `none`: no device id is known to it.
   */
  readonly devicePolicy: 'single-owner' | 'none';
  /**
   * Effect of RESET_AGENT_CONFIGURATION. `permissions`: with flag bit 0 the agent's devices lose
   * their owner. `resources`: resets of the agent's devices are asserted, their clocks stopped and
   * their power domains released, whatever the flag. `not-supported`: the status.
   */
  readonly resetAgentPolicy: 'permissions' | 'resources' | 'not-supported';
  /**
   * Status of a message id that a protocol does not have. `not-supported`: TF-A, which also prints it (drivers/scmi-msg/entry.c).
   * `not-found`: SCP-firmware (module/scmi/src/mod_scmi.c). A protocol that is not there is NOT_SUPPORTED in both.
   */
  readonly unknownMessage: 'not-supported' | 'not-found';
  /** Line that an SMC with an unknown SiP id prints on the firmware's console; `%` stands for its hexadecimal digits. */
  readonly unknownServiceCall?: string;
  /** Address of the word that tells it its faults when it starts (`faultWord`); absent: it takes none. */
  readonly faultWord?: number;
}

export interface AgentProfile {
  readonly id: number;
  readonly name: string;
  readonly functionId: number;
  /** Physical address and size in bytes of the shared memory page. */
  readonly shmem: number;
  readonly shmemSize: number;
}

/** A device of SET_DEVICE_PERMISSIONS and the resources that come with it. */
export interface DeviceProfile {
  readonly id: number;
  readonly name: string;
  readonly clocks: readonly number[];
  readonly resets: readonly number[];
  readonly powerDomains: readonly number[];
  readonly pins: readonly number[];
  /** `shared`: all agents, always; `firmware`: never assignable; a number: that agent owns it at boot. */
  readonly owner: 'shared' | 'firmware' | 'none' | number;
}

export interface ClockProfile {
  readonly id: number;
  readonly name: string;
  /** Hz at boot. */
  readonly rate: number;
  readonly enabled: boolean;
  /** Hz; absent: the rate is fixed. */
  readonly range?: { readonly min: number; readonly max: number; readonly step: number };
  /** Runs always: CONFIG_SET succeeds and changes nothing. */
  readonly alwaysOn?: boolean;
}

interface ResetProfile {
  readonly id: number;
  readonly name: string;
}

export interface PowerDomainProfile {
  readonly id: number;
  readonly name: string;
  readonly parent?: number;
  readonly on: boolean;
  readonly alwaysOn?: boolean;
  /** Users that the firmware counts at boot; absent: none. */
  readonly users?: number;
}

/** Pins, groups and functions have their index as id. */
export interface PinProfile {
  readonly pins: readonly string[];
  readonly groups: readonly string[];
  readonly functions: readonly string[];
  /** Pins of each group, by id; absent: group n is pin n. */
  readonly groupPins?: readonly (readonly number[])[];
  /** Groups of each function, by id; absent: every function is on every group. */
  readonly functionGroups?: readonly (readonly number[])[];
  /** Configuration types that the hardware has (specification table 22), for instance 2 bias-disable. */
  readonly configurations: readonly number[];
  /**
   * Functions that each pin's multiplexer has at positions 1 to 8, by id; null: none there. A pin
   * without an entry has no multiplexer. Absent: every pin has every function.
   */
  readonly multiplexers?: readonly (readonly (number | null)[])[];
}

export interface PerformanceDomainProfile {
  readonly id: number;
  readonly name: string;
  /** In ascending order; `power` in mW, `latency` in microseconds. */
  readonly levels: readonly { readonly level: number; readonly power: number; readonly latency: number }[];
  /** Level at boot, which can be sustained, and its frequency in kHz. */
  readonly sustainedLevel: number;
  readonly sustainedFrequency: number;
}

interface SensorProfile {
  readonly id: number;
  readonly name: string;
  /** Sensor type of specification table 15, for instance 2 degrees Celsius. */
  readonly type: number;
  /** Power of ten of a reading's unit, -16 to 15. */
  readonly exponent: number;
  /** Its reading: a signed number. */
  readonly reading: number;
}

export interface VoltageDomainProfile {
  readonly id: number;
  readonly name: string;
  /** Microvolts, in ascending order. */
  readonly levels: readonly number[];
  /** Microvolts at boot. */
  readonly level: number;
  readonly on: boolean;
}
