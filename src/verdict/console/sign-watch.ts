/** Looks for signs in all that the talkers say, and notices that a board has started again. */
import type { Tail, TalkerLine } from './line.ts';
import { type Sign, type SignSeen, signs, talkerRank } from './signs.ts';

export class SignWatch {
  readonly #signs: readonly Sign[];
  readonly #any: RegExp;
  readonly #onTail: readonly Sign[];
  readonly #report: (sign: SignSeen) => void;
  readonly #before = new Map<string, string>();
  #reached: number = talkerRank.unknown;
  #announced: string | undefined;
  #foretold: string | undefined;
  /** Whatever runs on the board has said that it failed. */
  #failed: string | undefined;
  #waiting: { readonly sign: Sign; readonly line: TalkerLine } | undefined;
  /** Signs found in the tail that began in `number`, so that the finished line does not repeat them. */
  #inTail: { number: number; readonly names: Set<string> } = { number: 0, names: new Set() };

  /**
   * @param further signs of this board beside the table's (its login, for instance)
   * @param report called for each sign, in order
   */
  constructor(further: readonly Sign[], report: (sign: SignSeen) => void) {
    this.#signs = [...signs, ...further];
    this.#any = new RegExp(this.#signs.map(({ pattern }) => `(?:${pattern.source})`).join('|'));
    this.#onTail = this.#signs.filter(({ onTail }) => onTail);
    this.#report = report;
  }

  line(line: TalkerLine): void {
    this.#finishWaiting(line);
    if (this.#any.test(line.text)) {
      for (const sign of this.#signs) {
        const found = match(sign, line);
        if (found === null || sign.unlessAfter?.test(this.#before.get(whose(line)) ?? '')) continue;
        if (this.#inTail.number === line.number && this.#inTail.names.has(sign.name)) continue;
        this.#found(sign, sign.onTail ? { ...line, text: found[0] } : line, found[1]);
      }
    }
    if (line.domid === undefined || line.domid === 0) this.#reach(talkerRank[line.talker]);
    this.#before.set(whose(line), line.text);
  }

  tail(tail: Tail, t: number): void {
    for (const sign of this.#onTail) {
      const found = match(sign, tail);
      if (found === null) continue;
      if (this.#inTail.number !== tail.number) this.#inTail = { number: tail.number, names: new Set() };
      if (this.#inTail.names.has(sign.name)) continue;
      this.#inTail.names.add(sign.name);
      // Only what matched, so that the sign is the same however much of the line was there.
      this.#found(sign, { ...tail, text: found[0], t }, found[1]);
    }
  }

  /** The board has been switched on: any banner is due. */
  powerOn(): void {
    this.end();
    this.#reached = talkerRank.unknown;
    this.#announced = undefined;
    this.#foretold = undefined;
    this.#failed = undefined;
    this.#before.clear();
  }

  /** Nothing more will come: a sign that waited for its detail is given without. */
  end(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.#report(seen(waiting.sign, waiting.line, undefined));
  }

  #found(sign: Sign, line: TalkerLine, detail: string | undefined): void {
    if (sign.rank !== undefined) {
      if (sign.name !== this.#foretold) this.#banner(sign.rank, line);
      this.#foretold = undefined;
    }
    if (sign.foretells !== undefined) this.#foretold = sign.foretells;
    if (sign.kind === 'restart') this.#announced = sign.name;
    if (isFailure(sign) && (line.domid ?? 0) === 0) this.#failed = sign.name;
    if (sign.detail === 'next-line') this.#waiting = { sign, line };
    else this.#report(seen(sign, line, detail));
  }

  #banner(rank: number, line: TalkerLine): void {
    if (rank > this.#reached) return this.#reach(rank);
    this.end();
    const detail = this.#announced;
    const after = this.#failed;
    this.#reached = rank;
    this.#announced = undefined;
    this.#failed = undefined;
    this.#before.clear();
    this.#report({
      ...place(line),
      name: 'reset',
      kind: 'reset',
      ...(detail !== undefined && { detail }),
      ...(after !== undefined && { after }),
    });
  }

  #reach(rank: number): void {
    this.#reached = Math.max(this.#reached, rank);
  }

  #finishWaiting(line: TalkerLine): void {
    const waiting = this.#waiting;
    if (waiting === undefined || whose(waiting.line) !== whose(line)) return;
    this.#waiting = undefined;
    this.#report({ ...seen(waiting.sign, waiting.line, line.text), t: line.t });
  }
}

/** A machine that starts again after one of them has a reason of its own. */
function isFailure({ kind, name }: Sign): boolean {
  return kind === 'fatal' || name === 'kernel-oops';
}

function match(sign: Sign, said: Tail): RegExpExecArray | null {
  if (sign.talkers !== undefined && !sign.talkers.includes(said.talker)) return null;
  if (sign.domain !== undefined && (said.domid === 0) !== (sign.domain === 'dom0')) return null;
  return sign.pattern.exec(said.text);
}

function seen(sign: Sign, line: TalkerLine, detail: string | undefined): SignSeen {
  return { ...place(line), name: sign.name, kind: sign.kind, ...(detail !== undefined && { detail }) };
}

function place({ talker, domid, text, t, number }: TalkerLine) {
  return { talker, ...(domid !== undefined && { domid }), text, t, number };
}

function whose(line: TalkerLine): string {
  return `${line.talker} ${line.domid ?? ''}`;
}
