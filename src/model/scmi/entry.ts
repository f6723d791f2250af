import { base, faultyBaseStatus, isBaseMessage } from './base.ts';
import { clock } from './clock.ts';
import { pinControl } from './pin-control.ts';
import { performance } from './performance.ts';
import { powerDomain } from './power-domain.ts';
import { fail, type Message, type Protocol, type Reply, type Request, type Server } from './protocol.ts';
import { protocolId } from './protocol-ids.ts';
import { resetDomain } from './reset-domain.ts';
import { sensor } from './sensor.ts';
import { status } from './status.ts';
import { systemPower } from './system-power.ts';
import { voltageDomain } from './voltage-domain.ts';

/** The protocols that are served; a profile says which of them its firmware has. */
const servedProtocols: ReadonlyMap<number, Protocol> = new Map([
  [protocolId.base, base],
  [protocolId.powerDomain, powerDomain],
  [protocolId.systemPower, systemPower],
  [protocolId.performance, performance],
  [protocolId.clock, clock],
  [protocolId.sensor, sensor],
  [protocolId.resetDomain, resetDomain],
  [protocolId.voltageDomain, voltageDomain],
  [protocolId.pinControl, pinControl],
]);

/** Maker of a reply: `processMessage`, or a function around it. */
export type Answer = (server: Server, request: Request) => Reply;

/**
 * Answers one message: TF-A drivers/scmi-msg/entry.c scmi_process_message.
 *
 * An unknown protocol or message is NOT_SUPPORTED and printed, unless the profile says that an unknown message is
 * NOT_FOUND; a payload of another size than the message has is PROTOCOL_ERROR.
 */
export function processMessage(server: Server, request: Request): Reply {
  const message = findMessage(server, request);
  if (message === undefined) {
    const { agent, protocol, message: id } = request;
    if (server.profile.unknownMessage === 'not-found' && isOffered(server, protocol))
      return fail(status.NOT_FOUND);
    server.print(
      `ERROR:   Agent ${agent} Protocol 0x${protocol.toString(16)} Message 0x${id.toString(16)}: not supported`,
    );
    return fail(status.NOT_SUPPORTED);
  }
  const { size, orMore = false, handle } = message;
  if (request.size < size || (request.size > size && !orMore)) return fail(status.PROTOCOL_ERROR);
  if (isDenied(server, request)) return fail(status.DENIED);
  const faulty = request.protocol === protocolId.base ? faultyBaseStatus(server, request) : undefined;
  return faulty === undefined ? handle(server, request) : fail(faulty);
}

function findMessage(server: Server, { protocol, message }: Request): Message | undefined {
  const isThere = protocol === protocolId.base ? isBaseMessage(server, message) : isOffered(server, protocol);
  return isThere ? servedProtocols.get(protocol)?.get(message) : undefined;
}

const isOffered = (server: Server, protocol: number): boolean =>
  protocol === protocolId.base || server.profile.protocols.has(protocol);

function isDenied(server: Server, { agent, protocol }: Request): boolean {
  return (
    server.state.deniedProtocols.get(agent)?.has(protocol) === true &&
    !server.quirks.has('protocol-denial-only-hides')
  );
}
