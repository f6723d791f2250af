/** A bare console log as observations. */
import type { TalkerLine } from '../console/line.ts';
import { ConsoleReader } from '../console/reader.ts';
import type { Phase, Prediction } from '../../model/predict/prediction.ts';
import { Kept } from './evidence/kept.ts';
import type { Observations, SeenAnswer, SeenLine, SeenMilestone } from './observation.ts';
import { linuxText } from '../console/vocabulary/linux.ts';

export interface ConsoleLogNames {
  readonly board: string;
  readonly scenario: string;
  /** Whether Dom0 is to come to a login; else its boot is over once its kernel has started `init`. */
  readonly expectsLogin: boolean;
}

/** Bytes that are read at once: what lies between two reads costs a look at what has not ended. */
const pieceOfLog = 1 << 20;

/**
 * @param log bytes of one boot's console; what comes after the board started again is not looked at
 * @param prediction that the log is held to
 * @returns observations without phases: everything is in `boot`, since nobody wrote down when steps began
 */
export function fromConsole(
  log: Uint8Array,
  prediction: Pick<Prediction, 'expectations'>,
  { expectsLogin, ...names }: ConsoleLogNames,
): Observations {
  const kept = new Kept(prediction);
  const typed = new TypedCommands();
  let login: TalkerLine | undefined;
  let ended: TalkerLine | undefined;
  let startedInit = false;
  let startedAgain = false;
  let isAtEnd = false;
  const reader = new ConsoleReader(
    {
      line: line => {
        if (startedAgain) return;
        for (const seen of seenLines(line))
          kept.line(isAtEnd && seen.unterminated ? { ...seen, isCut: true } : seen, '');
        if (line.domid !== 0) return;
        typed.line(line);
        if (login === undefined && linuxText.canBeUsed.test(line.text)) login = line;
        if (ended === undefined && linuxText.endsByItself.test(line.text)) ended = line;
        startedInit ||= linuxText.startsInit.test(line.text);
      },
      sign: sign => {
        if (startedAgain) return;
        startedAgain = sign.kind === 'reset';
        kept.sign({ line: sign.number, sign, phase: 'boot' });
      },
    },
    { history: 0 },
  );
  for (let at = 0; at < log.length; at += pieceOfLog) reader.feed(log.subarray(at, at + pieceOfLog), 0);
  isAtEnd = true;
  reader.end(0);
  const used = login ?? ended;
  const milestones: SeenMilestone[] =
    used === undefined ? [] : [{ name: 'dom0-login', text: used.text, line: used.number, phase: 'boot' }];
  const booted = used !== undefined || (!expectsLogin && startedInit);
  return {
    form: 'console log',
    ...names,
    lines: kept.lines,
    signs: kept.signs,
    milestones,
    answers: typed.answers(),
    faults: [],
    gaps: [],
    begun: new Set<Phase>(['boot']),
    finished: new Set<Phase>(booted ? ['boot'] : []),
    notDone: new Map(),
    heardAlone: new Set(),
    endedBy: 'infrastructure',
    ended: booted ? null : 'the log ends before Dom0 can be logged in to',
  };
}

/** A line of Dom0 may be the toolstack's as well, where it is used on the console. */
function seenLines({
  talker,
  domid,
  text,
  number,
  stamp,
  unterminated,
  restIn,
  damaged,
}: TalkerLine): SeenLine[] {
  const seen = {
    ...(domid !== undefined && { domid }),
    text,
    line: number,
    phase: 'boot' as const,
    ...(unterminated && { unterminated }),
    ...(restIn !== undefined && { restIn }),
    ...(damaged && { damaged }),
    stamp,
  };
  const toolstack = domid === 0 && stamp === undefined;
  return toolstack
    ? [
        { ...seen, talker },
        { ...seen, talker: 'xl' },
      ]
    : [{ ...seen, talker }];
}

/** Commands that were typed at Dom0's shell on the console, with what came until its next prompt. */
class TypedCommands {
  readonly #answers: SeenAnswer[] = [];
  #open: { readonly command: string; readonly line: number; readonly output: string[] } | undefined;

  /** @param line of Dom0 */
  line({ text, number, stamp }: TalkerLine): void {
    if (stamp !== undefined) return;
    const typed = linuxText.typed.exec(text);
    if (typed === null) {
      if ((this.#open?.output.length ?? mostOutput) < mostOutput) this.#open?.output.push(text);
      return;
    }
    this.#close();
    const command = typed[1]?.trim() ?? '';
    if (command !== '') this.#open = { command, line: number, output: [] };
  }

  answers(): readonly SeenAnswer[] {
    this.#close();
    return this.#answers;
  }

  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const status = open.output.map(text => /^rc=(\d+)$/.exec(text)?.[1]).find(rc => rc !== undefined);
    this.#answers.push({
      domain: 'dom0',
      command: open.command,
      status: status === undefined ? null : Number(status),
      stdout: open.output.filter(text => !/^rc=\d+$/.test(text)).join('\n'),
      stderr: '',
      line: open.line,
      phase: 'boot',
    });
  }
}

/** Lines of an output: a log without a prompt at its end goes on as long as the board did. */
const mostOutput = 10_000;
