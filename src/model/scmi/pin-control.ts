import { mayUse } from './permissions.ts';
import type { PinProfile } from './profile.ts';
import {
  commonMessages,
  fail,
  type Message,
  type Protocol,
  type Reply,
  type Request,
  type Server,
  succeed,
} from './protocol.ts';
import { protocolId } from './protocol-ids.ts';
import type { PinState } from './state.ts';
import { wordsOfText } from './shared-memory.ts';
import { status } from './status.ts';

/**
 * The Pin control protocol of version 0x10000: SCMI specification section 4.11 (v3.2), TF-A
 * drivers/scmi-msg/scmi_pinctrl.c and plat/rpi/rpi5/bcm2712_pinctrl.c.
 *
 * SET_PERMISSIONS exists and answers NOT_SUPPORTED, as in TF-A.
 */
export const pinControl: Protocol = new Map<number, Message>([
  ...commonMessages(
    server => server.profile.protocols.get(protocolId.pinControl) ?? 0x10000,
    server => {
      const { pins, groups, functions } = pinsOf(server);
      return [((groups.length << 16) | pins.length) >>> 0, functions.length];
    },
    (_, message) => pinControl.has(message),
  ),
  [0x3, { size: 8, handle: attributes }],
  [0x4, { size: 12, handle: listAssociations }],
  [0x5, { size: 8, orMore: true, handle: settingsGet }],
  [0x6, { size: 12, orMore: true, handle: settingsConfigure }],
  [0x7, { size: 8, handle: request }],
  [0x8, { size: 8, handle: release }],
  [0x9, { size: 8, handle: nameGet }],
  [0xa, { size: 0, orMore: true, handle: () => fail(status.NOT_SUPPORTED) }],
]);

/** Meaning of an identifier: the selector of most messages. */
const selector = { pin: 0, group: 1, function: 2 } as const;

const noPins: PinProfile = { pins: [], groups: [], functions: [], configurations: [] };
const pinsOf = (server: Server): PinProfile => server.profile.pins ?? noPins;

/** The names that a selector chooses from; undefined for a selector that is none. */
function namesOf(server: Server, kind: number): readonly string[] | undefined {
  const { pins, groups, functions } = pinsOf(server);
  return [pins, groups, functions][kind];
}

function attributes(server: Server, { words }: Request): Reply {
  const [id = 0, kind = 0] = words;
  const name = namesOf(server, kind)?.[id];
  if (name === undefined) return fail(unknownSelector(server, kind));
  const extended = name.length > shortName ? extendedName : 0;
  return succeed(((elementsOf(server, kind, id).length & 0xffff) | extended) >>> 0, ...wordsOfText(name));
}

/** Characters that PINCTRL_ATTRIBUTES has room for, and the bit that says that there are more. */
const shortName = 15;
const extendedName = 1 << 31;

/** Pins of a group, groups of a function; a pin counts as one. */
function elementsOf(server: Server, kind: number, id: number): readonly number[] {
  const profile = pinsOf(server);
  if (kind === selector.pin) return [id];
  if (kind === selector.group) return profile.groupPins?.[id] ?? [id];
  return profile.functionGroups?.[id] ?? profile.groups.map((_, group) => group);
}

/** Most 16-bit elements that a reply has room for: 92 bytes less status and flags. */
const associationLimit = 42;

function listAssociations(server: Server, { words }: Request): Reply {
  const [id = 0, kind = 0, index = 0] = words;
  if (kind === selector.pin) return fail(unknownSelector(server, kind));
  const names = namesOf(server, kind);
  const known = names?.[id] !== undefined;
  const unchecked = kind === selector.function && server.quirks.has('pin-associations-unchecked');
  if (names === undefined || !(known || unchecked)) return fail(unknownSelector(server, kind));
  const elements = elementsOf(server, kind, id);
  if (index > elements.length && !server.quirks.has('pin-associations-unchecked')) {
    return fail(status.OUT_OF_RANGE);
  }
  const listed = elements.slice(index, index + associationLimit);
  const remaining = (elements.length - index - listed.length) & 0xffff;
  const packed: number[] = [];
  for (const [at, element] of listed.entries()) {
    packed[at >> 1] = ((packed[at >> 1] ?? 0) | ((element & 0xffff) << (16 * (at % 2)))) >>> 0;
  }
  return succeed(((remaining << 16) | listed.length) >>> 0, ...packed);
}

