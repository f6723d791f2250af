/** A bare console log as observations. */
import type { TalkerLine } from '../console/line.ts';
import { ConsoleReader } from '../console/reader.ts';
import type { Phase } from '../../model/predict/prediction.ts';
import type { Observations, SeenAnswer, SeenLine, SeenMilestone, SeenSign } from './observation.ts';
import { WithoutRepeats } from './repeats.ts';
import { linuxText } from '../console/vocabulary/linux.ts';

export interface ConsoleLogNames {
  readonly board: string;
  readonly scenario: string;
  /** Whether Dom0 is to come to a login; else its boot is over once its kernel has started `init`. */
  readonly expectsLogin: boolean;
}

/**
 * @param log bytes of one boot's console; what comes after the board started again is not looked at
 * @returns observations without phases: everything is in `boot`, since nobody wrote down when steps began
 */
export function fromConsole(log: Uint8Array, { expectsLogin, ...names }: ConsoleLogNames): Observations {
  const spoken: TalkerLine[] = [];
  const signs: SeenSign[] = [];
  const repeats = new WithoutRepeats();
  let startedAgain = false;
  const reader = new ConsoleReader(
    {
      line: line => {
        if (!startedAgain && !repeats.has('', line.domid, line.stamp, line.text)) spoken.push(line);
      },
      sign: sign => {
        if (startedAgain) return;
        startedAgain = sign.kind === 'reset';
        signs.push({ line: sign.number, sign, phase: 'boot' });
      },
    },
    { history: 0 },
  );
  reader.feed(log, 0);
  reader.end(0);
  const login = ofDom0(spoken, linuxText.canBeUsed) ?? ofDom0(spoken, linuxText.endsByItself);
  const milestones: SeenMilestone[] =
    login === undefined ? [] : [{ name: 'dom0-login', text: login.text, line: login.number, phase: 'boot' }];
  const booted = login !== undefined || (!expectsLogin && ofDom0(spoken, linuxText.startsInit) !== undefined);
  return {
    form: 'console log',
    ...names,
    lines: spoken.flatMap(seenLines),
    signs,
    milestones,
    answers: consoleCommands(spoken),
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

function ofDom0(lines: readonly TalkerLine[], pattern: RegExp): TalkerLine | undefined {
  return lines.find(({ domid, text }) => domid === 0 && pattern.test(text));
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
function consoleCommands(lines: readonly TalkerLine[]): SeenAnswer[] {
  const answers: SeenAnswer[] = [];
  let open: { readonly command: string; readonly line: number; readonly output: string[] } | undefined;
  const close = () => {
    if (open === undefined) return;
    const status = open.output.map(text => /^rc=(\d+)$/.exec(text)?.[1]).find(rc => rc !== undefined);
    answers.push({
      domain: 'dom0',
      command: open.command,
      status: status === undefined ? null : Number(status),
      stdout: open.output.filter(text => !/^rc=\d+$/.test(text)).join('\n'),
      stderr: '',
      line: open.line,
      phase: 'boot',
    });
    open = undefined;
  };
  for (const { domid, text, number, stamp } of lines) {
    if (domid !== 0 || stamp !== undefined) continue;
    const typed = linuxText.typed.exec(text);
    if (typed === null) {
      open?.output.push(text);
      continue;
    }
    close();
    const command = typed[1]?.trim() ?? '';
    if (command !== '') open = { command, line: number, output: [] };
  }
  close();
  return answers;
}
