/** Checks of the login to Dom0: the key, its permissions, the passphrase; the agent; the password's file. */
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import ssh2 from 'ssh2';
import { readIdentity } from '../lab/identity.ts';
import { displayName } from '../config/yaml-file.ts';
import type { Check, Circumstances, PhysicalBoard } from './check.ts';
import { brokenLab, ok, type Said, warning, wrongFile } from './finding.ts';

export function keyCheck({ name, setup }: PhysicalBoard, { env }: Pick<Circumstances, 'env'>): Check {
  const { identity } = setup.ssh;
  return {
    name: 'key',
    deadline: 20_000,
    look: async () => {
      const read = readIdentity(identity, env);
      if (read.kind === 'agent') return [await agentWords(read.socket)];
      const file =
        identity.kind === 'key' ? identity.path : identity.kind === 'password' ? identity.file : '';
      const { mode } = await stat(file);
      const shown = displayName(file);
      const open =
        (mode & 0o077) === 0 ? [] : [warning(`${shown}: others may read it`, `chmod 600 ${shown}`)];
      if (read.kind === 'password') return [ok(`${shown}: a password`), ...open];
      const parsed = ssh2.utils.parseKey(read.privateKey, read.passphrase);
      if (!(parsed instanceof Error)) return [ok(`${shown}: a private key`), ...open];
      const isLocked = /encrypted|passphrase|decrypt|integrity/i.test(parsed.message);
      const field = `boards.${name}.ssh.identity.passphraseFile`;
      return [
        wrongFile(
          `${shown}: ${parsed.message}`,
          isLocked
            ? `name the file of its passphrase in ${field}`
            : 'name a private key in OpenSSH or PEM form',
        ),
      ];
    },
  };
}

function agentWords(socket: string): Promise<Said> {
  return new Promise(resolve => {
    const client = connect(socket);
    client.once('connect', () => {
      client.destroy();
      resolve(ok(`the SSH agent at ${socket} answers`));
    });
    client.once('error', ({ message }) =>
      resolve(brokenLab(`the SSH agent does not answer: ${message}`, 'eval "$(ssh-agent)" && ssh-add')),
    );
  });
}
