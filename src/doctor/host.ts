/** Whether Dom0's SSH server answers; it need not while the board is off. */
import { reasonOf } from '../lab/drivers/power/reason.ts';
import { connect } from 'node:net';
import type { Check, PhysicalBoard } from './check.ts';
import { ok, type Said, warning } from './finding.ts';

/** Milliseconds. */
const patience = 3000;

export function hostCheck({ type, setup }: PhysicalBoard): Check {
  const host = setup.ssh.host ?? setup.network.address;
  const port = setup.ssh.port ?? type.dom0.sshPort;
  return {
    name: 'host',
    deadline: patience + 20_000,
    look: () =>
      new Promise<Said[]>(resolve => {
        const client = connect({ host, port, timeout: patience });
        const end = (said: Said) => {
          client.destroy();
          resolve([said]);
        };
        const silent = (why: string) =>
          end(
            warning(
              `${host}:${port}: ${why}`,
              'nothing while the board is off; else see ssh.host and network.address',
            ),
          );
        client.once('connect', () => end(ok(`${host}:${port}: something answers`)));
        client.once('timeout', () => silent('no answer'));
        client.once('error', error => silent(reasonOf(error)));
      }),
  };
}
