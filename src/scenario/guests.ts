/** The guests of a scenario: their agents, xl configurations and partial trees. */
import type { BoardType } from '../board/board-type.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { writeFlat } from '../model/dt/flat.ts';
import type { FirmwareProfile } from '../model/scmi/profile.ts';
import type { XenBuild } from '../model/xen/build.ts';
import type { Guest } from '../model/predict/scenario.ts';
import type { GuestDocument } from './schema.ts';
import {
  agentParts,
  fillTemplates,
  guestImages,
  guestValues,
  type SourceText,
  type TemplateValues,
} from './templates.ts';
import { readTree, type TreeSource } from './tree-text.ts';

export interface GuestContext {
  readonly board: BoardType;
  readonly firmware: FirmwareProfile;
  readonly xen: XenBuild;
  readonly values: TemplateValues;
  readonly place: (field: readonly PropertyKey[]) => string;
  readonly text: (field: readonly PropertyKey[], textOrFile: string) => SourceText;
  readonly ofScenario: (field: readonly PropertyKey[], textOrFile: string) => TreeSource;
  readonly ofBoard: (file: string) => TreeSource;
}

/**
 * Fits one guest to the board.
 * @param index position among the scenario's guests: the default agent is the board's guest agent there
 */
export function fitGuest(name: string, guest: GuestDocument, index: number, context: GuestContext): Guest {
  const agentId = agentOf(name, guest, index, context);
  const agent = context.firmware.agents.find(({ id }) => id === agentId);
  const treePath = `${context.board.dom0.directory}/${name}.dtb`;
  const values = guestValues(context.values, { name, agentId, partialTree: treePath }, agent);

  const tree = partialTreeOf(name, guest, agent !== undefined, context);
  const files = new Map<string, Uint8Array>();
  if (tree !== undefined) files.set(treePath, writeFlat(readTree(tree, values)));

  const runs = guest.probe ? ({ probe: true } as const) : {};
  if (guest.config === undefined) {
    const kernel = guest.probe ? probeLines(name, context) : linuxLines(context);
    const config = defaultConfig(context, { values, agentId, hasTree: tree !== undefined, kernel });
    return { name, config, origin: `default configuration of ${name}`, files, ...runs };
  }
  const config = fillTemplates(context.text(['guests', name, 'config'], guest.config), values);
  return { name, config: config.text, origin: config.name, files, ...runs };
}

/** Agent that a guest asks for; null: none. */
export function agentOf(
  name: string,
  guest: GuestDocument,
  index: number,
  context: GuestContext,
): number | null {
  const wanted = guest.agent ?? `guest${index + 1}`;
  if (wanted === 'none') return null;
  if (typeof wanted === 'number') return wanted;
  const parts = new Map(agentParts(context.board));
  const agentId = parts.get(wanted);
  if (agentId !== undefined) return agentId;
  const field = ['guests', name, ...(guest.agent === undefined ? [] : ['agent'])];
  throw new ConfigurationError(
    `${context.place(field)}: ${context.board.type} has no agent ${wanted} for ${name}`,
    `it has ${[...parts.keys()].join(', ')}; an agent can also be given by its id`,
  );
}

/** The guest's own tree, else the board's where the guest's agent has a channel that it could name. */
function partialTreeOf(
  name: string,
  guest: GuestDocument,
  hasChannel: boolean,
  { board, ofScenario, ofBoard }: GuestContext,
): TreeSource | undefined {
  if (guest.partialTree !== undefined) return ofScenario(['guests', name, 'partialTree'], guest.partialTree);
  return hasChannel ? ofBoard(board.partialTree) : undefined;
}

/** Xen's name of the mediator in `arm_sci` (xl.cfg(5)). */
const sciTypes = {
  'multi-agent': 'type=scmi_smc_multiagent,agent_id=',
  'single-agent': 'type=scmi_smc',
  none: null,
} as const;

function linuxLines({ board }: GuestContext): readonly string[] {
  return ['memory = 256', 'vcpus = 1', ...guestImages(board), 'extra = "console=hvc0 ignore_loglevel"'];
}

/** So little memory that no page of an agent lies where the guest has its own. */
function probeLines(name: string, { board, place }: GuestContext): readonly string[] {
  const { probe } = board.dom0;
  if (probe !== undefined) return ['memory = 32', 'vcpus = 1', `kernel = "${probe}"`, 'vuart = "sbsa_uart"'];
  throw new ConfigurationError(
    `${place(['guests', name, 'probe'])}: ${board.type} has no probe`,
    'name its path in Dom0 in the board type: dom0.probe',
  );
}

function defaultConfig(
  { xen }: GuestContext,
  guest: {
    readonly values: TemplateValues;
    readonly agentId: number | null;
    readonly hasTree: boolean;
    readonly kernel: readonly string[];
  },
): string {
  const { values, agentId, hasTree, kernel } = guest;
  const lines = [`name = "${values.get('name')}"`, ...kernel, 'on_crash = "preserve"'];
  const sciType = sciTypes[xen.mediator];
  if (sciType !== null && agentId !== null) {
    lines.push(`arm_sci = "${sciType}${xen.mediator === 'multi-agent' ? agentId : ''}"`);
  }
  const pageFrame = values.get('pageFrame');
  if (hasTree && pageFrame !== undefined) {
    lines.push(`iomem = [ "${pageFrame},1@${values.get('guestPageFrame')}" ]`);
  }
  if (hasTree) lines.push(`device_tree = "${values.get('partialTree')}"`);
  return `${lines.join('\n')}\n`;
}
