/** Reads SCMI firmware profiles: the shipped ones by name, a user's own by file. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { FirmwareProfile } from '../model/scmi/profile.ts';
import { isQuirk, quirks } from '../model/scmi/quirks.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { mergePatch } from '../config/merge-patch.ts';
import { hintAt } from '../config/nearest-name.ts';
import { projectDirectory } from '../config/project-directory.ts';
import { displayName, parseYaml, readText } from '../config/yaml-file.ts';

const shippedDirectory = path.join(projectDirectory, 'boards', 'firmware');

/**
 * Reads a firmware profile.
 * @param nameOrFile a file of boards/firmware without `.yaml`, or the path of a file
 * @throws ConfigurationError naming file, line and field
 */
export function loadFirmwareProfile(nameOrFile: string): FirmwareProfile {
  const file = profileFile(nameOrFile);
  const known = shipped.get(file);
  if (known !== undefined) return known;
  const profile = parseFirmwareProfile(readText(file), displayName(file));
  if (path.dirname(file) === shippedDirectory) shipped.set(file, profile);
  return profile;
}

/** Profiles that come with the program, by file: each scenario that is loaded asks for one. */
const shipped = new Map<string, FirmwareProfile>();

/** Reads a firmware profile from YAML; `name` is what errors call it. */
export function parseFirmwareProfile(text: string, name: string): FirmwareProfile {
  const prepare = (content: unknown): unknown => withBase(content, name);
  return parseYaml(text, name, firmwareProfileSchema, { prepare }).value;
}

/** A profile that extends another is laid over it as a JSON merge patch, as board types are. */
function withBase(content: unknown, name: string, extending: readonly string[] = []): unknown {
  if (typeof content !== 'object' || content === null || !('extends' in content)) return content;
  const { extends: base, ...own } = content;
  if (typeof base !== 'string' || extending.includes(base)) {
    throw new ConfigurationError(`${name}: extends: the name of another firmware profile is expected`);
  }
  const file = profileFile(base);
  const inherited = parseYaml(readText(file), displayName(file), z.looseObject({})).value;
  return mergePatch(withBase(inherited, displayName(file), [...extending, base]), own);
}

function profileFile(nameOrFile: string): string {
  if (/[/\\.]/.test(nameOrFile) && existsSync(nameOrFile)) return nameOrFile;
  const file = path.join(shippedDirectory, `${nameOrFile}.yaml`);
  if (existsSync(file)) return file;
  throw new ConfigurationError(
    `there is no firmware profile ${nameOrFile}`,
    `${hintAt(nameOrFile, shippedProfiles())} (or give the path of a file)`,
  );
}

/** Names of the profiles that come with the program. */
export function shippedProfiles(): string[] {
  return readdirSync(shippedDirectory)
    .filter(file => file.endsWith('.yaml'))
    .map(file => file.slice(0, -'.yaml'.length))
    .toSorted();
}

const word = z.number().int().min(0).max(0xffff_ffff);
const id = z.number().int().min(0).max(0xffff);
/** A name as a reply can carry it: 15 characters and their end. */
const name = z
  .string()
  .regex(/^[\x20-\x7e]*$/, 'printable ASCII characters')
  .max(15);
const ids = z.array(id).default([]);

const agents = z.array(
  z.strictObject({
    id,
    name,
    functionId: word,
    shmem: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
    shmemSize: z.number().int().min(128).default(0x1000),
  }),
);

const devices = z.array(
  z.strictObject({
    id,
    name: z.string(),
    clocks: ids,
    resets: ids,
    powerDomains: ids,
    pins: ids,
    owner: z.union([z.enum(['shared', 'firmware', 'none']), id]).default('none'),
  }),
);

const range = z
  .strictObject({ min: z.number().positive(), max: z.number().positive(), step: z.number().positive() })
  .refine(({ min, max }) => min <= max, 'a min that is not larger than max');

const clock = z
  .strictObject({
    id,
    name,
    rate: z.number().int().nonnegative(),
    /** At boot; absent: as `alwaysOn`. */
    enabled: z.boolean().optional(),
    range: range.optional(),
    alwaysOn: z.boolean().optional(),
  })
  .transform(entry => dropUndefined({ ...entry, enabled: entry.enabled ?? entry.alwaysOn === true }));

const powerDomain = z
  .strictObject({
    id,
    name,
    parent: id.optional(),
    /** At boot; absent: as `alwaysOn`. */
    on: z.boolean().optional(),
    alwaysOn: z.boolean().optional(),
    users: z.number().int().nonnegative().optional(),
  })
  .transform(entry => dropUndefined({ ...entry, on: entry.on ?? entry.alwaysOn === true }));

const pins = z
  .strictObject({
    pins: z.array(z.string().max(63)),
    groups: z.array(z.string().max(63)),
    functions: z.array(z.string().max(63)),
    groupPins: z.array(z.array(id)).optional(),
    functionGroups: z.array(z.array(id)).optional(),
    configurations: z.array(id).default([]),
    multiplexers: z.array(z.array(id.nullable())).optional(),
  })
  .transform(dropUndefined);

const performanceDomain = z.strictObject({
  id,
  name,
  levels: z
    .array(
      z.strictObject({ level: word, power: word, latency: z.number().int().min(0).max(0xffff).default(0) }),
    )
    .min(1)
    .refine(levels => isAscending(levels.map(({ level }) => level)), 'levels in ascending order'),
  sustainedLevel: word,
  sustainedFrequency: word,
});

