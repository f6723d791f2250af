import { DriverError } from '../driver-error.ts';
import type { PowerDriver } from './power.ts';
import { requireSaid } from './said.ts';
import { runShell } from './shell-command.ts';

export interface UsbHubPort {
  /** The hub as uhubctl names it: `1-1.4`. */
  readonly location: string;
  readonly port: number;
  /** The program: `uhubctl`, `sudo uhubctl`. */
  readonly command: string;
}

/** A port of a USB hub that can switch its power, by uhubctl. What it prints after switching is held against it. */
export function powerUhubctl({ location, port, command }: UsbHubPort): PowerDriver {
  const name = `uhubctl ${location} port ${port}`;
  const run = async (attempt: string, action: string, signal: AbortSignal) => {
    const { status, stdout, tail } = await runShell(
      `${command} -l ${location} -p ${port}${action}`,
      `${attempt} by ${name}`,
      signal,
    );
    const state = status === 0 ? lastState(stdout, port) : undefined;
    if (state === undefined) {
      throw new DriverError(
        `${attempt} by ${name}`,
        `${status === 0 ? 'its output has no state of the port' : `exit status ${status}`}:\n${tail}`,
        'run `uhubctl`: it lists the hubs that can switch; permission is given by its udev rule',
      );
    }

    return state;
  };
  const turn = async (to: 'on' | 'off', signal: AbortSignal) => {
    requireSaid(`power ${to} by ${name}`, to, await run(`power ${to}`, ` -a ${to}`, signal));
  };

  return {
    name,
    on: signal => turn('on', signal),
    off: signal => turn('off', signal),
    state: signal => run('ask for the power', '', signal),
  };
}

/**
 * `  Port 2: 0503 power highspeed enable connect [0403:6001 FTDI]`; without power `  Port 2: 0000 off`. After an
 * action the status stands twice, before and after; the last is the new one. Of a USB 3 hub both halves are shown,
 * each under its own heading: the port is on where either of them is.
 */
function lastState(output: string, port: number): 'on' | 'off' | undefined {
  const marker = output.lastIndexOf('Sent power');
  const part = marker < 0 ? output : afterHeading(output);
  const lines = part.split('\n').filter(line => new RegExp(`^ *Port ${port}: [0-9a-f]{4}\\b`).test(line));
  if (lines.length === 0) {
    return undefined;
  }

  return lines.some(line => /^ *Port \d+: [0-9a-f]{4} power\b/.test(line)) ? 'on' : 'off';
}

/** Lines under the headings `New status for hub`, of each hub. */
function afterHeading(output: string): string {
  return output
    .split(/^(?=Current status for hub|New status for hub|Sent power)/m)
    .filter(part => part.startsWith('New status for hub'))
    .join('\n');
}
