import type { FirmwareMessage } from '../scmi/firmware-message.ts';
import type { PredictedMessage } from './prediction.ts';

/** A message that reached firmware, as a prediction has it. */
export function predictedMessage(message: FirmwareMessage): PredictedMessage {
  const { functionId, agent, protocol, message: id, status } = message;
  return { functionId: `0x${functionId.toString(16)}`, agent, protocol, message: id, status };
}
