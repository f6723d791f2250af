import { protocolsOf } from './base.ts';
import { type Answer, processMessage } from './entry.ts';
import { type Fault, faultsByName, managementAgent } from './faults.ts';
import type { FirmwareMessage } from './firmware-message.ts';
import { decodeHeader } from './header.ts';
import type { PhysicalMemory } from './memory.ts';
import type { AgentProfile, FirmwareProfile } from './profile.ts';
import type { Server } from './protocol.ts';
import { type Quirk, quirksByName } from './quirks.ts';
import { SharedMemory } from './shared-memory.ts';
import { initialiseChannel, processChannel } from './smt.ts';
import {
  type ClockState,
  copyState,
  type FirmwareState,
  initialState,
  type PinState,
  type PowerDomainState,
} from './state.ts';

/** Results of an SMC: x0 as a signed 32-bit number. */
const smcResult = { success: 0, notSupported: -1, invalidParameter: -3 } as const;

export interface FirmwareOptions {
  /** Memory in which the agents' areas lie. */
  readonly memory: PhysicalMemory;
  /** Names of faults that it has on purpose (faults.ts). */
  readonly faults?: readonly string[];
  /** Handler of a message that the transport took; `processMessage` by default. */
  readonly answer?: Answer;
  /** Told each message that is looked at, after its answer. */
  readonly onMessage?: (message: FirmwareMessage) => void;
  /** Told each line of the firmware's console, without its end. */
  readonly onConsole?: (text: string) => void;
}

/**
 * An EL3 firmware with an SCMI server: TF-A's drivers/scmi-msg with what a profile says of its
 * platform.
 *
 * @example
 * const memory = new PhysicalMemory();
 * const firmware = new Firmware(profile, { memory, onMessage: message => log.push(message) });
 * const area = new SharedMemory(memory, 0x47ff_1000);
 * putMessage(area, { protocol: protocolId.base, message: 0x7, words: [0xffff_ffff] });
 * firmware.smc(0x8200_0003); // 0
 * readReply(area).status; // 0
 */
export class Firmware {
  readonly profile: FirmwareProfile;
  readonly #memory: PhysicalMemory;
  readonly #quirks: ReadonlySet<Quirk>;
  readonly #faults: readonly Fault[];
  readonly #answer: Answer;
  readonly #onMessage: (message: FirmwareMessage) => void;
  readonly #onConsole: (text: string) => void;
  #state: FirmwareState;

  /**
   * Boots it: the agents' channels are free afterwards.
   *
   * @throws {RangeError} For an unknown fault or quirk.
   * @throws {MemoryAbort} Where an agent's area is not backed by memory.
   */
  constructor(profile: FirmwareProfile, options: FirmwareOptions) {
    this.profile = profile;
    this.#memory = options.memory;
    this.#quirks = quirksByName(profile.quirks);
    this.#faults = faultsByName(options.faults ?? []);
    this.#answer = options.answer ?? processMessage;
    this.#onMessage = options.onMessage ?? (() => {});
    this.#onConsole = options.onConsole ?? (() => {});
    this.#state = initialState(profile);
    this.reset();
  }

  /** A cold boot: all state as the profile says, all channels initialised. */
  reset(): void {
    this.#state = initialState(this.profile);
    for (const agent of this.profile.agents) initialiseChannel(this.#area(agent));
  }

  /**
   * An SMC with this function id.
   *
   * @returns x0, signed: 0 whenever an agent has the id, whatever becomes of its message; -1 for an
   *   unknown id; -3 only by fault.
   */
  smc(functionId: number): number {
    const agent = this.profile.agents.find(candidate => candidate.functionId === functionId >>> 0);
    if (agent === undefined) {
      this.#unknownServiceCall(functionId >>> 0);
      return smcResult.notSupported;
    }
    const faulty = this.#faults.find(fault => fault.smcResult !== undefined)?.smcResult;
    if (faulty !== undefined && agent.id === managementAgent(this.profile)) return faulty;
    const area = this.#area(agent);
    const { protocol, message } = decodeHeader(area.header);
    const length = area.length;
    const argument = length > 4 ? area.word(0) : 0;
    processChannel(this.#server(), agent, area, this.#answer);
    this.#onMessage({
      functionId: functionId >>> 0,
      agent: agent.id,
      protocol,
      message,
      length,
      argument,
      status: area.word(0) | 0,
      channelStatus: area.channelStatus,
      replyLength: area.length,
    });
    return smcResult.success;
  }

  /**
   * Remembers the state; what the agents' areas hold is memory's.
   *
   * @returns What brings it back, any number of times.
   */
  snapshot(): () => void {
    const kept = copyState(this.#state);
    return () => {
      this.#state = copyState(kept);
    };
  }

  /** Agent that may use the permission messages of Base, faults included; null: nobody. */
  get privilegedAgent(): number | null {
    return (
      this.#faults.find(fault => fault.privilegedAgent !== undefined)?.privilegedAgent ??
      this.profile.privilegedAgent
    );
  }

  /** Agent that SET_DEVICE_PERMISSIONS gave a device to (or that had it at boot); undefined: nobody. */
  ownerOf(device: number): number | undefined {
    return this.#state.owners.get(device);
  }

  /** Agents that hold a device's permission. More than its owner only by a bug of the firmware. */
  holdersOf(device: number): number[] {
    return [...(this.#state.grants.get(device) ?? [])].toSorted((a, b) => a - b);
  }

  /** Protocols beside Base that an agent is told of. */
  protocolsOf(agent: number): number[] {
    return protocolsOf(this.#server(), agent);
  }

  clock(id: number): Readonly<ClockState> | undefined {
    return this.#state.clocks.get(id);
  }

  isResetAsserted(id: number): boolean {
    return this.#state.assertedResets.has(id);
  }

  powerDomain(id: number): Readonly<PowerDomainState> | undefined {
    return this.#state.powerDomains.get(id);
  }

  pin(id: number): Readonly<PinState> | undefined {
    return this.#state.pins.get(id);
  }

  /** Whether a transport error has left an agent's channel unusable until the next boot. */
  isChannelStuck(agent: number): boolean {
    return this.#state.busyChannels.has(agent);
  }

  #area(agent: AgentProfile): SharedMemory {
    return new SharedMemory(this.#memory, agent.shmem, 'secure');
  }

  #server(): Server {
    return {
      profile: this.profile,
      quirks: this.#quirks,
      faults: this.#faults,
      privilegedAgent: this.privilegedAgent,
      state: this.#state,
      print: this.#onConsole,
    };
  }

  #unknownServiceCall(functionId: number): void {
    const line = this.profile.unknownServiceCall;
    if (line !== undefined) this.#onConsole(line.replace('%', functionId.toString(16)));
  }
}
