/** Keys for SSH to a Dom0 that is built here: the server's own, and one that may log in. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import ssh2 from 'ssh2';

export interface Keys {
  /** Of whoever logs in, in OpenSSH's form. */
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
    hostKeyFingerprint: fingerprint(Buffer.concat([string(type), string(point)])),
  };
}

/** ssh2 1.17 now and then writes an Ed25519 key that it cannot read back (an encoding one byte short). */
function makeKeyPair(): { readonly private: string; readonly public: string } {
  for (let attempt = 0; attempt < 20; attempt++) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'scmi-hil' });
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
  throw new Error('no SSH key could be made that ssh2 can read');
}

/** RFC 4251, section 5. */
function string(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function fingerprint(publicKey: Buffer): string {
  return `SHA256:${createHash('sha256').update(publicKey).digest('base64').replace(/=+$/, '')}`;
}
