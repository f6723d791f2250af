/**
 * The talker of each text on a console that several share.
 *
 * Xen writes whole lines, each with a prefix, wherever the others have got to; Dom0 writes what it wants as it
 * comes. So a line of Xen is cut out of what surrounds it, and what is left over, put together in order, is
 * what Dom0 wrote (Xen drivers/char/console.c: both take the console lock, Xen for a line, Dom0 for a piece).
 */
import type { ConsoleTalker, Tail, TalkerLine } from './line.ts';
import type { PhysicalLine } from './physical-lines.ts';
import { signs } from './signs.ts';
import { visibleText } from './terminal-text.ts';
import { eepromText } from './vocabulary/eeprom.ts';
import { linuxText } from './vocabulary/linux.ts';
import { tfaText } from './vocabulary/tf-a.ts';
import { uBootText } from './vocabulary/u-boot.ts';
import { xenText } from './vocabulary/xen.ts';

export class Talkers {
  readonly #said: (line: TalkerLine) => void;
  readonly #longest: number;
  /** Nobody else writes here. */
  readonly #alone: ConsoleTalker | undefined;
  readonly #domains = new Map<number, Open>();
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #stage: ConsoleTalker = 'unknown';
  /** Text without a prefix that has not ended: Dom0's, U-Boot's. */
  #open: Open | undefined;
  /** Xen's lines from before a domain could talk, counted by their number of carriage returns. */
  readonly #xenReturnsSeen: number[] = [];
  /** Domain whose input the console is, once Xen has said so: what it prints has Xen's prefix. */
  #focus = 0;
  #xenVersionSeen = false;
  #xenKeyHelp = false;
  /** A line of Xen's, or of a domain's that Xen shows, that the firmware broke into: its rest is due. */
  #torn: { readonly segment: Segment; readonly number: number } | undefined;
  /** Xen printed a message without newline, so that its next one may come without prefix. */
  #xenLeftOpen = false;

  /**
   * @param longest characters of a torn line that are kept waiting for the rest
   * @param alone who has this line to itself; absent: several share it
   */
  constructor(longest: number, said: (line: TalkerLine) => void, alone?: ConsoleTalker) {
    this.#longest = longest;
    this.#said = said;
    this.#alone = alone;
  }

  /** Takes one line of the serial line apart. */
  push(line: PhysicalLine, t: number): void {
    // Some firmware writes its carriage return behind the newline.
    const text = this.#decoder.decode(withoutReturns(line.bytes));
    const ending: Ending = {
      t,
      number: line.number,
      returns: line.carriageReturns,
      terminated: line.terminated,
    };
    if (this.#alone !== undefined) {
      this.#emit({ talker: this.#alone, raw: text, number: line.number }, ending);
      return;
    }
    if (this.#torn === undefined && !mayHavePrefix(text)) {
      this.#plain(text, true, ending);
      return;
    }
    let segments = segmentsOf(text, this.#early);
    // A program of Dom0 may print what looks like a line of the firmware: its terminal ends it otherwise.
    if (segments.at(-1)?.prefix === 'tf-a' && this.#isDom0s(ending)) segments = segmentsOf(text, 'none');
    const whole = this.#joined(segments, ending);
    segments.forEach((segment, index) => {
      const last = index === segments.length - 1;
      if (index === 0 && whole !== undefined) segment = whole.segment;
      const at = index === 0 && whole !== undefined ? whole.ending : ending;
      const here = segment.damaged ? { ...at, damaged: true as const } : at;
      const next = segments[index + 1];
      if (next !== undefined && index + 2 === segments.length && isTorn(segment, next))
        this.#torn = { segment, number: here.number };
      else if (segment.prefix === '') this.#plain(segment.body, last, ending);
      else if (segment.prefix === 'tf-a')
        this.#emit({ talker: 'tf-a', raw: segment.body, number: line.number }, ending);
      else this.#prefixed(segment, last, here);
    });
  }

  /** A torn line with its rest, where that is what a line begins with. Xen lets nobody in before; firmware asks nobody. */
  #joined(
    [first]: readonly Segment[],
    ending: Ending,
  ): { readonly segment: Segment; readonly ending: Ending } | undefined {
    const torn = this.#torn;
    if (torn === undefined || first?.prefix === 'tf-a') return undefined;
    if (first?.prefix !== '' || uBootText.anyBanner.test(first.body) || eepromText.banner.test(first.body)) {
      this.#flushTorn(ending);
      return undefined;
    }
    this.#torn = undefined;
    return {
      segment: { ...torn.segment, body: torn.segment.body + first.body },
      ending: { ...ending, number: torn.number, restIn: ending.number },
    };
  }

  #flushTorn(ending: Ending): void {
    const torn = this.#torn;
    this.#torn = undefined;
    if (torn !== undefined) {
      this.#prefixed(torn.segment, false, { ...ending, number: torn.number, terminated: false });
    }
  }

