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
import { wordsOfText } from './shared-memory.ts';
import { status } from './status.ts';

/**
 * The Sensor protocol of version 0x10000: SCMI specification (v2.0) section 4.7. No trip points, no
 * asynchronous readings, no statistics.
 */
export const sensor: Protocol = new Map<number, Message>([
  ...commonMessages(
    server => server.profile.protocols.get(protocolId.sensor) ?? 0x10000,
    server => [sensorsOf(server).length & 0xffff, 0, 0, 0],
    (_, message) => sensor.has(message),
  ),
  [0x3, { size: 4, handle: descriptionGet }],
  [0x6, { size: 8, handle: readingGet }],
]);

const sensorsOf = (server: Server) => server.profile.sensors ?? [];

/** Most descriptors that a reply has room for: 100 bytes less status and count, 28 each. */
const descriptorLimit = 3;

function descriptionGet(server: Server, request: Request): Reply {
  const index = argument(request, 0);
  const sensors = sensorsOf(server);
  if (index >= sensors.length) return fail(status.INVALID_PARAMETERS);
  const listed = sensors.slice(index, index + descriptorLimit);
  const remaining = sensors.length - index - listed.length;
  return succeed(
    (remaining << 16) | listed.length,
    ...listed.flatMap(({ id, type, exponent, name }) => [
      id,
      0,
      (type & 0xff) | ((exponent & 0x1f) << 11),
      ...wordsOfText(name),
    ]),
  );
}

function readingGet(server: Server, request: Request): Reply {
  const [id = 0, flags = 0] = request.words;
  const found = sensorsOf(server).find(candidate => candidate.id === id);
  if (found === undefined) return fail(status.NOT_FOUND);
  if (flags > 1) return fail(status.INVALID_PARAMETERS);
  // Bit 0 asks for an asynchronous reading.
  if (flags === 1) return fail(status.NOT_SUPPORTED);
  return succeed(found.reading >>> 0, Math.floor(found.reading / 0x1_0000_0000) >>> 0);
}