const sensor = z.strictObject({
  id,
  name,
  type: z.number().int().min(0).max(0xff),
  exponent: z.number().int().min(-16).max(15).default(0),
  reading: z.number().int(),
});

const microvolts = z.number().int().min(-0x8000_0000).max(0x7fff_ffff);
const voltageDomain = z.strictObject({
  id,
  name,
  levels: z.array(microvolts).min(1).refine(isAscending, 'levels in ascending order'),
  level: microvolts,
  on: z.boolean().default(false),
});

function isAscending(values: readonly number[]): boolean {
  return values.every((value, index) => index === 0 || value > (values[index - 1] ?? value));
}

/** Names whose position is their id. */
const namedList = z.array(name).transform(names => names.map((entry, index) => ({ id: index, name: entry })));

/** The schema of boards/firmware/*.yaml. */
const firmwareProfileSchema = z
  .strictObject({
    schema: z.literal(1).transform(() => undefined),
    name: z.string().regex(/^[A-Za-z0-9._-]+$/),
    origin: z.string().min(1),
    vendor: name,
    subVendor: name.default(''),
    implementationVersion: word.default(0),
    protocols: z.record(z.string().regex(/^(0x[0-9a-f]+|\d+)$/i), word),
    reportedAgents: z.number().int().min(0).max(255).optional(),
    agents: agents.min(1),
    privilegedAgent: id.nullable(),
    baseMessages: z.array(z.number().int().min(0).max(0xff)),
    permissions: z.enum(['device-owner', 'none']),
    devicePolicy: z.enum(['single-owner', 'none']),
    resetAgentPolicy: z.enum(['permissions', 'resources', 'not-supported']),
    devices: devices.default([]),
    clocks: z.array(clock).default([]),
    resets: namedList.default([]),
    powerDomains: z.array(powerDomain).default([]),
    pins: pins.optional(),
    performanceDomains: z.array(performanceDomain).optional(),
    sensors: z.array(sensor).optional(),
    voltageDomains: z.array(voltageDomain).optional(),
    systemPowerAgents: z.array(id).optional(),
    quirks: z.array(z.string().refine(isQuirk, `a quirk: ${Object.keys(quirks).join(', ')}`)).default([]),
    unknownMessage: z.enum(['not-supported', 'not-found']).default('not-supported'),
    unknownServiceCall: z.string().optional(),
    faultWord: word.optional(),
  })
  .superRefine((profile, context) => {
    for (const [field, entries] of uniqueFields(profile)) {
      const seen = new Set<unknown>();
      for (const [index, value] of entries.entries()) {
        if (seen.has(value)) {
          context.addIssue({
            code: 'custom',
            path: [...field(index)],
            message: `each only once, ${String(value)} is there twice`,
          });
        }
        seen.add(value);
      }
    }
    const known = profile.agents.map(agent => agent.id);
    if (profile.privilegedAgent !== null && !known.includes(profile.privilegedAgent)) {
      context.addIssue({
        code: 'custom',
        path: ['privilegedAgent'],
        message: `one of the agents, there is no agent ${profile.privilegedAgent}`,
      });
    }
    for (const [index, device] of profile.devices.entries()) {
      for (const [field, of] of resourcesOf(profile)) {
        const missing = device[field].find(resource => !of.includes(resource));
        if (missing === undefined) continue;
        context.addIssue({
          code: 'custom',
          path: ['devices', index, field],
          message: `ids that the profile has, there is no ${missing}`,
        });
      }
    }
  })
  .transform(({ protocols, ...profile }): FirmwareProfile => {
    const versions = Object.entries(protocols).map(([key, version]) => [Number(key), version] as const);
    return dropUndefined({ ...profile, protocols: new Map(versions) });
  });

interface Identified {
  readonly agents: readonly { readonly id: number; readonly functionId: number; readonly shmem: number }[];
  readonly devices: readonly { readonly id: number }[];
  readonly clocks: readonly { readonly id: number }[];
  readonly resets: readonly { readonly id: number }[];
  readonly powerDomains: readonly { readonly id: number }[];
  readonly pins?: { readonly pins: readonly string[] } | undefined;
}

type Path = (index: number) => readonly PropertyKey[];

function uniqueFields(profile: Identified): [Path, readonly unknown[]][] {
  return [
    [index => ['agents', index, 'id'], profile.agents.map(agent => agent.id)],
    [index => ['agents', index, 'functionId'], profile.agents.map(agent => agent.functionId)],
    [index => ['agents', index, 'shmem'], profile.agents.map(agent => agent.shmem)],
    [index => ['devices', index, 'id'], profile.devices.map(device => device.id)],
    [index => ['clocks', index, 'id'], profile.clocks.map(entry => entry.id)],
    [index => ['powerDomains', index, 'id'], profile.powerDomains.map(entry => entry.id)],
  ];
}

function resourcesOf(
  profile: Identified,
): ['clocks' | 'resets' | 'powerDomains' | 'pins', readonly number[]][] {
  return [
    ['clocks', profile.clocks.map(entry => entry.id)],
    ['resets', profile.resets.map(entry => entry.id)],
    ['powerDomains', profile.powerDomains.map(entry => entry.id)],
    ['pins', (profile.pins?.pins ?? []).map((_, index) => index)],
  ];
}

type WithoutUndefined<T> = {
  [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key];
} & { [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined> };

/** An object without the optional fields that are not there. */
function dropUndefined<T extends object>(value: T): WithoutUndefined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => field !== undefined),
  ) as WithoutUndefined<T>;
}
