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
import { status } from './status.ts';

/**
 * The System power protocol of version 0x20000: SCMI specification section 4.4. Nothing notifies;
 * a state that was set is remembered, the machine goes on.
 */
export const systemPower: Protocol = new Map<number, Message>([
  ...commonMessages(
    server => server.profile.protocols.get(protocolId.systemPower) ?? 0x20000,
    () => [0],
    (_, message) => systemPower.has(message),
  ),
  [0x3, { size: 8, handle: stateSet }],
  [0x4, { size: 0, handle: server => succeed(server.state.system.powerState) }],
]);

/** Shutdown, cold reset, warm reset, power up, suspend. */
const lastState = 4;

function stateSet(server: Server, request: Request): Reply {
  const [flags = 0, state = 0] = request.words;
  const { privilegedAgent, profile } = server;
  if (request.agent !== privilegedAgent && profile.systemPowerAgents?.includes(request.agent) !== true) {
    return fail(status.DENIED);
  }
  // Bit 0 asks for a graceful transition.
  if (flags > 1 || state > lastState) return fail(status.INVALID_PARAMETERS);
  server.state.system.powerState = state;
  return succeed();
}