/** Selectors of SETTINGS_GET: one configuration, all of them, or the function alone. */
const wanted = { one: 0, all: 1, functionOnly: 2 } as const;

/** Most configurations that a reply has room for. */
const configurationLimit = 10;

function settingsGet(server: Server, { words }: Request): Reply {
  const [id = 0, word = 0] = words;
  const what = (word >>> 18) & 0x3;
  const kind = (word >>> 16) & 0x3;
  const skip = (word >>> 8) & 0xff;
  const type = word & 0xff;
  if (kind > selector.group || what > wanted.functionOnly) return fail(invalidSelector(server));
  if ((what === wanted.all || skip > 0) && server.quirks.has('pin-get-all-not-supported')) {
    return fail(status.NOT_SUPPORTED);
  }
  const [pin] = namesOf(server, kind)?.[id] === undefined ? [] : elementsOf(server, kind, id);
  const state = pin === undefined ? undefined : server.state.pins.get(pin);
  if (pin === undefined || state === undefined) return fail(unknownSelector(server, selector.pin));
  const selected = readFunction(server, pin, state);
  if (what === wanted.functionOnly) return succeed(selected, 0);
  const supported = pinsOf(server).configurations;
  if (what === wanted.one) {
    if (!isConfigurationType(type)) return fail(unknownConfiguration(server));
    if (!supported.includes(type)) return fail(status.NOT_SUPPORTED);
    return succeed(selected, 1, type, state.configurations.get(type) ?? 0);
  }
  const all = [...state.configurations].slice(skip, skip + configurationLimit);
  const remaining = Math.max(0, state.configurations.size - skip - all.length);
  return succeed(selected, ((remaining << 24) | all.length) >>> 0, ...all.flat());
}

const noFunction = 0xffff_ffff;

function settingsConfigure(server: Server, { agent, size, words }: Request): Reply {
  const [id = 0, functionId = 0, word = 0, ...settings] = words;
  const kind = word & 0x3;
  const count = (word >>> 2) & 0xff;
  const selectsFunction = (word & (1 << 10)) !== 0;
  if (kind > selector.group) return fail(invalidSelector(server));
  if (namesOf(server, kind)?.[id] === undefined) return fail(unknownSelector(server, kind));
  if (size < 12 + 8 * count) return fail(status.PROTOCOL_ERROR);
  const pins = elementsOf(server, kind, id);
  if (!pins.every(pin => mayUse(server, agent, 'pins', pin))) {
    const what = kind === selector.pin ? 'pin' : 'group';
    server.print(`ERROR:   scmi: pinctrl cfg denied ${what} id ${id}`);
    return fail(status.DENIED);
  }
  if (selectsFunction) {
    if (functionId === noFunction) return fail(status.PROTOCOL_ERROR);
    if (pinsOf(server).functions[functionId] === undefined) {
      return fail(unknownSelector(server, selector.function));
    }
    for (const pin of pins) selectFunction(server, pin, functionId);
  }
  for (let at = 0; at < count; at++) {
    const [type = 0, value = 0] = settings.slice(2 * at);
    if (!isConfigurationType(type)) return fail(unknownConfiguration(server));
    if (!pinsOf(server).configurations.includes(type)) {
      const generic = server.quirks.has('pin-configuration-generic-error');
      return fail(generic ? status.GENERIC_ERROR : status.NOT_SUPPORTED);
    }
    for (const pin of pins) configure(server.state.pins.get(pin), type, value);
  }
  return succeed();
}

/** Functions below this are positions of the multiplexer, for every pin. */
const positions = 9;

/**
 * A function that the pin's multiplexer lacks is taken and changes nothing
 * (bcm2712_pinctrl.c bcm2712_pinctrl_fsel_set).
 */
function selectFunction(server: Server, pin: number, functionId: number): void {
  const state = server.state.pins.get(pin);
  if (state !== undefined && positionOf(server, pin, functionId) !== undefined) {
    state.function = functionId;
  }
}

