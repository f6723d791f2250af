import type { IClientOptions, MqttClient } from 'mqtt';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import { excerpt } from './http-call.ts';
import type { HttpCredentials } from './http-login.ts';
import type { PowerDriver } from './power.ts';
import { reasonOf } from './reason.ts';
import { notUnderstood, requireSaid } from './said.ts';
import { saidOfOutput, stateOfWord, stateTextHint } from './tasmota-words.ts';

export interface MqttSwitch {
  /** Name or address of the broker, with `:port` where it is not 1883, or 8883 with TLS. */
  readonly broker: string;
  /** The device's own topic, `%topic%` of its full topic. */
  readonly topic: string;
  /** Counted from 1. */
  readonly output: number;
  readonly credentials?: HttpCredentials | undefined;
  /** `authority`: the certificate that the broker's is signed with, in PEM; else those of the system. */
  readonly tls?: { readonly authority?: string | undefined } | undefined;
}

/**
 * A device with Tasmota, by MQTT (Tasmota's documentation, "MQTT" and "Commands"): `cmnd/TOPIC/POWERn` is answered
 * on `stat/TOPIC/RESULT` and `stat/TOPIC/POWERn`, and `tele/TOPIC/LWT` says whether the device is there.
 */
export function powerMqtt(device: MqttSwitch): PowerDriver {
  const { broker, topic, output } = device;
  const name = `mqtt ${broker}, ${topic} output ${output}`;
  const turn = async (to: 'on' | 'off', signal: AbortSignal) => {
    requireSaid(`power ${to} ${name}`, to, await command(device, `power ${to}`, to.toUpperCase(), signal));
  };

  return {
    name,
    on: signal => turn('on', signal),
    off: signal => turn('off', signal),
    // Without a payload, the command asks.
    state: signal => command(device, 'ask for the power', '', signal),
  };
}

/** Says one thing and waits for what the device answers; connected no longer than that. */
async function command(
  device: MqttSwitch,
  attempt: string,
  payload: string,
  signal: AbortSignal,
): Promise<'on' | 'off'> {
  const { broker, topic, output } = device;
  const where = `${attempt} by MQTT, ${topic} output ${output} at ${broker}`;
  const { connect } = await import('mqtt');
  let [awaited, hint]: readonly [what: string, hint: string] = ['an answer of the broker', hints.broker];
  const expired = () => cutShort(where, awaited, hint, signal);
  return abortable(signal, expired, (resolve, reject) => {
    const client = connect(`${device.tls === undefined ? 'mqtt' : 'mqtts'}://${broker}`, optionsOf(device));
    const fail = (why: string, whatToDo: string, cause?: unknown) =>
      reject(new DriverError(where, why, whatToDo, { cause }));
    client.on('error', error => fail(...refusalOf(error), error));
    client.on('close', () => fail('the broker broke the connection off', hints.broker));
    client.on('connect', () => {
      client.subscribe(
        ['stat', 'tele'].map(prefix => `${prefix}/${topic}/+`),
        error => {
          if (error) fail(`the broker does not let it read stat/${topic}/+`, hints.account, error);
          else client.publish(`cmnd/${topic}/POWER${output}`, payload);
        },
      );
      awaited = `its answer on stat/${topic}/POWER${output}; nothing is on tele/${topic}/LWT`;
      hint = hints.topic;
    });
    client.on('message', (on, bytes, { retain }) => {
      const text = bytes.toString();
      if (on === `tele/${topic}/LWT`) {
        [awaited, hint] = [`its answer on stat/${topic}/POWER${output}`, hints.device];
        if (text === 'Offline') fail('the broker says that the device is offline', hints.device);
      }
      // A retained message was true some time ago.
      if (!on.startsWith(`stat/${topic}/`) || retain) return;
      const said = answerOf(on.slice(`stat/${topic}/`.length), text, output);
      const state = said === undefined ? undefined : stateOfWord(said);
      if (state !== undefined) resolve(state);
      else if (said !== undefined) reject(notUnderstood(where, excerpt(text), stateTextHint));
    });
    return () => hangUp(client);
  });
}

const hints = {
  broker: 'see that the broker runs, and compare power.broker and power.tls with it',
  account: 'see power.user and power.passwordFile in the lab file, and the rights of that user at the broker',
  device: 'see that the device has power and its network',
  topic: "compare power.topic and power.output with the device's console (command Status)",
} as const;

function optionsOf({ credentials, tls }: MqttSwitch): IClientOptions {
  return {
    // The caller's deadline ends the wait, and what failed once is for the caller to try again.
    connectTimeout: 2 ** 31 - 1,
    reconnectPeriod: 0,
    ...(credentials && { username: credentials.user, password: credentials.password }),
    ...(tls?.authority !== undefined && { ca: tls.authority }),
  };
}

/** MQTT 3.1.1, section 3.2.2.3: return codes of a refused connection. */
const refusals: Readonly<Record<number, string>> = {
  4: 'the broker refuses this user or password',
  5: 'the broker refuses this user or password, or wants one',
};

function refusalOf(error: unknown): [why: string, hint: string] {
  const code = error instanceof Error && 'code' in error ? Number(error.code) : NaN;
  const refusal = refusals[code];
  return refusal === undefined ? [reasonOf(error), hints.broker] : [refusal, hints.account];
}

/** @returns what a message says about the output; undefined where it is about something else */
function answerOf(kind: string, text: string, output: number): unknown {
  const said = saidOfOutput(text, output);
  if (kind === 'RESULT') return said;
  // With SetOption4, the JSON comes there too.
  return kind === `POWER${output}` || (output === 1 && kind === 'POWER') ? (said ?? text) : undefined;
}

/** With a word to the broker where it listens. */
function hangUp(client: MqttClient): void {
  client.end(!client.connected);
}
