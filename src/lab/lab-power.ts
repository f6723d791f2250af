/** The schema of a board's power switch in lab.yaml. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { displayUrl } from './drivers/power/http-call.ts';
import { shellCommand } from './written-secrets.ts';
import { secretFiles as secrets, withNames } from './secret-names.ts';

const host = z
  .string()
  .regex(
    /^[^\s/?#@]+$/,
    'a name or address, with :port where it is another; the login has fields of its own',
  );
/** How the switch is logged in to; the password itself never stands in a lab file. */
const login = { user: z.string().default('admin'), passwordFile: z.string().min(1).optional() };

/** PEM file of the certificates that are trusted in place of the system's: an authority's, or the device's own. */
const trust = z.strictObject({ authority: z.string().min(1) });
const tls = z.union([z.boolean(), trust]).default(false);

/** `${NAME}` stands for a secret of the file, or for a variable of the environment. */
const url = z
  .string()
  .refine(
    text => URL.canParse(withNames(text, () => 'x')) && /^https?:/i.test(text),
    'a URL of http or https',
  )
  .refine(
    text => !/^[a-z]+:\/\/[^/?#]*@/i.test(text),
    'no user and password within a URL: name them by user and passwordFile',
  );

const request = z.strictObject({
  url,
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH']).optional(),
  body: z.string().optional(),
  headers: z
    .record(
      z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'the name of a header'),
      z.string().regex(/^[^\r\n]*$/, 'one line'),
    )
    .optional(),
});

const bytes = z
  .string()
  .regex(/^[0-9A-Fa-f]{2}( ?[0-9A-Fa-f]{2})*$/, 'bytes in hexadecimal, such as "A0 01 01 A2"');

