/** Keys for SSH to a Dom0 that is built here: the server's own, and one that may log in. */
import { generateKeyPairSync } from 'node:crypto';
import { fingerprintOf } from '../drivers/ssh/host-keys.ts';
import { makeKeyPair } from '../drivers/ssh/key-pair.ts';

export interface Keys {
  /** The client's key, in OpenSSH's form. */
  readonly privateKey: string;
  /** One line of authorized_keys. */
  readonly authorizedKey: string;
  /** The server's, in Dropbear's own form. */
  readonly dropbearHostKey: Uint8Array;
  /** `SHA256:...`, as OpenSSH prints it. */
  readonly hostKeyFingerprint: string;
}

export function makeKeys(): Keys {
  const user = makeKeyPair();
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const [seed, point] = [Buffer.from(d ?? '', 'base64url'), Buffer.from(x ?? '', 'base64url')];
  const type = Buffer.from('ssh-ed25519');
  return {
    privateKey: user.private,
    authorizedKey: user.public,
    dropbearHostKey: Buffer.concat([string(type), string(Buffer.concat([seed, point]))]),
    hostKeyFingerprint: fingerprintOf(Buffer.concat([string(type), string(point)])),
  };
}

/** RFC 4251, section 5. */
function string(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
