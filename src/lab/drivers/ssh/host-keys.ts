import { createHash } from 'node:crypto';

/** Host keys by server, as seen first or as pinned. */
export interface HostKeys {
  /**
   * Whether a server may present this key. A server that is new gets it kept.
   *
   * @param server what tells it from others: `192.168.1.2:22`
   * @param fingerprint of the key it presents
   * @param pinned the only one that is right, where that is known
   * @returns undefined where it may, else the fingerprint that was expected
   */
  check(server: string, fingerprint: string, pinned?: string): string | undefined;
}

export function createHostKeys(): HostKeys {
  const seen = new Map<string, string>();
  return {
    check: (server, fingerprint, pinned) => {
      const expected = pinned ?? seen.get(server) ?? fingerprint;
      seen.set(server, expected);
      return expected === fingerprint ? undefined : expected;
    },
  };
}

/** `SHA256:...`, as `ssh-keygen -l` prints it. */
export function fingerprintOf(hostKey: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(hostKey).digest('base64').replace(/=+$/, '')}`;
}
