/** The 32-bit message header of the SCMI specification, section 4.1.3.1. */
export interface MessageHeader {
  /** Message id, 0 to 0xff. */
  readonly message: number;
  /** 0 command, 2 delayed response, 3 notification. */
  readonly type: number;
  /** Protocol id, 0 to 0xff. */
  readonly protocol: number;
  /** Token by which the caller tells its replies apart, 0 to 0x3ff. */
  readonly token: number;
}

const messageType = { command: 0, delayedResponse: 2, notification: 3 } as const;

/** Packs a header; each field keeps the bits that it has room for. */
export function encodeHeader(
  header: Pick<MessageHeader, 'protocol' | 'message'> & Partial<MessageHeader>,
): number {
  const { message, protocol, type = messageType.command, token = 0 } = header;
  return ((message & 0xff) | ((type & 0x3) << 8) | ((protocol & 0xff) << 10) | ((token & 0x3ff) << 18)) >>> 0;
}

export function decodeHeader(word: number): MessageHeader {
  return {
    message: word & 0xff,
    type: (word >>> 8) & 0x3,
    protocol: (word >>> 10) & 0xff,
    token: (word >>> 18) & 0x3ff,
  };
}
