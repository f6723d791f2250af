import type { FirmwareProfile } from './profile.ts';
import { status } from './status.ts';

/** A fault that a firmware can be given on purpose. `management` below is the agent that it concerns. */
export interface Fault {
  readonly effect: string;
  /** Base messages that do not exist. */
  readonly missingBaseMessages?: readonly number[];
  /** Base messages of the management agent after which its channel is not FREE; `all`: any message. */
  readonly leavesBusyAfter?: readonly number[] | 'all';
  /** Return value of the management agent's SMC; the message is not read. */
  readonly smcResult?: number;
  readonly privilegedAgent?: number;
  /** Status of Base messages, by message id; only towards the management agent where `towards` says so. */
  readonly baseStatus?: ReadonlyMap<number, number>;
  readonly towards?: 'management';
  readonly reportedAgents?: number;
  /** Length word of each reply to the management agent, in bytes. */
  readonly replyLength?: number;
}

/** Every fault by name. Its place is its bit in a fault word: new ones come last. */
export const faults: ReadonlyMap<string, Fault> = new Map<string, Fault>([
  [
    'no-reset-agent-configuration',
    { effect: 'RESET_AGENT_CONFIGURATION is NOT_SUPPORTED', missingBaseMessages: [0xb] },
  ],
  [
    'no-set-device-permissions',
    { effect: 'SET_DEVICE_PERMISSIONS is NOT_SUPPORTED', missingBaseMessages: [0x9] },
  ],
  ['no-discover-agent', { effect: 'DISCOVER_AGENT is NOT_SUPPORTED', missingBaseMessages: [0x7] }],
  [
    'management-channel-stuck-busy',
    {
      effect: "after a message of the management agent its channel's status word is 0, not FREE",
      leavesBusyAfter: 'all',
    },
  ],
  [
    'stuck-busy-on-permission-messages',
    {
      effect:
        "after SET_DEVICE_PERMISSIONS or RESET_AGENT_CONFIGURATION of the management agent its channel's status word is 0",
      leavesBusyAfter: [0x9, 0xb],
    },
  ],
  [
    'smc-returns-invalid-parameter',
    {
      effect: 'the SMC of the management agent returns -3 and its message is not looked at',
      smcResult: -3,
    },
  ],
  ['privileged-agent-0', { effect: 'agent 0 is the privileged one', privilegedAgent: 0 }],
  [
    'reset-agent-configuration-denied',
    { effect: 'RESET_AGENT_CONFIGURATION answers DENIED', baseStatus: new Map([[0xb, status.DENIED]]) },
  ],
  ['agent-count-2', { effect: 'PROTOCOL_ATTRIBUTES of Base says 2 agents', reportedAgents: 2 }],
  [
    'response-length-0',
    { effect: 'the length word of each reply to the management agent is 0', replyLength: 0 },
  ],
  [
    'response-length-64',
    { effect: 'the length word of each reply to the management agent is 64', replyLength: 64 },
  ],
  [
    'protocol-attributes-generic-error',
    {
      effect: 'PROTOCOL_ATTRIBUTES of Base answers the management agent with GENERIC_ERROR',
      baseStatus: new Map([[0x1, status.GENERIC_ERROR]]),
      towards: 'management',
    },
  ],
  [
    'smc-returns-not-supported',
    {
      effect: 'the SMC of the management agent returns -1 and its message is not looked at',
      smcResult: -1,
    },
  ],
  [
    'set-device-permissions-denied',
    { effect: 'SET_DEVICE_PERMISSIONS answers DENIED', baseStatus: new Map([[0x9, status.DENIED]]) },
  ],
]);

/**
 * The faults by name.
 *
 * @throws {RangeError} For an unknown name, with those that are known.
 */
export function faultsByName(names: readonly string[]): readonly Fault[] {
  return names.map(name => {
    const fault = faults.get(name);
    if (fault === undefined) {
      throw new RangeError(`unknown firmware fault '${name}'; known are ${[...faults.keys()].join(', ')}`);
    }
    return fault;
  });
}

/**
 * The word by which the firmware of firmware/qemu-virt/el3 is told its faults: bit n stands for the
 * n-th of {@link faults}.
 *
 * @throws {RangeError} For an unknown name, with those that are known.
 */
export function faultWord(names: readonly string[]): number {
  faultsByName(names);
  return (
    [...faults.keys()].reduce((word, name, bit) => word | (names.includes(name) ? 1 << bit : 0), 0) >>> 0
  );
}

/** Names of the faults that a word stands for, in their order. */
export function faultsOfWord(word: number): string[] {
  return [...faults.keys()].filter((_, bit) => (word & (1 << bit)) !== 0);
}

/**
 * The agent that faults of "the management agent" concern: the one that the profile, without any
 * fault, lets set permissions; else its first.
 */
export function managementAgent(profile: FirmwareProfile): number | undefined {
  return profile.privilegedAgent ?? profile.agents[0]?.id;
}
