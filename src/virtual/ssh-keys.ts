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
  const host = ssh2.utils.generateKeyPairSync('ed25519');
  const user = ssh2.utils.generateKeyPairSync('ed25519');
  return {
    hostKey: host.private,
    fingerprint: fingerprintOf(host.public),
    privateKey: user.private,
    publicKey: user.public,
  };
}

function fingerprintOf(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
