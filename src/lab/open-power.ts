/** The driver of a board's power switch. Its password is read here, and never printed or recorded. */
import { powerByHand } from './drivers/power/by-hand.ts';
import { powerCommand } from './drivers/power/command.ts';
import type { HttpCall, HttpCredentials } from './drivers/power/http-call.ts';
import { powerHttp } from './drivers/power/http.ts';
import { powerMqtt } from './drivers/power/mqtt.ts';
import { powerPduDaemon } from './drivers/power/pdudaemon.ts';
import type { PowerDriver } from './drivers/power/power.ts';
import { powerRelay } from './drivers/power/relay.ts';
import { powerShelly } from './drivers/power/shelly.ts';
import { powerTasmota } from './drivers/power/tasmota.ts';
import { powerUhubctl } from './drivers/power/uhubctl.ts';
import { serialDevice } from './drivers/serial/device.ts';
import type { LabPower } from './lab-power.ts';
import { readSecretLine } from './identity.ts';
import { readText } from '../config/yaml-file.ts';

/**
 * @param board name, for the person who is asked
 * @throws ConfigurationError where the password cannot be read
 */
export function powerOf(board: string, setup: LabPower): PowerDriver {
  switch (setup.kind) {
    case 'command': {
      const { on, off, state } = setup;
      return powerCommand(state === undefined ? { on, off } : { on, off, state });
    }
    case 'shelly':
      return powerShelly({ ...setup, ...login(setup) });
    case 'tasmota':
      return powerTasmota({ ...setup, ...login(setup) });
    case 'mqtt':
      return mqttOf(setup);
    case 'http':
      return httpOf(setup);
    case 'pdudaemon':
      return powerPduDaemon(setup);
    case 'uhubctl':
      return powerUhubctl(setup);
    case 'relay':
      return relayOf(setup);
    default:
      return powerByHand(board, {
        input: process.stdin,
        output: process.stderr,
        isThere: process.stdin.isTTY && !process.env['CI'],
      });
  }
}

function login(setup: { readonly user: string; readonly passwordFile?: string | undefined }): {
  readonly credentials?: HttpCredentials;
} {
  const { user, passwordFile } = setup;
  if (passwordFile === undefined) return {};
  return { credentials: { user, password: readSecretLine(passwordFile, 'power.passwordFile') } };
}

function mqttOf(setup: Extract<LabPower, { kind: 'mqtt' }>): PowerDriver {
  const { broker, topic, output, tls } = setup;
  const device = { broker, topic, output, ...login(setup) };
  if (typeof tls === 'boolean') return powerMqtt(tls ? { ...device, tls: {} } : device);
  return powerMqtt({ ...device, tls: { authority: readText(tls.authority) } });
}

function httpOf(setup: Extract<LabPower, { kind: 'http' }>): PowerDriver {
  const credentials = login(setup);
  const callOf = ({ url, method, body, headers }: typeof setup.on): HttpCall => ({
    url,
    ...(method && { method }),
    ...(body !== undefined && { body }),
    ...(headers && { headers }),
    ...credentials,
  });
  const { on, off, state } = setup;
  return powerHttp({
    on: { ...callOf(on), ...(on.expect !== undefined && { expect: on.expect }) },
    off: { ...callOf(off), ...(off.expect !== undefined && { expect: off.expect }) },
    ...(state && { state: { ...callOf(state), says: state.says } }),
  });
}

function relayOf({ path, baudRate, on, off, state }: Extract<LabPower, { kind: 'relay' }>): PowerDriver {
  return powerRelay(serialDevice({ path, baudRate }), {
    on: bytesOf(on),
    off: bytesOf(off),
    ...(state && { state: { ...state, ask: bytesOf(state.ask) } }),
  });
}

function bytesOf(hexadecimal: string): Uint8Array {
  return Buffer.from(hexadecimal.replaceAll(' ', ''), 'hex');
}
