/** Options that client and server agree on for one transfer. */
export interface Agreement {
  /** Bytes of every block but the last. */
  readonly blockSize: number;
  /** Blocks sent before an acknowledgement is waited for. */
  readonly windowSize: number;
  /** Milliseconds until what is not acknowledged is sent again; undefined: the server's choice. */
  readonly retransmit?: number;
  /** Acknowledged options, as sent; empty: no option acknowledgement. */
  readonly accepted: ReadonlyMap<string, string>;
}

/** Seconds; a client that asks for more gets the server's own interval, so that a silent one is given up soon. */
const longestTimeout = 30;
/** More blocks in flight than this only overflow a boot loader's receive buffers. */
const largestWindow = 64;

/**
 * Answers the options of a read request. An option with a value that makes no sense is left out of the answer,
 * which is how RFC 2347 says no; one that asks for too much gets the most there is.
 *
 * @param requested by name in lower case
 * @param size bytes of the file
 */
export function agree(requested: ReadonlyMap<string, string>, size: number): Agreement {
  const accepted = new Map<string, string>();
  const accept = (name: string, least: number, most: number, whenMore: 'clamp' | 'ignore') => {
    const asked = wholeNumber(requested.get(name));
    if (asked === undefined || asked < least || (asked > most && whenMore === 'ignore')) {
      return undefined;
    }

    const granted = Math.min(asked, most);
    accepted.set(name, String(granted));
    return granted;
  };

  // RFC 2348, RFC 7440, RFC 2349.
  const blockSize = accept('blksize', 8, 65_464, 'clamp') ?? 512;
  const windowSize = accept('windowsize', 1, largestWindow, 'clamp') ?? 1;
  const seconds = accept('timeout', 1, longestTimeout, 'ignore');
  if (requested.has('tsize')) {
    accepted.set('tsize', String(size));
  }

  return {
    blockSize,
    windowSize,
    ...(seconds !== undefined && { retransmit: seconds * 1000 }),
    accepted,
  };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
