/** The EL3 firmware's tables in C, made of a firmware profile. */
import { type Fault, faults, managementAgent } from '../../model/scmi/faults.ts';
import type { DeviceProfile, FirmwareProfile } from '../../model/scmi/profile.ts';
import { protocolId } from '../../model/scmi/protocol-ids.ts';

/**
 * The tables of firmware/qemu-virt/el3/scmi/scmi_profile.h, so that the model and that firmware serve the same.
 *
 * @returns C source, `scmi_profile.inc`
 * @throws {RangeError} Naming what the profile has and the C server has no code for.
 */
export function firmwareTables(given: FirmwareProfile): string {
  refuseWhatIsNotServed(given);
  const pins = given.pins ?? { pins: [], groups: [], functions: [], configurations: [] };
  const groupPins = pins.groups.map((_, id) => pins.groupPins?.[id] ?? [id]);
  const functionGroups = pins.functions.map(
    (_, id) => pins.functionGroups?.[id] ?? pins.groups.map((__, group) => group),
  );
  const management = managementAgent(given) ?? 0;
  return [
    `/* Generated from the firmware profile ${given.name}; do not edit. */`,
    `const char scmi_vendor[] = ${text(given.vendor)};`,
    `const char scmi_sub_vendor[] = ${text(given.subVendor)};`,
    `const uint32_t scmi_implementation_version = ${word(given.implementationVersion)};`,
    `const uint32_t scmi_base_messages = ${word(mask(given.baseMessages))};`,
    `const uint32_t scmi_management_agent = ${word(management)};`,
    `const uint32_t scmi_privileged_agent = ${word(given.privilegedAgent ?? 0xffff_ffff)};`,
    `const uint64_t scmi_fault_word = ${word(given.faultWord ?? 0)}LL;`,
    `const bool scmi_unknown_message_is_not_found = ${given.unknownMessage === 'not-found'};`,
    `const char scmi_unknown_service_call[] = ${text((given.unknownServiceCall ?? '%').replace(/%$/, ''))};`,
    table(
      'scmi_protocol_version',
      'scmi_protocols',
      [...given.protocols].filter(([id]) => id !== protocolId.base),
      ([id, version]) => [word(id), word(version)],
    ),
    table('scmi_agent_profile', 'scmi_agents', given.agents, ({ id, name: agent, functionId, shmem }) => [
      word(id),
      text(agent),
      word(functionId),
      `${word(shmem)}LL`,
    ]),
    table('scmi_device_profile', 'scmi_devices', given.devices, device => [
      word(device.id),
      ...owner(device.owner),
      list(device.clocks),
      list(device.resets),
      list(device.powerDomains),
      list(device.pins),
    ]),
    table(
      'scmi_clock_profile',
      'scmi_clocks',
      given.clocks,
      ({ id, name: clock, rate, enabled, alwaysOn = false, range }) => [
        word(id),
        text(clock),
        wide(rate),
        wide(range?.min ?? rate),
        wide(range?.max ?? rate),
        wide(range?.step ?? 1),
        String(range !== undefined),
        String(enabled),
        String(alwaysOn),
      ],
    ),
    table('scmi_reset_profile', 'scmi_resets', given.resets, ({ id, name: reset }) => [
      word(id),
      text(reset),
    ]),
    table(
      'scmi_power_domain_profile',
      'scmi_power_domains',
      given.powerDomains,
      ({ id, name: domain, on, alwaysOn = false }) => [word(id), text(domain), String(on), String(alwaysOn)],
    ),
    table('scmi_pin_profile', 'scmi_pins', [...pins.pins.entries()], ([id, pin]) => [text(pin), list([id])]),
    table('scmi_pin_profile', 'scmi_pin_groups', [...pins.groups.entries()], ([id, group]) => [
      text(group),
      list(groupPins[id] ?? []),
    ]),
    table('scmi_pin_profile', 'scmi_pin_functions', [...pins.functions.entries()], ([id, pin]) => [
      text(pin),
      list(functionGroups[id] ?? []),
    ]),
    `const uint32_t scmi_pin_configurations = ${word(mask(pins.configurations))};`,
    table('scmi_fault', 'scmi_faults', [...faults], ([title, fault]) => [text(title), ...faultFields(fault)]),
    '',
  ].join('\n');
}

