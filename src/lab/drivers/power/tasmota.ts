import { type HttpAccount, httpCaller, type PowerAttempt, schemeOf } from './http-call.ts';
import type { PowerDriver } from './power.ts';
import { notUnderstood, requireSaid } from './said.ts';
import { powerOfStatus, saidOfOutput, stateTextHint, stateOfWord } from './tasmota-words.ts';

export interface Tasmota {
  /** Name or address, with `:port` where it is not 80. */
  readonly host: string;
  /** Counted from 1. */
  readonly output: number;
  readonly credentials?: HttpAccount['credentials'];
  /** Absent: plain HTTP. `authority`: PEM of what is trusted in place of the system's authorities. */
  readonly tls?: Pick<HttpAccount, 'authority'> | undefined;
}

/** A device with Tasmota, by its web requests (Tasmota's documentation, "Commands"). */
export function powerTasmota({ host, output, credentials, tls }: Tasmota): PowerDriver {
  const name = `tasmota ${host} output ${output}`;
  const callHttp = httpCaller({ ...tls });
  const ask = (command: string, attempt: PowerAttempt, signal: AbortSignal) => {
    const url = new URL(`${schemeOf(tls)}://${host}/cm`);
    // The login of its web requests goes in the query.
    url.search = new URLSearchParams({ ...credentials, cmnd: command }).toString().replaceAll('+', '%20');
    return callHttp({ url: url.href }, attempt, signal);
  };
  const command = async (attempt: PowerAttempt, argument: string, signal: AbortSignal) => {
    const { body, excerpt } = await ask(`Power${output}${argument}`, attempt, signal);
    const said = saidOfOutput(body, output);
    if (said === 'ON' || said === 'OFF') return said === 'ON' ? 'on' : 'off';
    if (said === undefined) {
      // Versions before 9 answer 200 where the password is wrong.
      const hint = /"WARNING"/i.test(body)
        ? 'see power.user and power.passwordFile in the lab file'
        : 'compare power.output, user and passwordFile of the lab file with it';
      throw notUnderstood(`${attempt} of ${name}`, excerpt, hint);
    }
    // StateText gives ON and OFF other words; a status has numbers whatever they are.
    const status = await ask('Status', 'ask for the power', signal);
    const state = powerOfStatus(status.body, output) ?? stateOfWord(said);
    if (state === undefined) throw notUnderstood(`${attempt} of ${name}`, excerpt, stateTextHint);
    return state;
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
