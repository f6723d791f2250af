/**
 * The YAML form of a scenario (scenarios/*.yaml). What a text may be: a text of several lines (`|`) is the
 * thing itself, a text of one line is a file's path relative to the scenario. `${...}` in texts stands for a
 * value of the board (templates.ts).
 */
import { z } from 'zod';
import { duration, pattern } from '../board/board-type.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'a name of lower-case letters, digits and dashes');
const domainName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]*$/, 'a name that starts with a letter');
const claims = z
  .array(z.string().regex(/^(D|R|v\d+-T?)\d+$/, 'the id of a statement of the series, such as D5, R1, v8-2'))
  .describe('Statements of the series that this tests');
const text = z.string().min(1);

const agentName = z.union([
  z.number().int().min(0),
  z.string().regex(/^(guest[1-9]\d*|dom0|xen)$/, 'guest1, guest2, ..., dom0, xen or an agent id'),
]);

/** A number, or a text with templates that comes to one: `"${guestShmem} + 0x4"`. */
const amount = z.union([z.number().int().min(0), text]);

const partialTree = text.describe('Device tree source of the partial tree, or its file (source or blob)');

const guest = z.strictObject({
  agent: z
    .union([
      z.number().int().min(0),
      z
        .string()
        .regex(/^(guest[1-9]\d*|dom0|xen|none)$/, 'guest1, guest2, ..., dom0, xen, none or an agent id'),
    ])
    .optional()
    .describe("Agent asked for: the board's N-th guest agent (`guestN`), an id, or none. Default: in order"),
  config: text.optional().describe('xl configuration, or its file. Default: one made for the agent'),
  partialTree: partialTree.optional(),
  probe: z
    .boolean()
    .default(false)
    .describe('The guest runs the bare-metal probe instead of Linux: smc, scmi and memory steps are for it'),
});

const host = z.strictObject({
  tree: text.optional().describe("Host device tree in place of the board's own and its overlays"),
  overlays: z.array(text).default([]).describe('Overlays applied after those of the board'),
  edit: text.optional().describe('Device tree source laid over the tree: `&{/path} { ... };`, /delete-node/'),
});

/** A step's own name, for statements. */
const as = name.optional();

/** Actions that take a guest by its name alone. */
const guestActions = [
  'create',
  'destroy',
  'shutdown',
  'reboot',
  'guest-powers-off',
  'guest-reboots',
  'guest-crashes',
] as const;

const guestSteps = guestActions.map(action =>
  z
    .strictObject({ [action]: domainName, as })
    .transform(written => ({ do: action, guest: String(written[action]), as: written['as'] })),
);

const assignDevice = z
  .strictObject({ 'assign-device': z.strictObject({ guest: domainName, path: text }), as })
  .transform(written => ({ do: 'assign-device' as const, ...written['assign-device'], as: written.as }));

const look = z
  .strictObject({ look: domainName, as })
  .transform(written => ({ do: 'look' as const, domain: written.look, as: written.as }));

const command = z
  .strictObject({ command: z.strictObject({ in: domainName.default('dom0'), run: text }), as })
  .transform(written => ({
    do: 'command' as const,
    domain: written.command.in,
    run: written.command.run,
    as: written.as,
  }));

const memory = z
  .strictObject({
    memory: z.union([
      z.strictObject({ in: domainName, read: amount, words: z.number().int().min(1).max(64).default(1) }),
      z.strictObject({ in: domainName, write: amount, values: z.array(amount).min(1).max(64) }),
    ]),
    as,
  })
  .transform(({ memory: { in: domain, ...access }, as: called }) => ({
    do: 'memory' as const,
    domain,
    access,
    as: called,
  }));

const smc = z
  .strictObject({
    smc: z.strictObject({
      in: domainName,
      function: amount.describe('SMC function id, as w0'),
      arguments: z.array(amount).max(7).default([]).describe('x1 and so on'),
      conduit: z.enum(['smc', 'hvc']).default('smc'),
    }),
    as,
  })
  .transform(({ smc: { in: domain, ...call }, as: called }) => ({
    do: 'smc' as const,
    domain,
    call,
    as: called,
  }));