/** @throws {RangeError} Naming each field that the C server has no code for. */
function refuseWhatIsNotServed(given: FirmwareProfile): void {
  const served: readonly number[] = [
    protocolId.base,
    protocolId.powerDomain,
    protocolId.clock,
    protocolId.resetDomain,
    protocolId.pinControl,
  ];
  const problems = [
    ...given.quirks.map(quirk => `quirk ${quirk}`),
    ...[...given.protocols.keys()]
      .filter(id => !served.includes(id))
      .map(id => `protocol 0x${id.toString(16)}`),
    ...(given.permissions === 'device-owner' ? [] : [`permissions ${given.permissions}`]),
    ...(given.devicePolicy === 'single-owner' ? [] : [`devicePolicy ${given.devicePolicy}`]),
    ...(given.resetAgentPolicy === 'permissions' ? [] : [`resetAgentPolicy ${given.resetAgentPolicy}`]),
    ...(given.reportedAgents === undefined ? [] : ['reportedAgents']),
    ...(given.pins?.multiplexers === undefined ? [] : ['pins.multiplexers']),
    ...(given.unknownServiceCall?.endsWith('%') === false
      ? ['unknownServiceCall that goes on after its %']
      : []),
    ...(given.faultWord === undefined ? ['no faultWord'] : []),
    ...(given.agents.length <= 32 ? [] : ['more than 32 agents']),
    ...(faults.size <= 32 ? [] : ['more than 32 faults']),
  ];
  if (problems.length > 0)
    throw new RangeError(`profile ${given.name}: not served by the C server: ${problems.join(', ')}`);
}

/** A table and its length; an entry of zeroes stands in for none, as C has no empty array. */
function table<Entry>(
  type: string,
  variable: string,
  entries: readonly Entry[],
  fields: (entry: Entry) => readonly string[],
): string {
  const rows = entries.map(entry => `\t{ ${fields(entry).join(', ')} },`);
  return [
    `const struct ${type} ${variable}[] = {`,
    ...(rows.length > 0 ? rows : ['\t{ 0 },']),
    '};',
    `const uint32_t ${variable}_count = ${entries.length}U;`,
  ].join('\n');
}

function owner(of: DeviceProfile['owner']): [kind: string, agent: string] {
  if (typeof of === 'number') return ['SCMI_OWNER_AGENT', word(of)];
  return [`SCMI_OWNER_${of.toUpperCase()}`, '0U'];
}

function faultFields(fault: Fault): string[] {
  const statuses = [...(fault.baseStatus ?? [])];
  if (statuses.length > 1)
    throw new RangeError('a fault of more than one status is not served by the C server');
  const [[message, status] = [0, 0]] = statuses;
  const busy = fault.leavesBusyAfter;
  return [
    word(mask(fault.missingBaseMessages ?? [])),
    word(busy === 'all' ? 0 : mask(busy ?? [])),
    String(busy === 'all'),
    String(fault.smcResult ?? 0),
    ...optional(fault.privilegedAgent),
    ...optional(fault.reportedAgents),
    ...optional(fault.replyLength),
    String(statuses.length > 0),
    word(message),
    String(status),
    String(fault.towards === 'management'),
  ];
}

function optional(value: number | undefined): [isThere: string, value: string] {
  return [String(value !== undefined), word(value ?? 0)];
}

/** A bit per number, 0 to 31. */
function mask(numbers: readonly number[]): number {
  const [large] = numbers.filter(number => number > 31);
  if (large !== undefined) throw new RangeError(`${large} is more than a word has bits`);
  return numbers.reduce((bits, number) => bits | (1 << number), 0) >>> 0;
}

function list(ids: readonly number[]): string {
  return ids.length === 0
    ? '{ NULL, 0U }'
    : `{ (const uint16_t[]){ ${ids.map(id => `${id}U`).join(', ')} }, ${ids.length}U }`;
}

function word(value: number): string {
  return `0x${value.toString(16)}U`;
}

function wide(value: number): string {
  return `${value}ULL`;
}

/** Names are printable ASCII (boards/firmware schema), so only these two need escaping. */
function text(value: string): string {
  return `"${value.replaceAll(/["\\]/g, character => `\\${character}`)}"`;
}
