import { DriverError } from '../driver-error.ts';
import { displayUrl, type HttpAccount, type HttpCall, httpCaller } from './http-call.ts';
import type { PowerDriver } from './power.ts';
import { notUnderstood } from './said.ts';

export interface HttpSwitch {
  /** `expect`: text that the answer has to contain. */
  readonly on: HttpCall & { readonly expect?: string | undefined };
  readonly off: HttpCall & { readonly expect?: string | undefined };
  /** `on`, `off`: text that only the answer of that state contains. */
  readonly state?: (HttpCall & { readonly says: { readonly on: string; readonly off: string } }) | undefined;
}

/** A switch that requests work; a status of 2xx, with the expected text in the answer, is success. */
export function powerHttp({ on, off, state }: HttpSwitch, account: HttpAccount = {}): PowerDriver {
  const callHttp = httpCaller(account);
  const turn = async (to: 'on' | 'off', signal: AbortSignal) => {
    const { expect, ...call } = to === 'on' ? on : off;
    const { body, excerpt } = await callHttp(call, `power ${to}`, signal);
    if (expect !== undefined && !body.includes(expect)) {
      throw new DriverError(
        `power ${to} by ${call.shown ?? displayUrl(call.url)}`,
        `it answered ${excerpt}, without "${expect}"`,
        'see the switch, or correct power in the lab file',
      );
    }
  };

  return {
    // Without the path: that of `on` is not the one that switches off.
    name: `http ${new URL(on.url).origin}`,
    on: signal => turn('on', signal),
    off: signal => turn('off', signal),
    state: async signal => {
      if (state === undefined) return 'unknown';
      const { says, ...call } = state;
      const { body, excerpt } = await callHttp(call, 'ask for the power', signal);
      const [isOn, isOff] = [body.includes(says.on), body.includes(says.off)];
      if (isOn === isOff) {
        const hint = 'correct power.state.says in the lab file: one text for each state, in no answer both';
        throw notUnderstood(`ask for the power by ${call.shown ?? displayUrl(call.url)}`, excerpt, hint);
      }
      return isOn ? 'on' : 'off';
    },
  };
}
