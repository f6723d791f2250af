/** Messages between runs and the process that shares the machine's TFTP port: lines of JSON on a Unix socket. */
import { readFile } from 'node:fs/promises';

export type RunMessage =
  | {
      readonly say: 'claim';
      readonly number: number;
      readonly board: string;
      readonly clients?: readonly string[] | undefined;
    }
  | { readonly say: 'release'; readonly number: number };

export type SharerMessage =
  /** `boards`: those that are served now, each with its run. */
  | {
      readonly say: 'hello';
      readonly address: string;
      readonly port: number;
      readonly boards?: readonly string[];
    }
  | { readonly say: 'claimed'; readonly number: number }
  /** `holder`: the board and the process that have the addresses. */
  | { readonly say: 'refused'; readonly number: number; readonly holder: string }
  /** A packet, in base64. */
  | { readonly say: 'packet'; readonly bytes: string; readonly address: string; readonly port: number };

/**
 * The name of the socket in the abstract namespace (unix(7)), which the network namespace has as it has the UDP port: no
 * file is left behind, and every user of the machine can connect.
 */
export function socketName(address: string, port: number): string {
  return `${prefix}${address}:${port}`;
}

const prefix = '\0scmi-hil/tftp/';

/** Addresses of this machine on which runs, of whichever users, share a port. */
export async function sharedAddresses(port: number): Promise<readonly string[]> {
  const table = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  const names = table.matchAll(/@scmi-hil\/tftp\/(\S+):(\d+)$/gm);
  return [...new Set([...names].flatMap(([, address = '', its]) => (Number(its) === port ? [address] : [])))];
}

/** Bytes of a line; a longer one is no message. */
const longestLine = 128 * 1024;

/** Splits what comes into lines, as often as it comes. */
export function lineReader(take: (line: string) => void, tooLong: () => void): (text: string) => void {
  let rest = '';
  return text => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
    if (rest.length > longestLine) tooLong();
  };
}
