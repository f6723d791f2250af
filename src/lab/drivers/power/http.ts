import { DriverError } from '../driver-error.ts';
import { callHttp, excerpt, type HttpCall } from './http-call.ts';
import type { PowerDriver } from './power.ts';
import { notUnderstood } from './said.ts';

export interface HttpSwitch {
  /** `expect`: text that the answer has to contain. */
  readonly on: HttpCall & { readonly expect?: string };
  readonly off: HttpCall & { readonly expect?: string };
  /** `on`, `off`: text that only the answer of that state contains. */
  readonly state?: HttpCall & { readonly says: { readonly on: string; readonly off: string } };
}

/** A switch that requests work; a status of 2xx, with the expected text in the answer, is success. */
export function powerHttp({ on, off, state }: HttpSwitch): PowerDriver {
  const turn = async (to: 'on' | 'off', signal: AbortSignal) => {
    const { expect, ...call } = to === 'on' ? on : off;
    const body = await callHttp(call, `power ${to}`, signal);
    if (expect !== undefined && !body.includes(expect)) {
      const why = `it answered ${excerpt(body)}, without "${expect}"`;
      throw new DriverError(
        `power ${to} by ${call.url}`,
        why,
        'see the switch, or correct power in the lab file',
      );
    }
  };

  return {
    name: `http ${on.url}`,
    on: signal => turn('on', signal),
    off: signal => turn('off', signal),
    state: async signal => {
      if (state === undefined) {
        return 'unknown';
      }

      const { says, ...call } = state;
      const body = await callHttp(call, 'ask for the power', signal);
      const [isOn, isOff] = [body.includes(says.on), body.includes(says.off)];
      if (isOn === isOff) {
        const hint = 'correct power.state.says in the lab file: one text for each state, in no answer both';
        throw notUnderstood(`ask for the power by ${call.url}`, body, hint);
      }

      return isOn ? 'on' : 'off';
    },
  };
}
