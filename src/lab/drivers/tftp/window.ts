/** Which blocks of a file are due, have been sent and acknowledged (RFC 7440; a window of 1 is RFC 1350). */
export interface Window {
  /** Blocks of the file; the last is shorter than the others, and may be empty. */
  readonly total: number;
  /** The last block that is acknowledged with all before it; 0 for none. */
  readonly acknowledged: number;
  /** The last block that was ever sent; 0 for none. */
  readonly sent: number;
  /** How often a block was sent again. */
  readonly resent: number;
  /** The last block that may be sent now. */
  readonly last: number;
  markSent(block: number): void;
  /**
   * Takes an acknowledgement. One inside the window moves it to the block after.
   *
   * @param wire block number as sent: 16 bits, 0 after 65535
   * @returns whether it said anything new: a duplicate, or one for a block that was never sent, does not, and
   *   must not be answered, or every duplicate on the way would double the traffic (the Sorcerer's Apprentice,
   *   RFC 1123 section 4.2.3.1)
   */
  acknowledge(wire: number): boolean;
}

/**
 * @param size bytes of the file
 * @param blockSize bytes of every block but the last
 * @param windowSize blocks in flight
 */
export function createWindow(size: number, blockSize: number, windowSize: number): Window {
  const total = Math.floor(size / blockSize) + 1;
  let acknowledged = 0;
  let sent = 0;
  let resent = 0;
  return {
    total,
    get acknowledged() {
      return acknowledged;
    },
    get sent() {
      return sent;
    },
    get resent() {
      return resent;
    },
    get last() {
      return Math.min(acknowledged + windowSize, total);
    },
    markSent: block => {
      resent += block <= sent ? 1 : 0;
      sent = Math.max(sent, block);
    },
    acknowledge: wire => {
      const advance = (wire - acknowledged) & 0xffff;
      if (advance === 0 || advance > sent - acknowledged) {
        return false;
      }

      acknowledged += advance;
      return true;
    },
  };
}
