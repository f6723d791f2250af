/** The resources of an acquired place as this lab's own consoles and switches. */
import { ConfigurationError } from '../config/configuration-error.ts';
import type { LabPower } from './lab-power.ts';
import type { LabSerial } from './lab-serial.ts';
import type { Resource } from './drivers/labgrid/coordinator.ts';

/** `labgrid-client` for switches that only labgrid knows. */
export interface LabgridClient {
  readonly coordinator: string;
  readonly place: string;
}

/**
 * The console of a place.
 * @param name of the resource, where it has several
 * @throws ConfigurationError where there is none, or it is not known which
 */
export function serialOfPlace(place: string, resources: readonly Resource[], name?: string): LabSerial {
  const { parameters, path, extra } = one(place, resources, ['NetworkSerialPort'], name, 'serial');
  requireNoProxy(path, extra);
  const { host, port, speed, protocol } = parameters;
  if (typeof host !== 'string' || typeof port !== 'number') {
    throw new ConfigurationError(
      `labgrid place ${place}: ${path} has no host and port`,
      'its exporter has not started ser2net: see the log of labgrid-exporter',
    );
  }
  if (protocol === 'raw') return { kind: 'tcp', host, port, charactersPerSecond: undefined };
  const baudRate = typeof speed === 'number' && speed > 0 ? speed : undefined;
  return { kind: 'rfc2217', host, port, baudRate, charactersPerSecond: undefined };
}

/**
 * The switch of a place. The models that need no library of the switch's maker are worked directly (labgrid,
 * driver/power/*.py); the others by `labgrid-client`, which has to be installed then.
 *
 * @throws ConfigurationError where there is none, or it is not known which
 */
export function powerOfPlace(client: LabgridClient, resources: readonly Resource[], name?: string): LabPower {
  const kinds = ['NetworkPowerPort', 'PDUDaemonPort', ...localSwitches];
  const { kind, parameters, path, extra } = one(client.place, resources, kinds, name, 'power');
  if (kind === 'PDUDaemonPort') {
    requireNoProxy(path, extra);
    const { host, pdu, index } = parameters;
    return {
      kind: 'pdudaemon',
      ...hostAndPort(String(host)),
      pdu: String(pdu),
      outlet: String(index),
      tls: false,
    };
  }
  const { model, host, index } = parameters;
  if (kind !== 'NetworkPowerPort' || typeof host !== 'string') return byClient(client);
  const known = httpModels[String(model)];
  if (known === undefined || extra['proxy_required'] === true) return byClient(client);
  return { kind: 'http', user: 'admin', secrets: {}, ...known(host, String(index ?? 0)) };
}

/** Address of the board's own system where the place tells it. */
export function sshOfPlace(resources: readonly Resource[]): { host: string; user?: string } | undefined {
  const service = resources.find(({ kind }) => kind === 'NetworkService');
  const { address, username } = service?.parameters ?? {};
  if (typeof address !== 'string') return undefined;
  return { host: address, ...(typeof username === 'string' && username !== '' && { user: username }) };
}

/** Switches at the exporter's USB ports. */
const localSwitches = [
  'NetworkUSBPowerPort',
  'NetworkSiSPMPowerPort',
  'NetworkDeditecRelais8',
  'NetworkHIDRelay',
];

type Requests = Pick<Extract<LabPower, { kind: 'http' }>, 'on' | 'off' | 'state'>;

const oneOrZero = { on: '1', off: '0' };

/** By the model's name in labgrid; each with its requests. */
const httpModels: Readonly<Record<string, (host: string, index: string) => Requests>> = {
  rest: (host, index) => {
    const url = host.replaceAll('{index}', index);
    return {
      on: { url, method: 'PUT', body: '1' },
      off: { url, method: 'PUT', body: '0' },
      state: { url, says: oneOrZero },
    };
  },
  simplerest: (host, index) => {
    const url = (value: string) =>
      host.replaceAll('{index}', String(Number(index))).replaceAll('{value}', value);
    return {
      on: { url: url('1') },
      off: { url: url('0') },
      state: { url: url('').replace(/\/+$/, ''), says: oneOrZero },
    };
  },
  shelly_gen1: (host, index) => {
    const url = `${host}/relay/${index}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return {
      on: { url, method: 'POST', body: 'turn=on', headers },
      off: { url, method: 'POST', body: 'turn=off', headers },
      state: { url, says: { on: '"ison":true', off: '"ison":false' } },
    };
  },
  shelly_gen2: (host, index) => {
    const url = `${host}/rpc`;
    const headers = { 'content-type': 'application/json' };
    const call = (method: string, parameters: object) =>
      ({
        url,
        method: 'POST',
        headers,
        body: JSON.stringify({ id: 1, method, params: { id: Number(index), ...parameters } }),
      }) as const;
    return {
      on: call('Switch.Set', { on: true }),
      off: call('Switch.Set', { on: false }),
      state: { ...call('Switch.GetStatus', {}), says: { on: '"output":true', off: '"output":false' } },
    };
  },
};

function byClient({ coordinator, place }: LabgridClient): LabPower {
  const named = `labgrid-client -x ${quoted(coordinator)} -p ${quoted(place)}`;
  const call = (action: string) => `${named} power ${action}`;
  return {
    kind: 'command',
    on: call('on'),
    off: call('off'),
    // It prints `power for place NAME is on`.
    state: `${call('get')} | sed -n 's/.* is \\(on\\|off\\)$/\\1/p'`,
    outlet: `labgrid place ${place}`,
    secrets: {},
  };
}

/** One word of a shell, whatever is in it: a place's name comes from the coordinator, which asks nobody who they are. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function one(
  place: string,
  resources: readonly Resource[],
  kinds: readonly string[],
  name: string | undefined,
  field: string,
): Resource {
  const fit = resources.filter(
    resource => kinds.includes(resource.kind) && (name === undefined || resource.name === name),
  );
  const [only] = fit;
  if (only !== undefined && fit.length === 1) return only;
  const wanted = `${kinds[0] ?? ''}${name === undefined ? '' : ` ${name}`}`;
  if (only === undefined) {
    const there = resources.map(({ path, kind }) => `${kind} ${path}`).join(', ') || 'none';
    throw new ConfigurationError(
      `labgrid place ${place} has no ${wanted}: its resources are ${there}`,
      `add a match to the place (labgrid-client add-match), or give ${field} in the lab file`,
    );
  }
  throw new ConfigurationError(
    `labgrid place ${place} has several of ${wanted}: ${fit.map(each => each.name).join(', ')}`,
    `choose one in the lab file: ${field}: { kind: labgrid, resource: ${only.name} }`,
  );
}

function requireNoProxy(path: string, extra: Resource['extra']): void {
  if (extra['proxy_required'] !== true) return;
  throw new ConfigurationError(
    `${path} is behind an isolated exporter (${String(extra['proxy'] ?? '')}), which is not supported`,
    'start the exporter without --isolated, or run on its own host',
  );
}

function hostAndPort(text: string): { host: string; port: number } {
  const [host = text, port] = text.replace(/^https?:\/\//, '').split(':');
  return { host, port: port === undefined ? 16_421 : Number.parseInt(port, 10) };
}
