/** Keys of one virtual board, made when it is opened: nothing secret outlives the process. */
import { fingerprintOf } from '../drivers/ssh/host-keys.ts';
import { makeKeyPair } from '../drivers/ssh/key-pair.ts';

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
    fingerprint: fingerprintOf(Buffer.from(host.public.split(' ')[1] ?? '', 'base64')),
    privateKey: user.private,
    publicKey: user.public,
  };
}
