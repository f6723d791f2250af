/** How firmware took a message. After a transport error the status word is still the caller's payload. */
import type { FirmwareMessage } from '../../model/scmi/firmware-message.ts';
import { channelStatus } from '../../model/scmi/shared-memory.ts';
import { status as statusOf } from '../../model/scmi/status.ts';

/** Whether the channel answered ERROR, so that the message was not looked at. */
export function isTransportError(message: FirmwareMessage): boolean {
  return (message.channelStatus & channelStatus.error) !== 0;
}

/** Whether it did as it was told. */
export function isObeyed(message: FirmwareMessage): boolean {
  return !isTransportError(message) && message.status === statusOf.SUCCESS;
}
