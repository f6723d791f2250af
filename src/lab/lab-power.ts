/** The schema of a board's power switch in lab.yaml. */
import { z } from 'zod';

const host = z.string().min(1);
/** How the switch is logged in to; the password itself never stands in a lab file. */
const login = { user: z.string().default('admin'), passwordFile: z.string().min(1).optional() };

const request = z.strictObject({
  url: z.url(),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH']).optional(),
  body: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
});

const bytes = z
  .string()
  .regex(/^[0-9A-Fa-f]{2}( ?[0-9A-Fa-f]{2})*$/, 'bytes in hexadecimal, such as "A0 01 01 A2"');

export const power = z.discriminatedUnion('kind', [
  /** Shell commands; exit status 0 is success. `state` prints `on` or `off`. */
  z.strictObject({
    kind: z.literal('command'),
    on: z.string(),
    off: z.string(),
    state: z.string().optional(),
  }),
  z.strictObject({
    kind: z.literal('shelly'),
    host,
    /** 2 stands for the later ones too. */
    generation: z.union([z.literal(1), z.literal(2)]),
    channel: z.number().int().min(0).default(0),
    ...login,
  }),
  z.strictObject({
    kind: z.literal('tasmota'),
    host,
    output: z.number().int().min(1).default(1),
    ...login,
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
    tls: z
      .union([
        z.boolean(),
        /** PEM file of the certificate that the broker's is signed with. */
        z.strictObject({ authority: z.string().min(1) }),
      ])
      .default(false),
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
  }),
  z.strictObject({
    kind: z.literal('pdudaemon'),
    host: host.default('localhost'),
    port: z.number().int().min(1).max(65535).default(16421),
    pdu: z.string().min(1),
    outlet: z.union([z.string().min(1), z.number().int()]).transform(String),
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
  /** A person at the terminal. */
  z.strictObject({ kind: z.literal('ask') }),
]);

export type LabPower = z.output<typeof power>;

/** What no two boards can share: else one would lose its supply to the other. Undefined: not known. */
export function outletOf(setup: LabPower): string | undefined {
  switch (setup.kind) {
    case 'shelly':
      return `${setup.host} channel ${setup.channel}`;
    case 'tasmota':
      return `${setup.host} output ${setup.output}`;
    case 'mqtt':
      return `${setup.broker}, ${setup.topic} output ${setup.output}`;
    case 'http':
      return `${setup.on.method ?? 'GET'} ${setup.on.url} ${setup.on.body ?? ''}`.trim();
    case 'pdudaemon':
      return `${setup.host}:${setup.port}, ${setup.pdu} outlet ${setup.outlet}`;
    case 'uhubctl':
      return `hub ${setup.location} port ${setup.port}`;
    case 'relay':
      // One port may have several relays, each with its bytes.
      return `${setup.path} ${setup.on.replaceAll(' ', '').toUpperCase()}`;
    default:
      // The outlet that a command switches is unknown.
      return undefined;
  }
}
