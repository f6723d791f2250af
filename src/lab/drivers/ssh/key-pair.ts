import ssh2 from 'ssh2';

/** An Ed25519 key pair in OpenSSH's forms. */
export interface SshKeyPair {
  readonly private: string;
  /** One line of authorized_keys. */
  readonly public: string;
}

const ATTEMPTS = 20;

/**
 * Makes a key pair. ssh2 1.17 now and then (9 of 2000) writes a key that it cannot read back, an encoding one byte
 * short: those are thrown away.
 * @param comment what stands behind the public key
 */
export function makeKeyPair(comment = 'scmi-hil'): SshKeyPair {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
  throw new Error('no SSH key could be made that ssh2 can read');
}
