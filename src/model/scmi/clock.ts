import { mayUse } from './permissions.ts';
import type { ClockProfile } from './profile.ts';
import {
  argument,
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
import type { ClockState } from './state.ts';
import { wordsOfText } from './shared-memory.ts';
import { status } from './status.ts';

/**
 * The Clock protocol of version 0x20000: SCMI specification section 4.6, TF-A
 * drivers/scmi-msg/clock.c.
 */
export const clock: Protocol = new Map<number, Message>([
  ...commonMessages(
    server => server.profile.protocols.get(protocolId.clock) ?? 0x20000,
    // One asynchronous rate change at a time, as TF-A reports it.
    server => [(server.profile.clocks.length & 0xffff) | (1 << 16)],
    (_, message) => clock.has(message),
  ),
  [0x3, { size: 4, handle: withClock(0, attributes) }],
  [0x4, { size: 8, handle: withClock(0, describeRates) }],
  [0x5, { size: 16, handle: withClock(1, rateSet) }],
  [0x6, { size: 4, handle: withClock(0, rateGet) }],
  [0x7, { size: 8, handle: withClock(0, configSet) }],
]);

interface Subject {
  readonly profile: ClockProfile;
  readonly state: ClockState;
  readonly permitted: boolean;
}

type ClockHandler = (server: Server, request: Request, clock: Subject) => Reply;

/** Looks up the clock that word `index` of the payload names. */
function withClock(index: number, handle: ClockHandler): Message['handle'] {
  return (server, request) => {
    const id = argument(request, index);
    const profile = clockById(server.profile.clocks, id);
    const state = server.state.clocks.get(id);
    if (profile === undefined || state === undefined) {
      return fail(
        server.quirks.has('clock-invalid-parameters') ? status.INVALID_PARAMETERS : status.NOT_FOUND,
      );
    }
    return handle(server, request, {
      profile,
      state,
      permitted: mayUse(server, request.agent, 'clocks', id),
    });
  };
}

const clocksById = new WeakMap<readonly ClockProfile[], ReadonlyMap<number, ClockProfile>>();

/** The first clock of an id; the list is indexed once for each profile. */
function clockById(clocks: readonly ClockProfile[], id: number): ClockProfile | undefined {
  const known = clocksById.get(clocks) ?? new Map(clocks.toReversed().map(each => [each.id, each]));
  clocksById.set(clocks, known);
  return known.get(id);
}

function attributes(server: Server, _: Request, { profile, state, permitted }: Subject): Reply {
  if (!permitted) {
    return fail(server.quirks.has('clock-denied-is-unnamed') ? status.NOT_FOUND : status.DENIED);
  }
  return succeed(state.enabled ? 1 : 0, ...wordsOfText(profile.name));
}

/** Bit 12 of the flags: the three rates are minimum, maximum and step. */
const rangeFormat = 1 << 12;

function describeRates(server: Server, request: Request, { profile, state }: Subject): Reply {
  const index = argument(request, 1);
  const { range } = profile;
  if (index > 0 && !(range !== undefined && server.quirks.has('clock-range-index-ignored'))) {
    return fail(status.OUT_OF_RANGE);
  }
  return range === undefined
    ? succeed(1, ...rateWords(state.rate))
    : succeed(3 | rangeFormat, ...[range.min, range.max, range.step].flatMap(rateWords));
}

/** Flags of RATE_SET that are defined: asynchronous, ignore response, round up, round automatically. */
const rateFlags = 0xf;

function rateSet(server: Server, request: Request, { profile, state, permitted }: Subject): Reply {
  const [flags = 0, , low = 0, high = 0] = request.words;
  if (!permitted) return fail(status.DENIED);
  if (server.quirks.has('clock-rate-set-ignored')) return succeed();
  if ((flags & ~rateFlags) !== 0 && !server.quirks.has('clock-flags-unchecked')) {
    return fail(status.INVALID_PARAMETERS);
  }
  const rate = high * 0x1_0000_0000 + low;
  const { min, max, step } = profile.range ?? { min: profile.rate, max: profile.rate, step: 1 };
  if (rate < min || rate > max) return fail(status.INVALID_PARAMETERS);
  state.rate = min + Math.floor((rate - min) / step) * step;
  return succeed();
}

function rateGet(server: Server, _: Request, { state, permitted }: Subject): Reply {
  if (permitted) return succeed(...rateWords(state.rate));
  return server.quirks.has('clock-denied-is-unnamed') ? succeed(0, 0) : fail(status.DENIED);
}

function configSet(server: Server, request: Request, { profile, state, permitted }: Subject): Reply {
  const attributesWord = argument(request, 1);
  if (!permitted) return fail(status.DENIED);
  if (attributesWord > 1 && !server.quirks.has('clock-flags-unchecked')) {
    return fail(status.INVALID_PARAMETERS);
  }
  if (profile.alwaysOn !== true) state.enabled = (attributesWord & 1) !== 0;
  return succeed();
}

/** A rate in Hz as the low and the high word. */
const rateWords = (rate: number): [number, number] => [rate >>> 0, Math.floor(rate / 0x1_0000_0000)];
