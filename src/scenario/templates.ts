/**
 * `${...}` in a scenario's texts: one scenario fits boards whose agents differ. `$${` stands for `${` itself.
 */
import type { BoardType } from '../board/board-type.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { nearestName } from '../config/nearest-name.ts';
import type { AgentProfile, FirmwareProfile } from '../model/scmi/profile.ts';

/** A text and where it stands, so that every line of it can be named. */
export interface SourceText {
  /** File, as messages show it. */
  readonly name: string;
  readonly text: string;
  /** Line of the file on which the text begins, counted from 1. */
  readonly firstLine: number;
}

export type TemplateValues = ReadonlyMap<string, string>;

/**
 * Puts values in place of `${name}`.
 * @throws ConfigurationError that names the line, and the names that there are
 */
export function fillTemplates(source: SourceText, values: TemplateValues): SourceText {
  const lines = source.text.split('\n').map((line, index) =>
    line.replace(/(\$?)\$\{([^}]*)\}/g, (whole, escape: string, name: string) => {
      if (escape !== '') return whole.slice(1);
      const value = values.get(name);
      if (value !== undefined) return value;
      throw unknownTemplate(name, values, `${source.name}:${source.firstLine + index}`);
    }),
  );
  return { ...source, text: lines.join('\n') };
}

/**
 * Values that every text of a scenario on a board can name: of each agent by its part (`xen`, `dom0`,
 * `guest1`, ...) and by its id (`agent5`), and where guests find things.
 */
export function boardValues(board: BoardType, firmware: FirmwareProfile): TemplateValues {
  const values = new Map<string, string>();
  for (const [part, id] of agentParts(board)) values.set(`${part}.agentId`, String(id));
  for (const agent of firmware.agents) {
    const parts = agentParts(board).filter(([, id]) => id === agent.id);
    for (const part of [...parts.map(([name]) => name), `agent${agent.id}`]) {
      for (const [name, value] of agentFields(agent)) values.set(`${part}.${name}`, value);
    }
  }
  values.set('firmware.vendor', firmware.vendor);
  values.set('firmware.subVendor', firmware.subVendor);
  values.set('firmware.version', hex(firmware.implementationVersion));
  values.set('guestShmem', hex(board.guestShmem));
  values.set('guestPageFrame', pageFrame(board.guestShmem));
  values.set('directory', board.dom0.directory);
  values.set('guestKernel', board.dom0.guestKernel);
  if (board.dom0.guestRamdisk !== undefined) values.set('guestRamdisk', board.dom0.guestRamdisk);
  values.set('guestImages', guestImages(board).join('\n'));
  if (board.dom0.probe !== undefined) values.set('probe', board.dom0.probe);
  return values;
}

/** Lines of an xl configuration that name a guest's kernel and, where the board has one, its ramdisk. */
export function guestImages({ dom0: { guestKernel, guestRamdisk } }: BoardType): readonly string[] {
  const kernel = `kernel = "${guestKernel}"`;
  return guestRamdisk === undefined ? [kernel] : [kernel, `ramdisk = "${guestRamdisk}"`];
}

/**
 * Values of one guest, which its own texts name without a prefix.
 * @param agent undefined where the firmware has no such agent
 */
export function guestValues(
  board: TemplateValues,
  guest: { readonly name: string; readonly agentId: number | null; readonly partialTree: string },
  agent: AgentProfile | undefined,
): TemplateValues {
  const own = agent === undefined ? [] : agentFields(agent);
  const id = guest.agentId === null ? [] : [['agentId', String(guest.agentId)] as const];
  return new Map([...board, ...own, ...id, ['name', guest.name], ['partialTree', guest.partialTree]]);
}

/** The agents of a board by the part that they play in its trees. */
export function agentParts({ agents }: BoardType): (readonly [part: string, id: number])[] {
  const guests = agents.guests.map((id, index) => [`guest${index + 1}`, id] as const);
  return [['xen', agents.xen], ['dom0', agents.dom0], ...guests];
}

function agentFields(agent: AgentProfile): (readonly [name: string, value: string])[] {
  return [
    ['agentId', String(agent.id)],
    ['functionId', hex(agent.functionId)],
    ['functionIdBytes', bytesOf(agent.functionId)],
    ['shmem', hex(agent.shmem)],
    ['pageFrame', pageFrame(agent.shmem)],
  ];
}

/** As `od -An -tx1` prints a cell of a device tree. */
function bytesOf(cell: number): string {
  return cell
    .toString(16)
    .padStart(8, '0')
    .replace(/..(?!$)/g, '$& ');
}

function unknownTemplate(name: string, values: TemplateValues, place: string): ConfigurationError {
  const nearest = nearestName(name, values.keys());
  const known = [...values.keys()].filter(each => !/^agent\d/.test(each)).join(', ');
  return new ConfigurationError(
    `${place}: \${${name}} has no value on this board`,
    nearest === undefined
      ? `known: ${known}, agentN.functionId (of any agent)`
      : `did you mean \${${nearest}}?`,
  );
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Number of a 4 KiB page in hexadecimal without prefix, as xl's `iomem` takes it. */
function pageFrame(address: number): string {
  return Math.floor(address / 4096).toString(16);
}