/** The multiplexer's position of a function; where the profile says nothing of it, its id. */
function positionOf(server: Server, pin: number, functionId: number): number | undefined {
  const { multiplexers } = pinsOf(server);
  if (multiplexers === undefined) return functionId;
  const choices = multiplexers[pin];
  if (choices === undefined) return undefined;
  if (functionId < positions) return functionId;
  const at = choices.indexOf(functionId);
  return at < 0 ? undefined : at + 1;
}

function readFunction(server: Server, pin: number, state: PinState): number {
  const { multiplexers } = pinsOf(server);
  if (multiplexers === undefined || !server.quirks.has('pin-function-read-off-by-one')) {
    return state.function;
  }
  const position = positionOf(server, pin, state.function);
  if (position === undefined) return 0;
  const choices = [...(multiplexers[pin] ?? []), multiplexers[pin + 1]?.[0] ?? null];
  return choices[position] ?? position;
}

/** Biases 1 to 6 exclude each other. */
const lastBias = 6;

function configure(pin: PinState | undefined, type: number, value: number): void {
  if (pin === undefined) return;
  if (type > lastBias) {
    pin.configurations.set(type, value);
    return;
  }
  for (let bias = 1; bias <= lastBias; bias++) pin.configurations.delete(bias);
  pin.configurations.set(type, 1);
}

function request(server: Server, message: Request): Reply {
  const { pins, refusal } = requestedPins(server, message);
  if (refusal !== undefined) return fail(refusal);
  if (server.quirks.has('pin-request-unchecked')) return succeed();
  const states = pins.map(pin => server.state.pins.get(pin));
  const taken = states.some(state => state?.requestedBy !== undefined && state.requestedBy !== message.agent);
  if (taken) return fail(status.IN_USE);
  for (const state of states) if (state !== undefined) state.requestedBy = message.agent;
  return succeed();
}

function release(server: Server, message: Request): Reply {
  const { pins, refusal } = requestedPins(server, message);
  if (refusal !== undefined) return fail(refusal);
  for (const pin of pins) {
    const state = server.state.pins.get(pin);
    if (state?.requestedBy === message.agent) delete state.requestedBy;
  }
  return succeed();
}

interface RequestedPins {
  readonly pins: readonly number[];
  /** Status that refuses them. */
  readonly refusal?: number;
}

/** The pins that REQUEST or RELEASE names, if the caller may have them. */
function requestedPins(server: Server, { agent, words }: Request): RequestedPins {
  const [id = 0, flags = 0] = words;
  const kind = flags & 0x3;
  if (kind > selector.group) return { pins: [], refusal: status.INVALID_PARAMETERS };
  const known = namesOf(server, kind)?.[id] !== undefined;
  if (!known && !server.quirks.has('pin-request-unchecked')) return { pins: [], refusal: status.NOT_FOUND };
  const pins = elementsOf(server, kind, id);
  if (pins.every(pin => mayUse(server, agent, 'pins', pin))) return { pins };
  server.print(`ERROR:   scmi: pinctrl request denied type=${kind} selector id ${id}`);
  return { pins, refusal: status.DENIED };
}

function nameGet(server: Server, { words }: Request): Reply {
  const [id = 0, kind = 0] = words;
  const name = namesOf(server, kind)?.[id];
  return name === undefined ? fail(unknownSelector(server, kind)) : succeed(0, ...wordsOfText(name, 64));
}

/** Types of specification table 22 that have a meaning of their own. */
function isConfigurationType(type: number): boolean {
  return (type >= 1 && type <= 12) || (type >= 15 && type <= 20);
}

const unknownConfiguration = (server: Server): number =>
  server.quirks.has('pin-configuration-sign') ? -status.INVALID_PARAMETERS : status.INVALID_PARAMETERS;

function unknownSelector(server: Server, kind: number): number {
  if (server.quirks.has('pin-selector-protocol-error')) return status.PROTOCOL_ERROR;
  return kind > selector.function ? status.INVALID_PARAMETERS : status.NOT_FOUND;
}

/** Settings belong to pins and groups: any other selector is reserved. */
const invalidSelector = (server: Server): number =>
  server.quirks.has('pin-selector-protocol-error') ? status.PROTOCOL_ERROR : status.INVALID_PARAMETERS;
