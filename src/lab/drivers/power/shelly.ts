import { type HttpAccount, httpCaller, type PowerAttempt, schemeOf } from './http-call.ts';
import type { PowerDriver } from './power.ts';
import { fieldOf, notUnderstood, requireSaid } from './said.ts';

export interface Shelly {
  /** Name or address, with `:port` where it is not 80. */
  readonly host: string;
  /** 1: `/relay/N`; 2, also for generations 3 and 4: `/rpc/Switch.*`. */
  readonly generation: 1 | 2;
  /** Counted from 0. */
  readonly channel: number;
  readonly credentials?: HttpAccount['credentials'];
  /** Absent: plain HTTP. `authority`: PEM of what is trusted in place of the system's authorities. */
  readonly tls?: Pick<HttpAccount, 'authority'> | undefined;
}

interface Generation {
  readonly set: (channel: number, on: boolean) => string;
  readonly get: (channel: number) => string;
  /** Name of the field of the state in an answer to `get`. */
  readonly field: string;
}

/** Shelly's API documentation: "Gen1 Device HTTP API", "Gen2+ Switch". */
const generations: Readonly<Record<Shelly['generation'], Generation>> = {
  1: {
    set: (channel, on) => `/relay/${channel}?turn=${on ? 'on' : 'off'}`,
    get: channel => `/relay/${channel}`,
    field: 'ison',
  },
  2: {
    set: (channel, on) => `/rpc/Switch.Set?id=${channel}&on=${on}`,
    get: channel => `/rpc/Switch.GetStatus?id=${channel}`,
    field: 'output',
  },
};

/** A Shelly plug or relay. What it was told is asked back. */
export function powerShelly({ host, generation, channel, credentials, tls }: Shelly): PowerDriver {
  const { set, get, field } = generations[generation];
  const name = `shelly ${host} channel ${channel}`;
  const callHttp = httpCaller({ credentials, ...tls });
  const call = (path: string, attempt: PowerAttempt, signal: AbortSignal) =>
    callHttp({ url: `${schemeOf(tls)}://${host}${path}` }, attempt, signal);
  const state = async (signal: AbortSignal) => {
    const attempt = 'ask for the power';
    const { body, excerpt } = await call(get(channel), attempt, signal);
    const on = fieldOf(body, field);
    if (typeof on !== 'boolean') {
      throw notUnderstood(
        `${attempt} of ${name}`,
        excerpt,
        'compare generation and channel with the lab file',
      );
    }

    return on ? 'on' : 'off';
  };
  const turn = async (to: 'on' | 'off', signal: AbortSignal) => {
    await call(set(channel, to === 'on'), `power ${to}`, signal);
    requireSaid(`power ${to} ${name}`, to, await state(signal));
  };

  return { name, on: signal => turn('on', signal), off: signal => turn('off', signal), state };
}