  /** Text that has not ended, if `held` are the bytes of the running line. */
  tails(held: Uint8Array, number: number): readonly Tail[] {
    const text = this.#decoder.decode(held);
    if (this.#alone !== undefined) {
      return text === '' ? [] : [tailOf({ talker: this.#alone }, text, number)];
    }
    const last = segmentsOf(text, this.#early).at(-1);
    const plain = last?.prefix === '' ? last.body : '';
    const tails: Tail[] = [];
    if (this.#open !== undefined || plain !== '') {
      const raw = (this.#open?.raw ?? '') + plain;
      tails.push(tailOf(this.#plainTalker(raw), raw, this.#open?.number ?? number));
    }
    if (last?.prefix === 'tf-a') tails.push(tailOf({ talker: 'tf-a' }, last.body, number));
    if (last?.prefix === '(XEN) ' && this.#focus > 0) {
      tails.push(tailOf({ talker: 'linux', domid: this.#focus }, last.body, number));
    }
    return tails;
  }

  /** Ends what has not ended; with `powerOn` also forgets how far the boot had got. */
  end(t: number, powerOn: boolean): void {
    const ending = { t, number: 0, returns: 0, terminated: false };
    for (const [domid, open] of this.#domains) this.#emit({ ...open, talker: 'linux', domid }, ending);
    this.#domains.clear();
    this.#flushTorn(ending);
    this.#flushOpen(ending);
    if (!powerOn) return;
    this.#stage = 'unknown';
    this.#focus = 0;
    this.#xenVersionSeen = false;
    this.#xenLeftOpen = false;
  }

  /** Carriage returns at the end of Xen's own lines; a domain's have more. */
  get #xenReturns(): number | undefined {
    const most = Math.max(...this.#xenReturnsSeen.filter(count => count > 0));
    const returns = this.#xenReturnsSeen.indexOf(most);
    return returns < 0 ? undefined : returns;
  }

  /** Nobody but firmware can be talking. */
  get #early(): boolean {
    return this.#stage === 'unknown' || this.#stage === 'eeprom' || this.#stage === 'tf-a';
  }

  #isDom0s({ terminated, returns }: Ending): boolean {
    return this.#stage === 'linux' && terminated && returns > (this.#xenReturns ?? returns);
  }

  #prefixed(segment: Segment, last: boolean, ending: Ending): void {
    const { number } = ending;
    const shown = domainShown(segment);
    if (shown !== undefined) {
      const { domid, raw } = shown;
      this.#guest(domid, raw, last ? ending : { ...ending, terminated: false });
    } else if (!last) {
      // Something else follows where Xen's newline should be.
      const domain = this.#focus > 0 && !xenText.openMessage.test(segment.body);
      const whose = domain ? { talker: 'linux' as const, domid: this.#focus } : { talker: 'xen' as const };
      this.#emit({ ...whose, raw: segment.body, number }, { ...ending, terminated: false });
    } else this.#xen(segment.body, ending);
  }

  #xen(body: string, ending: Ending): void {
    const { number, returns } = ending;
    const byDomain = ending.terminated && returns > (this.#xenReturns ?? returns);
    const message = xenText.openMessage.exec(body)?.[0];
    if (message !== undefined) {
      this.#xenLeftOpen = true;
      const rest = body.slice(message.length);
      this.#emit({ talker: 'xen', raw: message, number }, { ...ending, terminated: rest === '' });
      if (rest === '') return;
      const unclear = returns === 0 && this.#stage === 'linux';
      if (byDomain || unclear) this.#plain(rest, true, ending);
      else this.#emit({ talker: 'xen', raw: rest, number }, ending);
    } else if (byDomain && this.#focus > 0) {
      this.#guest(this.#focus, body, ending);
    } else if (byDomain) {
      // Dom0 itself printed Xen's prefix: `xl dmesg`.
      this.#plain(`(XEN) ${body}`, true, ending);
    } else {
      if (ending.terminated && this.#stage !== 'linux') {
        this.#xenReturnsSeen[returns] = (this.#xenReturnsSeen[returns] ?? 0) + 1;
      }
      this.#emit({ talker: 'xen', raw: body, number }, ending);
    }
  }

  #plain(body: string, last: boolean, ending: Ending): void {
    const unprefixed =
      this.#xenLeftOpen && this.#open === undefined ? xenText.rawLevel.exec(body)?.[0] : undefined;
    if (unprefixed !== undefined && last) {
      this.#emit({ talker: 'xen', raw: body.slice(unprefixed.length), number: ending.number }, ending);
      return;
    }
    const open = this.#open;
    this.#open =
      open === undefined ? { raw: body, number: ending.number } : { ...open, raw: open.raw + body };
    if (last || this.#open.raw.length > this.#longest) this.#flushOpen(ending);
  }

  #flushOpen(ending: Ending): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const isJoined = ending.terminated && ending.number !== open.number;
    const isDom0s = this.#isDom0s(ending);
    this.#emitPieces(
      open,
      raw => (isDom0s ? dom0 : this.#plainTalker(raw)),
      isJoined ? { ...ending, restIn: ending.number } : ending,
    );
  }

  /** A line of a guest whose console is Xen's; Xen breaks long ones (arch/arm/vpl011.c). */
  #guest(domid: number, raw: string, ending: Ending): void {
    const open = this.#domains.get(domid);
    const whole: Open = { raw: (open?.raw ?? '') + raw, number: open?.number ?? ending.number };
    const broken =
      raw.length >= vpl011Line &&
      ending.returns <= (this.#xenReturns ?? 0) &&
      whole.raw.length < this.#longest;
    if (broken) this.#domains.set(domid, whole);
    else {
      this.#domains.delete(domid);
      this.#emitPieces(whole, () => ({ talker: 'linux', domid }), ending);
    }
  }

  /** Text behind an open line is a line of its own: a kernel's message behind a prompt, a banner. */
  #emitPieces({ raw, number }: Open, whose: (raw: string) => Whose, ending: Ending): void {
    const text = visibleText(raw);
    let from = 0;
    for (const start of startsIn(text)) {
      const piece = text.slice(from, start);
      this.#emitVisible(whose(piece), piece, number, { ...ending, terminated: false }, from);
      from = start;
    }
    const piece = from === 0 ? text : text.slice(from);
    this.#emitVisible(whose(piece), piece, number, ending, from);
  }

  /** The talker of text without a prefix, at this stage of the boot. */
  #plainTalker(raw: string): Whose {
    // Some firmware stamps its lines as a kernel does.
    const isFirmware = this.#stage === 'tf-a' || this.#stage === 'eeprom';
    if (raw.startsWith('[') && linuxText.stamp.test(raw)) {
      const isBooting = () => linuxText.booting.test(raw.replace(linuxText.stamp, ''));
      if (!isFirmware || isBooting()) return dom0;
    }
    if (eepromText.banner.test(raw)) return { talker: 'eeprom' };
    if (uBootText.anyBanner.test(raw)) return { talker: 'u-boot' };
    if (tfaText.start.test(raw)) return { talker: 'tf-a' };
    if (this.#stage === 'linux') return dom0;
    // Xen's banner has no prefix; Dom0 does not talk before its kernel does.
    if (this.#stage === 'xen' && this.#xenVersionSeen) return { talker: 'unknown' };
    return { talker: this.#stage };
  }

  #emit({ raw, number, ...whose }: Whose & Open, ending: Ending): void {
    this.#emitVisible(whose, visibleText(raw), number, ending, 0);
  }

  /** @param column where it begins in its line */
  #emitVisible(whose: Whose, visible: string, number: number, ending: Ending, column: number): void {
    const { text, stamp } = withoutStamp(visible, whose.talker);
    this.#follow(whose, text, ending);
    const line: Writable<TalkerLine> = { talker: whose.talker, text, t: ending.t, number };
    if (whose.domid !== undefined) line.domid = whose.domid;
    if (stamp !== undefined) line.stamp = stamp;
    if (column > 0) line.column = column;
    if (ending.damaged) line.damaged = true;
    if (ending.restIn !== undefined) line.restIn = ending.restIn;
    if (!ending.terminated) line.unterminated = true;
    this.#said(line);
  }

  /** Follows the boot as far as it decides whose text without prefix is. */
  #follow(said: Whose, text: string, ending: Ending): void {
    const before = this.#stage;
    const banner = said.talker === 'tf-a' && tfaText.banner.test(text);
    if (said.talker === 'xen') {
      if (before !== 'linux') this.#stage = 'xen';
      if (xenText.version.test(text) && !this.#xenKeyHelp) {
        this.#xenVersionSeen = true;
        this.#stage = 'xen';
      }
      this.#xenKeyHelp = text.startsWith(xenText.keyHelp);
      if (xenText.booted.test(text)) this.#stage = 'linux';
      const focus = xenText.input.exec(text);
      if (focus !== null) this.#focus = Number(focus[1] ?? 0);
    } else if (said.talker === 'linux' && said.domid === 0) this.#stage = 'linux';
    else if (said.talker === 'tf-a' && (this.#early || banner)) this.#stage = 'tf-a';
    else if (said.talker === 'eeprom' || said.talker === 'u-boot') this.#stage = said.talker;
    if (banner || (this.#stage !== before && order.indexOf(this.#stage) < order.indexOf(before)))
      this.#startedAgain(before, ending);
  }

  #startedAgain(before: ConsoleTalker, ending: Ending): void {
    const stage = this.#stage;
    this.#stage = before;
    this.#flushTorn({ ...ending, terminated: false });
    this.#flushOpen({ ...ending, terminated: false });
    this.#stage = stage;
    this.#domains.clear();
    this.#focus = 0;
    this.#xenVersionSeen = stage === 'xen';
    this.#xenLeftOpen = false;
  }
}

const dom0: Whose = { talker: 'linux', domid: 0 };

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Whose {
  readonly talker: ConsoleTalker;
  readonly domid?: number;
}

/** Text that has begun, as it came, and the line in which it did. */
interface Open {
  readonly raw: string;
  readonly number: number;
}

interface Ending {
  readonly t: number;
  readonly number: number;
  readonly returns: number;
  readonly terminated: boolean;
  /** It is the prefix that came damaged. */
  readonly damaged?: true;
  /** Where the rest of a torn line was. */
  readonly restIn?: number;
}

interface Segment {
  readonly prefix: '' | '(XEN) ' | '(d) ' | 'tf-a';
  readonly body: string;
  readonly damaged?: true;
  /** Of `(dN) `. */
  readonly domid?: number;
}

const order: readonly ConsoleTalker[] = ['unknown', 'eeprom', 'tf-a', 'u-boot', 'xen', 'linux'];
/** First characters of lines with a prefix, whole or damaged, and of firmware's. */
const mayBeginOther = /^[XNIEWDFV(]/;
/** Where another talker breaks in. */
const mayBreakIn = /\(XEN\) |\(d\d|NOTICE: |ERROR: {3}/;
const breaksIn = new RegExp(
  `${xenText.prefixAnywhere}|(?<!\\s)\\(d(\\d+)\\) |(?:\\[ *\\d{1,9}\\.\\d{6}\\] )?(?:${tfaText.breaksIn})`,
  'g',
);
/** Characters after which Xen breaks a line of an emulated UART (SBSA_UART_OUT_BUF_SIZE less the ending). */
const vpl011Line = 126;

/** @param firmware whether its lines may be there, and those that others print as well */
function segmentsOf(text: string, firmware: boolean | 'none'): readonly Segment[] {
  if (!mayHavePrefix(text)) return [{ prefix: '', body: text }];
  const stamp = text.startsWith('[') ? (tfaText.stamp.exec(text)?.[0] ?? '') : '';
  const level = stamp === '' ? text : text.slice(stamp.length);
  if (
    firmware !== 'none' &&
    (tfaText.start.test(level) || (firmware && tfaText.startWhileEarly.test(level)))
  ) {
    return [{ prefix: 'tf-a', body: text }];
  }
  // A mail or an editor has cut the blank off.
  if (text === xenText.prefix.trimEnd()) return [{ prefix: xenText.prefix, body: '' }];
  const damaged = xenText.damagedPrefix.exec(text);
  if (damaged !== null) {
    const [first = { prefix: '(XEN) ', body: '' }, ...others] = segmentsOf(
      `(XEN) ${text.slice(damaged[0].length)}`,
      firmware,
    );
    return [{ ...first, damaged: true }, ...others];
  }
  if (!mayBreakIn.test(text)) return [{ prefix: '', body: text }];
  const segments: Segment[] = [];
  let from = 0;
  let current: Omit<Segment, 'body'> = { prefix: '' };
  for (const found of text.matchAll(breaksIn)) {
    const isFirmware = found[0] !== xenText.prefix && found[1] === undefined;
    if (
      isFirmware &&
      (firmware === 'none' || (current.prefix === '' && isQuoted(text.slice(from, found.index))))
    )
      continue;
    if (found.index > from || current.prefix !== '') {
      segments.push({ ...current, body: text.slice(from, found.index) });
    }
    const [prefix, domid] = found;
    if (prefix === xenText.prefix) current = { prefix };
    else if (domid !== undefined) current = { prefix: '(d) ', domid: Number(domid) };
    else current = { prefix: 'tf-a' };
    from = found.index + (current.prefix === 'tf-a' ? 0 : prefix.length);
  }
  segments.push({ ...current, body: text.slice(from) });
  return segments;
}

/** Most lines have nothing of a prefix, whole or damaged, nor of firmware. */
function mayHavePrefix(text: string): boolean {
  if (mayBeginOther.test(text) || text.includes('(')) return true;
  return (text.startsWith('[') && tfaText.stamp.test(text)) || mayBreakIn.test(text);
}

/** Carriage returns at the head of a line: the board wrote them behind its newline. */
function withoutReturns(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (bytes[start] === 0x0d) start++;
  return start === 0 ? bytes : bytes.subarray(start);
}

/** Text behind which a program's words are only quoted: the echo of a command, an opening quote. */
function isQuoted(head: string): boolean {
  if (linuxText.frameBegin.test(head)) return false;
  return linuxText.quotes.test(head) || linuxText.commandEcho.test(visibleText(head));
}

/** Places within a visible line at which another program has begun to write, behind what had no newline. */
function startsIn(text: string): readonly number[] {
  const places: number[] = [];
  const prompt = mayHavePrompt.test(text) ? (linuxText.prompt.exec(text)?.[0].length ?? 0) : 0;
  if (prompt > 0 && lastWords.test(text.slice(prompt))) places.push(prompt);
  if (text.includes('[', 1) && mayBeginInside.test(text)) {
    for (const { index } of text.matchAll(begins)) {
      const from = places.at(-1) ?? 0;
      if (index > from && !isQuoted(text.slice(from, index))) places.push(index);
    }
  }
  return places;
}

/** Behind a prompt: what no command begins with. */
const lastWords = new RegExp(
  [
    uBootText.anyBanner.source,
    tfaText.start.source,
    ...signs
      .filter(({ kind }) => kind !== 'milestone' && kind !== 'refusal')
      .map(({ pattern }) => pattern.source),
  ]
    .map(source => `^(?:${source})`)
    .join('|'),
);
/** Not of a line that a kernel has stamped, or of one without any prompt's last characters. */
const mayHavePrompt = /^(?!\[ {1,4}\d).*?[#$>:] /;
const mayBeginInside = /.\[[ \d]{5}/;
const begins = linuxText.stampAnywhere;

/** A line of a domain that Xen shows: `(d1) text`, `(XEN) DOM1: text`, the latter behind Xen's own time stamp too. */
function domainShown({ prefix, body, domid }: Segment): { domid: number; raw: string } | undefined {
  if (domid !== undefined) return { domid, raw: body };
  if (prefix !== xenText.prefix) return undefined;
  const text = body.startsWith('[') ? body.replace(xenText.stamp, '') : body;
  const shown = xenText.domain.exec(text);
  return shown === null ? undefined : { domid: Number(shown[1]), raw: text.slice(shown[0].length) };
}

const stamps: Readonly<Partial<Record<ConsoleTalker, RegExp>>> = {
  eeprom: eepromText.stamp,
  'tf-a': tfaText.stamp,
  xen: xenText.stamp,
  linux: linuxText.stamp,
};

/** Firmware's line ends where the rest of Xen's begins; what has no newline, and a board that starts again, has none. */
function isTorn(segment: Segment, next: Segment): boolean {
  const ofXen = segment.prefix === '(XEN) ' || segment.prefix === '(d) ';
  return (
    ofXen &&
    !xenText.openMessage.test(segment.body) &&
    next.prefix === 'tf-a' &&
    !tfaText.banner.test(next.body)
  );
}

function withoutStamp(text: string, talker: ConsoleTalker): { text: string; stamp?: number } {
  const found = stamps[talker]?.exec(text);
  if (found === null || found === undefined) return { text };
  const rest = text.slice(found[0].length);
  return found[1] === undefined ? { text: rest } : { text: rest, stamp: Number(found[1]) };
}

function tailOf(whose: Whose, raw: string, number: number): Tail {
  return { ...whose, text: withoutStamp(visibleText(raw), whose.talker).text, number };
}
