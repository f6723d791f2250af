/** One SCMI message that reached EL3 firmware, as a firmware log would name it. */
export interface FirmwareMessage {
  /** SMC function id that rang the doorbell. */
  readonly functionId: number;
  /** Agent that the firmware takes the caller for. */
  readonly agent: number;
  readonly protocol: number;
  readonly message: number;
  /** Bytes of header plus payload that the caller announced. */
  readonly length: number;
  /** First word of the payload, 0 where there is none. */
  readonly argument: number;
  /** SCMI status of the reply (0, or negative: SCMI specification section 4.1.4). */
  readonly status: number;
  /** Channel status word afterwards: 1 FREE, 2 ERROR. */
  readonly channelStatus: number;
  /** Length word afterwards, in bytes of header plus payload. */
  readonly replyLength: number;
}
