/** Looks for signs in all that the talkers say, and notices that a board has started again. */
import type { ConsoleTalker, Tail, TalkerLine } from './line.ts';
import type { Sign, SignSeen } from './sign.ts';
import { signs, talkerRank } from './signs.ts';
import { kernelRestarts, linuxText } from './vocabulary/linux.ts';

export class SignWatch {
  readonly #of: ReadonlyMap<ConsoleTalker, Watched>;
  readonly #onTail: readonly Sign[];
  readonly #report: (sign: SignSeen) => void;
  /** By domain or talker: its last line. */
  readonly #before = new Map<ConsoleTalker | number, string>();
  readonly #domains = new Map<number, DomainSeen>();
  #reached: number = talkerRank.unknown;
  #announced: string | undefined;
  #foretold: string | undefined;
  /** Software on the board has said that it failed. */
  #failed: string | undefined;
  #waiting: { readonly sign: Sign; readonly line: TalkerLine } | undefined;
  /** Signs found in the tail that began in `number`, so that the finished line does not repeat them. */
  #inTail: { number: number; readonly names: Set<string> } = { number: 0, names: new Set() };

  /**
   * @param further signs of this board beside the table's (its login, for instance)
   * @param report called for each sign, in order
   */
  constructor(further: readonly Sign[], report: (sign: SignSeen) => void) {
    this.#of = further.length === 0 ? tableByTalker : byTalker([...signs, ...further]);
    this.#onTail = [...signs, ...further].filter(({ onTail }) => onTail);
    this.#report = report;
  }

  line(line: TalkerLine): void {
    this.#finishWaiting(line);
    const isText = line.talker === 'linux' && this.#followDomain(line);
    const watched = this.#of.get(line.talker);
    if (watched !== undefined && mayShow(watched, line.text)) {
      for (const sign of watched.signs) {
        if (isText && sign.kind !== 'milestone') continue;
        const found = match(sign, line);
        if (found === null || sign.unlessAfter?.test(this.#before.get(line.domid ?? line.talker) ?? ''))
          continue;
        if (this.#inTail.number === line.number && this.#inTail.names.has(sign.name)) continue;
        this.#found(sign, sign.onTail ? { ...line, text: found[0] } : line, found[1]);
      }
    }
    if (line.domid === undefined || line.domid === 0) this.#reach(talkerRank[line.talker]);
    this.#before.set(line.domid ?? line.talker, line.text);
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
    this.#domains.clear();
  }

  /** Nothing more will come: a sign that waited for its detail is given without. */
  end(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.#report(seen(waiting.sign, waiting.line, undefined));
  }

  /**
   * @returns whether the line is what a command has printed: text, whatever it says. A kernel's own message comes in
   *   between at times; its time stamp is newer than all before.
   */
  #followDomain(line: TalkerLine): boolean {
    const domid = line.domid ?? 0;
    const { stamp, text } = line;
    let domain = this.#domains.get(domid);
    if (domain === undefined)
      this.#domains.set(domid, (domain = { newest: -1, inCommand: false, isBooted: false }));
    if (stamp === undefined) {
      // Each of the three has one of these.
      if (!/[#$:]/.test(text)) return domain.inCommand;
      if (linuxText.commandEcho.test(text) || linuxText.frameBegin.test(text)) domain.inCommand = true;
      else if (linuxText.prompt.test(text) || linuxText.frameEnd.test(text)) domain.inCommand = false;
      return domain.inCommand;
    }
    const isText = domain.inCommand && stamp <= domain.newest;
    domain.newest = Math.max(domain.newest, stamp);
    if (linuxText.booting.test(text) && !isText) {
      if (domain.isBooted) this.#found(kernelRestarts, line, text);
      domain.isBooted = true;
      domain.newest = stamp;
    }
    return isText;
  }

  #found(sign: Sign, line: TalkerLine, detail: string | undefined): void {
    if (sign.rank !== undefined) {
      if (sign.name !== this.#foretold) this.#banner(sign, line);
      this.#foretold = undefined;
    }
    if (sign.isRepeated) return;
    if (sign.foretells !== undefined) this.#foretold = sign.foretells;
    if (sign.kind === 'restart') this.#announced = sign.name;
    if ((sign.kind === 'fatal' || sign.endsInReset) && (line.domid ?? 0) === 0) this.#failed = sign.name;
    if (sign.detail === 'next-line') this.#waiting = { sign, line };
    else this.#report(seen(sign, line, detail));
  }

  #banner({ rank = 0, isRepeated }: Sign, line: TalkerLine): void {
    const isDue = isRepeated ? this.#reached < talkerRank.xen : rank > this.#reached;
    if (isDue) return this.#reach(isRepeated ? this.#reached : rank);
    this.end();
    const detail = this.#announced;
    const after = this.#failed;
    this.#reached = rank;
    this.#announced = undefined;
    this.#failed = undefined;
    this.#before.clear();
    this.#domains.clear();
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

/** Text of one domain so far. */
interface DomainSeen {
  /** Of its kernel's time stamps. */
  newest: number;
  /** A command was typed, and no prompt has come since. */
  inCommand: boolean;
  isBooted: boolean;
}

/** The signs that a talker's lines can show, and one pattern for all of them, by which most lines show none. */
interface Watched {
  readonly signs: readonly Sign[];
  readonly atBegin: RegExp;
  readonly anywhere: RegExp | undefined;
}

function byTalker(all: readonly Sign[]): ReadonlyMap<ConsoleTalker, Watched> {
  const talkers = Object.keys(talkerRank) as ConsoleTalker[];
  return new Map(
    talkers.map(talker => {
      const own = all.filter(sign => sign.talkers?.includes(talker) ?? true);
      const patterns = own.map(({ pattern }) => pattern);
      const begins = patterns.filter(({ source }) => isAnchored(source)).map(sourceOf);
      const others = patterns.filter(({ source }) => !isAnchored(source)).map(sourceOf);
      const watched: Watched = {
        signs: own,
        // Anchored as a whole, so that it is tried at the start of the line alone.
        atBegin: new RegExp(`^(?:${begins.join('|')})`),
        anywhere: others.length === 0 ? undefined : new RegExp(others.join('|')),
      };
      return [talker, watched];
    }),
  );
}

function mayShow({ atBegin, anywhere }: Watched, text: string): boolean {
  return atBegin.test(text) || anywhere?.test(text) === true;
}

/** Of the form `^...`, without another alternative beside it. */
function isAnchored(source: string): boolean {
  if (!source.startsWith('^')) return false;
  const bare = source.replaceAll(/\\.|\[(?:\\.|[^\]])*\]/g, '');
  let depth = 0;
  return bare.split('').every(character => {
    if (character === '(') depth++;
    else if (character === ')') depth--;
    return character !== '|' || depth > 0;
  });
}

/** With its flags, so that it can stand among others. */
function sourceOf({ source, flags }: RegExp): string {
  return flags.includes('i') ? `(?i:${source})` : `(?:${source})`;
}

const tableByTalker = byTalker(signs);

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
