import { callHttp, type HttpCredentials } from './http-call.ts';
import type { PowerDriver } from './power.ts';
import { fieldOf, notUnderstood, requireSaid } from './said.ts';

export interface Tasmota {
  /** Name or address, with `:port` where it is not 80. */
  readonly host: string;
  /** Counted from 1. */
  readonly output: number;
  readonly credentials?: HttpCredentials;
}

/** A device with Tasmota, by its web requests (Tasmota's documentation, "Commands"). */
export function powerTasmota({ host, output, credentials }: Tasmota): PowerDriver {
  const name = `tasmota ${host} output ${output}`;
  const command = async (attempt: string, argument: string, signal: AbortSignal) => {
    const words = encodeURIComponent(`Power${output}${argument}`);
    const body = await callHttp(
      // Its password goes in the query.
      { url: `http://${host}/cm?cmnd=${words}`, ...(credentials && { secrets: { ...credentials } }) },
      attempt,
      signal,
    );
    // A device of one output may call it POWER.
    const said = fieldOf(body, `POWER${output}`) ?? (output === 1 ? fieldOf(body, 'POWER') : undefined);
    if (said !== 'ON' && said !== 'OFF') {
      throw notUnderstood(
        `${attempt} of ${name}`,
        body,
        'compare output, user and password with the lab file',
      );
    }

    return said === 'ON' ? 'on' : 'off';
  };
  const turn = async (to: 'on' | 'off', signal: AbortSignal) => {
    requireSaid(`power ${to} ${name}`, to, await command(`power ${to}`, ` ${to}`, signal));
  };

  return {
    name,
    on: signal => turn('on', signal),
    off: signal => turn('off', signal),
    state: signal => command('ask for the power', '', signal),
  };
}
