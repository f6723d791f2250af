/** How to log in: secrets are read when a board is opened, and never printed or recorded. */
import type { SshIdentity } from './drivers/ssh/ssh.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import type { LabBoard } from './lab.ts';
import { readSecret, readSecretLine } from './secret-names.ts';

/**
 * @param environment for the SSH agent's socket
 * @throws ConfigurationError that names the file, never what is in it
 */
export function readIdentity(
  identity: LabBoard['ssh']['identity'],
  environment: Readonly<Record<string, string | undefined>>,
): SshIdentity {
  if (identity.kind === 'password')
    return { kind: 'password', password: readSecretLine(identity.file, 'ssh.identity') };
  if (identity.kind === 'agent') {
    const socket = environment['SSH_AUTH_SOCK'];
    if (socket) return { kind: 'agent', socket };
    throw new ConfigurationError(
      'the lab file says `identity: { kind: agent }`, but no SSH agent runs here',
      'start ssh-agent (it sets SSH_AUTH_SOCK), or name a key file',
    );
  }
  const key = { kind: 'key', privateKey: readSecret(identity.path, 'ssh.identity') } as const;
  if (identity.passphraseFile === undefined) return key;
  return { ...key, passphrase: readSecretLine(identity.passphraseFile, 'ssh.identity') };
}