export const power = z.discriminatedUnion('kind', [
  /** Shell commands; exit status 0 is success. `state` prints `on` or `off`. */
  z.strictObject({
    kind: z.literal('command'),
    on: shellCommand,
    off: shellCommand,
    state: shellCommand.optional(),
    /** The outlet that they switch, if other commands switch it too; else these commands stand for it. */
    outlet: z.string().min(1).exactOptional(),
    /** They are variables of the commands' environment. */
    secrets,
  }),
  z.strictObject({
    kind: z.literal('shelly'),
    host,
    /** 2 stands for the later ones too. */
    generation: z.union([z.literal(1), z.literal(2)]),
    channel: z.number().int().min(0).default(0),
    ...login,
    tls,
  }),
  z.strictObject({
    kind: z.literal('tasmota'),
    host,
    output: z.number().int().min(1).default(1),
    ...login,
    tls,
  }),
  /** Tasmota at an MQTT broker. */
  z.strictObject({
    kind: z.literal('mqtt'),
    broker: z
      .string()
      .regex(
        /^(\[[0-9a-fA-F:]+\]|[^\s/:@]+)(:\d{1,5})?$/,
        'a name or address, with :port where it is another',
      ),
    topic: z.string().regex(/^[^\s#+$]+$/, "the device's own topic, without cmnd/ and without wildcards"),
    output: z.number().int().min(1).default(1),
    /** Without a password, nobody logs in. */
    ...login,
    tls,
  }),
  /** Any switch with requests of its own. */
  z.strictObject({
    kind: z.literal('http'),
    on: request.extend({ expect: z.string().min(1).optional() }),
    off: request.extend({ expect: z.string().min(1).optional() }),
    state: request
      .extend({ says: z.strictObject({ on: z.string().min(1), off: z.string().min(1) }) })
      .optional(),
    ...login,
    tls: trust.optional(),
    secrets,
  }),
  z.strictObject({
    kind: z.literal('pdudaemon'),
    host: host.default('localhost'),
    port: z.number().int().min(1).max(65535).default(16421),
    pdu: z.string().min(1),
    outlet: z.union([z.string().min(1), z.number().int()]).transform(String),
    tls,
  }),
  z.strictObject({
    kind: z.literal('uhubctl'),
    location: z.string().regex(/^\d+(-\d+(\.\d+)*)?$/, 'a hub as uhubctl names it, such as 1-1.4'),
    port: z.number().int().min(1).max(31),
    command: z.string().min(1).default('uhubctl'),
  }),
  /** A relay on a serial port that bytes switch. */
  z.strictObject({
    kind: z.literal('relay'),
    path: z.string().min(1),
    baudRate: z.number().int().positive().default(9600),
    on: bytes,
    off: bytes,
    state: z.strictObject({ ask: bytes, on: z.string().min(1), off: z.string().min(1) }).optional(),
  }),
  /** The switch of the board's labgrid place; `resource` where it has several. */
  z.strictObject({ kind: z.literal('labgrid'), resource: z.string().min(1).exactOptional() }),
  /** A person at the terminal. */
  z.strictObject({ kind: z.literal('ask') }),
]);

export type LabPower = z.output<typeof power>;

/** The outlet, which no two boards can share: else one would switch the other off. Undefined: not known. */
export function outletOf(setup: LabPower): string | undefined {
  switch (setup.kind) {
    case 'shelly':
      return `${setup.host} channel ${setup.channel}`;
    case 'tasmota':
      return `${setup.host} output ${setup.output}`;
    case 'mqtt':
      return `${setup.broker}, ${setup.topic} output ${setup.output}`;
    case 'http':
      return outletOfRequest(setup.on);
    case 'pdudaemon':
      return `${setup.host}:${setup.port}, ${setup.pdu} outlet ${setup.outlet}`;
    case 'uhubctl':
      return `hub ${setup.location} port ${setup.port}`;
    case 'relay':
      // One port may have several relays, each with its bytes.
      return `${setup.path} ${setup.on.replaceAll(' ', '').toUpperCase()}`;
    case 'command':
      return outletOfCommands(setup);
    default:
      // A person knows the outlet, and the board's place stands for its own.
      return undefined;
  }
}

/** Boards with one command hang on one outlet; a command that does nothing has none. */
function outletOfCommands({ on, off, outlet }: Extract<LabPower, { kind: 'command' }>): string | undefined {
  if (outlet !== undefined) return `outlet ${outlet}`;
  if (/^\s*(?:true|:|exit 0)?\s*$/.test(on)) return undefined;
  // A command may have secrets in it.
  return `command ${createHash('sha256')
    .update(JSON.stringify([on, off]))
    .digest('hex')
    .slice(0, 12)}`;
}

type HttpSetup = Extract<LabPower, { kind: 'http' }>;

/** Outlets may differ in what is not shown: it is told apart by its hash. */
function outletOfRequest({ url: full, method = 'GET', body = '', headers = {} }: HttpSetup['on']): string {
  const shown = `${method} ${displayUrl(full)}`;
  if (displayUrl(full) === full && body === '' && Object.keys(headers).length === 0) return shown;
  const all = JSON.stringify([method, full, body, Object.entries(headers)]);
  return `${shown} (${createHash('sha256').update(all).digest('hex').slice(0, 12)})`;
}

/** Text that replaces a part of the lab file in which a secret may be. */
const notShown = '[not shown]';

/** As others may see it: without the parts of requests and commands in which secrets may stand. */
export function shownPower(setup: LabPower): LabPower {
  if (setup.kind === 'command') {
    return { ...setup, on: notShown, off: notShown, ...(setup.state !== undefined && { state: notShown }) };
  }
  if (setup.kind !== 'http') return setup;
  const { on, off, state } = setup;
  return {
    ...setup,
    on: shownRequest(on),
    off: shownRequest(off),
    ...(state && { state: shownRequest(state) }),
  };
}

function shownRequest<Request extends HttpSetup['on' | 'off']>(given: Request): Request {
  const names = Object.keys(given.headers ?? {});
  return {
    ...given,
    url: displayUrl(given.url),
    ...(given.body !== undefined && { body: notShown }),
    ...(given.headers && { headers: Object.fromEntries(names.map(name => [name, notShown])) }),
  };
}
