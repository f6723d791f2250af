/** The driver of a board's power switch. Its secrets are read here, and never printed or recorded. */
import { powerByHand } from './drivers/power/by-hand.ts';
import { powerCommand } from './drivers/power/command.ts';
import { displayUrl, type HttpCall } from './drivers/power/http-call.ts';
import type { HttpCredentials } from './drivers/power/http-login.ts';
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
import { secretVariables } from './written-secrets.ts';
import { type Environment, NamedSecrets, readSecretLine } from './secret-names.ts';
import { readText } from '../config/yaml-file.ts';

/** A switch, and the secrets that it is worked with, for the recorder to keep out of what it writes. */
export interface OpenPower {
  readonly power: PowerDriver;
  readonly secrets: readonly string[];
}

/**
 * @param board name, for the person who is asked
 * @param environment for what stands as `${NAME}` in the lab file
 * @throws ConfigurationError where a secret or a certificate cannot be read
 */
export function openPower(board: string, setup: LabPower, environment: Environment): OpenPower {
  const named = new NamedSecrets('secrets' in setup ? setup.secrets : {}, environment, 'power');
  const credentials = credentialsOf(setup);
  const power = driverOf(board, setup, named, credentials);
  const commands = setup.kind === 'command' ? [setup.on, setup.off, setup.state ?? ''] : [];
  const inherited = commands.flatMap(secretVariables).flatMap(name => environment[name] ?? []);
  return { power, secrets: [...named.all, ...inherited, ...(credentials ? [credentials.password] : [])] };
}

function driverOf(
  board: string,
  setup: LabPower,
  named: NamedSecrets,
  credentials: HttpCredentials | undefined,
): PowerDriver {
  switch (setup.kind) {
    case 'command':
      return powerCommand(setup, { ...process.env, ...named.variables });
    case 'shelly':
      return powerShelly({ ...setup, credentials, tls: tlsOf(setup.tls) });
    case 'tasmota':
      return powerTasmota({ ...setup, credentials, tls: tlsOf(setup.tls) });
    case 'mqtt':
      return powerMqtt({ ...setup, credentials, tls: tlsOf(setup.tls) });
    case 'http':
      return httpOf(setup, named, credentials);
    case 'pdudaemon':
      return powerPduDaemon({ ...setup, tls: tlsOf(setup.tls) });
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

function credentialsOf(setup: LabPower): HttpCredentials | undefined {
  if (!('passwordFile' in setup) || setup.passwordFile === undefined) return undefined;
  return { user: setup.user, password: readSecretLine(setup.passwordFile, 'power.passwordFile') };
}

function tlsOf(tls: boolean | { readonly authority: string }): { readonly authority?: string } | undefined {
  if (typeof tls === 'boolean') return tls ? {} : undefined;
  return { authority: readText(tls.authority) };
}

function httpOf(
  { on, off, state, tls }: Extract<LabPower, { kind: 'http' }>,
  named: NamedSecrets,
  credentials: HttpCredentials | undefined,
): PowerDriver {
  const callOf = <Request extends typeof on>(request: Request): Request & HttpCall => ({
    ...request,
    url: named.fill(request.url, encodeURIComponent),
    shown: displayUrl(request.url),
    ...(request.body !== undefined && { body: named.fill(request.body) }),
    ...(request.headers && {
      headers: Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, named.fill(value)]),
      ),
    }),
  });
  return powerHttp(
    { on: callOf(on), off: callOf(off), ...(state && { state: callOf(state) }) },
    { credentials, ...tlsOf(tls ?? false) },
  );
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
