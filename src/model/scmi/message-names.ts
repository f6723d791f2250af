import { protocolId } from './protocol-ids.ts';

/**
 * The specification's name of a message, for instance `BASE_DISCOVER_AGENT`; where it has none,
 * the protocol's and the message's number.
 *
 * @param protocol - Protocol id, for instance 0x10.
 * @param message - Message id within it.
 */
export function messageName(protocol: number, message: number): string {
  const [prefix, names] = protocols.get(protocol) ?? [`PROTOCOL_${hexadecimal(protocol)}`, {}];
  return `${prefix}_${commonNames[message] ?? names[message] ?? `MESSAGE_${hexadecimal(message)}`}`;
}

/** Whether a message leaves firmware as it is; false where that is not known. */
export function onlyAsks(protocol: number, message: number): boolean {
  return questions.test(messageName(protocol, message));
}

const questions =
  /^[A-Z]+(?:_DOMAIN|_POWER)?_(?:PROTOCOL_VERSION|(?:\w+_)?ATTRIBUTES|DISCOVER_\w+|DESCRIBE_\w+|LIST_\w+|(?:\w+_)?GET)$/;

const hexadecimal = (value: number): string => `0x${value.toString(16)}`;

/** Messages that every protocol has. */
const commonNames: Readonly<Record<number, string>> = {
  0x0: 'PROTOCOL_VERSION',
  0x1: 'PROTOCOL_ATTRIBUTES',
  0x2: 'PROTOCOL_MESSAGE_ATTRIBUTES',
  0x10: 'NEGOTIATE_PROTOCOL_VERSION',
};

/** The specification's chapters 4.2 to 4.12: prefix and names by message id. */
const protocols = new Map<number, readonly [string, Readonly<Record<number, string>>]>([
  [
    protocolId.base,
    [
      'BASE',
      {
        0x3: 'DISCOVER_VENDOR',
        0x4: 'DISCOVER_SUB_VENDOR',
        0x5: 'DISCOVER_IMPLEMENTATION_VERSION',
        0x6: 'DISCOVER_LIST_PROTOCOLS',
        0x7: 'DISCOVER_AGENT',
        0x8: 'NOTIFY_ERRORS',
        0x9: 'SET_DEVICE_PERMISSIONS',
        0xa: 'SET_PROTOCOL_PERMISSIONS',
        0xb: 'RESET_AGENT_CONFIGURATION',
      },
    ],
  ],
  [
    protocolId.powerDomain,
    [
      'POWER_DOMAIN',
      {
        0x3: 'ATTRIBUTES',
        0x4: 'STATE_SET',
        0x5: 'STATE_GET',
        0x6: 'STATE_NOTIFY',
        0x7: 'STATE_CHANGE_REQUESTED_NOTIFY',
        0x8: 'NAME_GET',
      },
    ],
  ],
  [protocolId.systemPower, ['SYSTEM_POWER', { 0x3: 'STATE_SET', 0x4: 'STATE_GET', 0x5: 'STATE_NOTIFY' }]],
  [
    protocolId.performance,
    [
      'PERFORMANCE',
      {
        0x3: 'DOMAIN_ATTRIBUTES',
        0x4: 'DESCRIBE_LEVELS',
        0x5: 'LIMITS_SET',
        0x6: 'LIMITS_GET',
        0x7: 'LEVEL_SET',
        0x8: 'LEVEL_GET',
        0x9: 'NOTIFY_LIMITS',
        0xa: 'NOTIFY_LEVEL',
        0xb: 'DESCRIBE_FASTCHANNEL',
        0xc: 'DOMAIN_NAME_GET',
      },
    ],
  ],
  [
    protocolId.clock,
    [
      'CLOCK',
      {
        0x3: 'ATTRIBUTES',
        0x4: 'DESCRIBE_RATES',
        0x5: 'RATE_SET',
        0x6: 'RATE_GET',
        0x7: 'CONFIG_SET',
        0x8: 'NAME_GET',
        0x9: 'RATE_NOTIFY',
        0xa: 'RATE_CHANGE_REQUESTED_NOTIFY',
        0xb: 'CONFIG_GET',
        0xc: 'POSSIBLE_PARENTS_GET',
        0xd: 'PARENT_SET',
        0xe: 'PARENT_GET',
        0xf: 'GET_PERMISSIONS',
      },
    ],
  ],
  [
    protocolId.sensor,
    [
      'SENSOR',
      {
        0x3: 'DESCRIPTION_GET',
        0x4: 'TRIP_POINT_NOTIFY',
        0x5: 'TRIP_POINT_CONFIG',
        0x6: 'READING_GET',
        0x7: 'AXIS_DESCRIPTION_GET',
        0x8: 'LIST_UPDATE_INTERVALS',
        0x9: 'CONFIG_GET',
        0xa: 'CONFIG_SET',
        0xb: 'CONTINUOUS_UPDATE_NOTIFY',
        0xc: 'NAME_GET',
        0xd: 'AXIS_NAME_GET',
      },
    ],
  ],
  [
    protocolId.resetDomain,
    ['RESET', { 0x3: 'DOMAIN_ATTRIBUTES', 0x4: 'RESET', 0x5: 'NOTIFY', 0x6: 'DOMAIN_NAME_GET' }],
  ],
  [
    protocolId.voltageDomain,
    [
      'VOLTAGE',
      {
        0x3: 'DOMAIN_ATTRIBUTES',
        0x4: 'DESCRIBE_LEVELS',
        0x5: 'CONFIG_SET',
        0x6: 'CONFIG_GET',
        0x7: 'LEVEL_SET',
        0x8: 'LEVEL_GET',
        0x9: 'DOMAIN_NAME_GET',
      },
    ],
  ],
  [
    protocolId.pinControl,
    [
      'PINCTRL',
      {
        0x3: 'ATTRIBUTES',
        0x4: 'LIST_ASSOCIATIONS',
        0x5: 'SETTINGS_GET',
        0x6: 'SETTINGS_CONFIGURE',
        0x7: 'REQUEST',
        0x8: 'RELEASE',
        0x9: 'NAME_GET',
        0xa: 'SET_PERMISSIONS',
      },
    ],
  ],
]);