const scmi = z
  .strictObject({
    scmi: z.strictObject({
      in: domainName,
      message: z.union([amount, z.strictObject({ protocol: amount, id: amount, token: amount.optional() })]),
      payload: z.array(amount).max(22).default([]).describe('32-bit words after the header'),
      agent: agentName.optional().describe("Whose function id and page. Default: the guest's own"),
      function: amount.optional(),
      page: amount.optional(),
    }),
    as,
  })
  .transform(({ scmi: { in: domain, ...message }, as: called }) => ({
    do: 'scmi' as const,
    domain,
    message,
    as: called,
  }));

const wait = z
  .strictObject({ wait: duration, as })
  .transform(written => ({ do: 'wait' as const, milliseconds: written.wait, as: written.as }));

const otherSteps = ['assign-device', 'look', 'command', 'smc', 'scmi', 'memory', 'wait'];

const step = z.union([...guestSteps, assignDevice, look, command, smc, scmi, memory, wait], {
  error: `a step does one thing: ${[...guestActions, ...otherSteps].join(', ')}`,
});

const claimed = {
  claims,
  words: z.string().min(1).describe('The claim as a sentence: `the guest is created again`'),
};

const statement = z.union(
  [
    z.strictObject({
      ...claimed,
      step: z
        .union([z.number().int().nonnegative(), name])
        .describe('Index from 0, or the name given by `as`'),
      exitStatus: z.number().int().optional(),
      output: pattern.optional(),
    }),
    z.strictObject({
      ...claimed,
      console: z.enum(['xen', 'linux']),
      pattern,
      absent: z.boolean().default(false),
    }),
    z.strictObject({ ...claimed, milestone: z.string().min(1), absent: z.boolean().default(false) }),
  ],
  { error: 'a statement is about a step, a console line or a milestone' },
);

export const scenarioSchema = z.strictObject({
  schema: z.literal(1),
  name: name.describe('As the file is called'),
  title: z.string().min(1),
  description: z.string().optional(),
  claims: claims.default([]),
  lintErrors: z
    .array(z.string())
    .default([])
    .describe(
      'Rules of lint whose errors are the subject: any other error stops a run before the board is touched',
    ),
  boards: z.array(z.string()).min(1).optional().describe('Board types that it fits. Default: any'),
  xen: z
    .strictObject({
      mediator: z.enum(['multi-agent', 'single-agent', 'none']).exactOptional(),
      debug: z.boolean().exactOptional(),
      version: z.string().exactOptional(),
    })
    .default({})
    .describe("Build of Xen, where it is not the board type's"),
  linux: z.enum(['6.1', '6.12', '7.2']).optional(),
  linuxRawMode: z
    .enum(['none', 'exclusive', 'coexisting'])
    .optional()
    .describe("SCMI raw mode of the kernels, where it is not the board type's"),
  firmware: z
    .strictObject({ profile: z.string().optional(), faults: z.array(z.string()).default([]) })
    .default({ faults: [] }),
  host: host.default({ overlays: [] }),
  payload: z
    .literal('probe')
    .optional()
    .describe('What the boot loader starts instead of Xen: the probe, alone at EL2, as domain `probe`'),
  dom0less: z
    .record(domainName, z.strictObject({ partialTree }))
    .default({})
    .describe('Partial trees of dom0less domains by their node in /chosen'),
  guests: z.record(domainName, guest).default({}).describe('Guests that steps may create'),
  steps: z.array(step).default([]).describe('What is done once Dom0 is up; booting is no step'),
  statements: z.array(statement).default([]).describe('What the series promises here'),
});

/** A scenario as it stands in its file. */
export type ScenarioDocument = z.output<typeof scenarioSchema>;
export type GuestDocument = z.output<typeof guest>;
export type StatementDocument = z.output<typeof statement>;
