/** Boards that stand beside ours in labs, by what U-Boot says of them. */
import type { BoardType } from './board-type.ts';
import { boardTypeNames, loadBoardType } from './board-types.ts';

/** Boards that are taken for one of ours, without a type here (Linux arch/arm64/boot/dts/renesas, `model`). */
const relatives: readonly string[] = [
  'Renesas Gray Hawk Single board based on r8a779h0',
  'Renesas Gray Hawk Single board based on r8a779h2',
  'Renesas Spider CPU and Breakout boards based on r8a779f0',
  'R-Car S4 Starter Kit board',
];

/** Of all board types, read once: every run asks. */
let known: readonly string[] | undefined;

/**
 * Models that a board of this type cannot be: what U-Boot prints after `Model: ` on all other boards that are known
 * here. An unknown text is not among them: a build of U-Boot may change it.
 */
export function otherModels({ identity }: Pick<BoardType, 'identity'>): readonly string[] {
  known ??= boardTypeNames().flatMap(name => loadBoardType(name).identity?.models ?? []);
  const all = new Set([...known, ...relatives]);
  return [...all].filter(model => identity?.models.includes(model) !== true);
}
