/** Reads a folder of the corpus: one boot of a real stack, with what went into it (corpus/README.md). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ConfigurationError } from '../config/configuration-error.ts';
import { loadFirmwareProfile } from '../board/firmware-profile.ts';
import { parseFlat } from '../model/dt/flat.ts';
import type { DeviceTree } from '../model/dt/tree.ts';
import { dom0Bootargs } from '../model/xen/modules.ts';
import type { Guest, Scenario, Step } from '../model/predict/scenario.ts';

/** Something that was done in Dom0, or that a guest did. Fields vary with `do`. */
const action = z.looseObject({
  do: z.string(),
  config: z.string().optional(),
  domain: z.union([z.string(), z.number()]).transform(String).optional(),
  domid: z.number().int().optional(),
  path: z.string().optional(),
  rc: z.number().int().optional(),
});

const caseFile = z.looseObject({
  name: z.string(),
  xen: z.object({
    mediator: z.enum(['multi-agent', 'single-agent', 'none']),
    debug: z.boolean(),
    version: z.string().optional(),
  }),
  linux: z.enum(['6.1', '6.12', '7.2']).default('6.12'),
  firmware: z.object({ profile: z.string(), faults: z.array(z.string()).default([]) }),
  guests: z
    .array(z.looseObject({ kind: z.string(), node: z.string(), partialTree: z.string().optional() }))
    .default([]),
  toolstack: z.array(action).default([]),
  ended: z.string().optional(),
  /** Why what happened is left open by the sources. */
  undefined: z.string().optional(),
});

/** case.json as read. */
export type CaseFile = z.output<typeof caseFile>;

/**
 * Reads a case as it stands: host tree, partial trees, guest configurations and what was done.
 * @param directory the case's folder
 * @throws {ConfigurationError} naming the file that is missing or wrong
 */
export function loadCase(directory: string): Scenario {
  const document = readCaseFile(directory);
  const { version, ...xen } = document.xen;
  const hostTree = readTree(path.join(directory, 'host.dtb'));
  const blobs = readdirSync(directory).filter(name => name.endsWith('.dtb') && name !== 'host.dtb');
  const files = new Map(blobs.map(name => [`/root/${name}`, read(path.join(directory, name))]));
  const configs = readdirSync(directory).filter(name => name.endsWith('.cfg'));
  return {
    name: document.name,
    title: `corpus case ${document.name}`,
    claims: [],
    xen: version === undefined ? xen : { ...xen, version },
    linux: document.linux,
    firmware: {
      profile: loadFirmwareProfile(document.firmware.profile),
      faults: document.firmware.faults,
    },
    hostTree,
    dom0less: new Map(
      document.guests.flatMap(({ node, partialTree }): [string, DeviceTree][] =>
        partialTree === undefined ? [] : [[node, readTree(path.join(directory, partialTree))]],
      ),
    ),
    guests: new Map(configs.map(name => [stem(name), readGuest(path.join(directory, name), configs, files)])),
    steps: [
      ...startScripts(hostTree, document),
      ...withStartScripts(document.toolstack.map((each, index) => stepOf(each, index, directory))),
    ],
    statements: [],
  };
}

/**
 * case.json of a folder.
 * @throws {ConfigurationError} with file and field
 */
export function readCaseFile(directory: string): CaseFile {
  const file = path.join(directory, 'case.json');
  const text = new TextDecoder().decode(read(file));
  const result = caseFile.safeParse(parseJson(text, file));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ConfigurationError(`${file}: ${issue?.path.join('.')}: ${issue?.message}`);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigurationError(
      `${file} is no JSON: ${error instanceof Error ? error.message : 'unreadable'}`,
    );
  }
}

/** The user land of the corpus reads the clocks of its domain as soon as it starts; `rdinit` is another one. */
function startScripts(hostTree: DeviceTree, { guests }: CaseFile): readonly Step[] {
  const bootargs = dom0Bootargs(hostTree) ?? '';
  const dom0 = /\brdinit=/.test(bootargs) ? [] : ['dom0'];
  return [...dom0, ...guests.map(({ node }) => node)].map(readClocks);
}

function readClocks(domain: string): Step {
  return { do: 'command', domain, run: 'cat /sys/kernel/debug/clk/clk_summary' };
}

/** A guest that starts does as Dom0 does, which takes it longer than it takes to assign a few devices. */
function withStartScripts(steps: readonly Step[]): readonly Step[] {
  const all: Step[] = [];
  const starting: string[] = [];
  for (const step of steps) {
    if (step.do !== 'assign-device') all.push(...starting.splice(0).map(readClocks));
    all.push(step);
    if (starts.has(step.do) && 'guest' in step) starting.push(step.guest);
  }
  return [...all, ...starting.map(readClocks)];
}

const starts = new Set<Step['do']>(['create', 'reboot', 'guest-reboots']);

function stepOf(each: z.output<typeof action>, index: number, directory: string): Step {
  const wrong = (what: string): ConfigurationError =>
    new ConfigurationError(`${path.join(directory, 'case.json')}: toolstack.${index}: ${what}`);
  const guest = each.domain ?? each.domid?.toString();
  switch (each.do) {
    case 'create':
      if (each.config === undefined) throw wrong('create without config');
      return { do: 'create', guest: stem(each.config) };
    case 'destroy':
    case 'shutdown':
    case 'reboot':
    case 'guest-powers-off':
    case 'guest-reboots':
    case 'guest-crashes':
      if (guest === undefined) throw wrong(`${each.do} without domain`);
      return { do: each.do, guest };
    case 'assign-device':
      if (guest === undefined || each.path === undefined) throw wrong('assign-device without domain or path');
      return { do: 'assign-device', guest, path: each.path };
    default:
      return { do: 'command', domain: 'Dom0', run: [each.do, guest, each.path].filter(Boolean).join(' ') };
  }
}

/** d2-2.cfg is what d2.cfg was at its second `create`. */
function readGuest(file: string, configs: readonly string[], files: ReadonlyMap<string, Uint8Array>): Guest {
  const original = stem(file).replace(/-\d+$/, '');
  const name = configs.includes(`${original}.cfg`) ? original : stem(file);
  return { name, config: new TextDecoder().decode(read(file)), origin: file, files };
}

function readTree(file: string): DeviceTree {
  return parseFlat(read(file), file);
}

function read(file: string): Uint8Array {
  if (!existsSync(file)) {
    throw new ConfigurationError(`there is no ${file}`, 'a corpus case has case.json and host.dtb');
  }
  return readFileSync(file);
}

const stem = (file: string): string => path.basename(file).replace(/\.[^.]*$/, '');
