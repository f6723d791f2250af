/** Keys of one virtual board, made when it is opened: nothing secret outlives the process. */
import ssh2 from 'ssh2';
import { createHash } from 'node:crypto';

export interface SshIdentityOfBoard {
  /** PEM of the domains' host key, and its `SHA256:...` fingerprint. */
  readonly hostKey: string;
  readonly fingerprint: string;
  /** Key pair of the one user. */
  readonly privateKey: string;
  readonly publicKey: string;
}

export function makeSshKeys(): SshIdentityOfBoard {
  const host = makeKeyPair();
  const user = makeKeyPair();
  return {
    hostKey: host.private,
    fingerprint: fingerprintOf(host.public),
    privateKey: user.private,
    publicKey: user.public,
  };
}

/** ssh2 1.17 now and then writes an Ed25519 key that it cannot read back (an encoding one byte short). */
function makeKeyPair(): { readonly private: string; readonly public: string } {
  for (let attempt = 0; attempt < 20; attempt++) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
  throw new Error('no SSH key could be made that ssh2 can read');
}

function fingerprintOf(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
