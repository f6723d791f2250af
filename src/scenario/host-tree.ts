/** The host tree of a scenario: the board's, its overlays, the scenario's overlays, its edit. */
import type { BoardType } from '../board/board-type.ts';
import { editTree } from '../model/dt/edit.ts';
import { applyOverlay } from '../model/dt/overlay.ts';
import type { DeviceTree } from '../model/dt/tree.ts';
import type { ScenarioDocument } from './schema.ts';
import { fillTemplates, type SourceText, type TemplateValues } from './templates.ts';
import { atItsLine, explainingDtErrors, readTree, type TreeSource } from './tree-text.ts';

export interface HostTreeParts {
  readonly host: ScenarioDocument['host'];
  readonly board: BoardType;
  /** The lab's own device tree blob in place of the board type's. */
  readonly labTree?: string | undefined;
  readonly values: TemplateValues;
  readonly ofScenario: (field: readonly PropertyKey[], textOrFile: string) => TreeSource;
  readonly ofBoard: (file: string) => TreeSource;
  readonly source: (field: readonly PropertyKey[], text: string) => SourceText;
}

/** A scenario's own tree is complete as it is: the board's overlays go with the board's tree. */
export function buildHostTree(parts: HostTreeParts): DeviceTree {
  const { host, board, values } = parts;
  const [base, overlays] =
    host.tree === undefined
      ? [parts.ofBoard(parts.labTree ?? board.hostTree), board.hostOverlays.map(parts.ofBoard)]
      : [parts.ofScenario(['host', 'tree'], host.tree), []];
  const own = host.overlays.map((overlay, index) => parts.ofScenario(['host', 'overlays', index], overlay));
  let tree = readTree(base, values);
  for (const overlay of [...overlays, ...own]) {
    const laid = readTree(overlay, values);
    const below = tree;
    tree = explainingDtErrors(() => applyOverlay(below, laid));
  }
  if (host.edit === undefined) return tree;
  const edit = fillTemplates(parts.source(['host', 'edit'], host.edit), values);
  return explainingDtErrors(() => editTree(tree, atItsLine(edit), { file: edit.name }));
}
