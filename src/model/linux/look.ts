/**
 * Commands of a scenario's `look` step in a domain: a busybox shell has them, and a kernel that
 * the model has booted answers. A virtual board answers the same commands from the same view.
 */
import { literally } from './kernel-log.ts';
import type { LinuxView } from './view.ts';

export interface LookQuestion {
  /** Stable name: `bus`, `function-id`, ... */
  readonly id: string;
  /** In words, for reports. */
  readonly words: string;
  /** As it is typed in the domain's shell. */
  readonly command: string;
  readonly answer: (view: LinuxView) => LookAnswer;
}

export interface LookAnswer {
  /** Regular expression, anchored at both ends, for the whole output without its last newline. */
  readonly pattern: string;
  /** The output as the model predicts it, without its last newline. */
  readonly text: string;
  readonly exitStatus: number;
}

/** The SCMI node of a domain: Dom0 has it under /firmware, a guest of the toolstack under /passthrough. */
const scmiNodes = ['/proc/device-tree/firmware/scmi', '/proc/device-tree/passthrough/firmware/scmi'] as const;

/** Which lines of the kernel's log the model has an opinion on. */
const ofScmi = 'arm-scmi|scmi_protocol|scmi_core|scmi-|SCMI|clk: |phandle|Internal error|Kernel panic';

export const lookQuestions: readonly LookQuestion[] = [
  {
    id: 'bus',
    words: 'devices on the SCMI bus',
    command: 'ls /sys/bus/scmi_protocol/devices',
    answer: view => listing(view.list('/sys/bus/scmi_protocol/devices') ?? []),
  },
  {
    id: 'identity',
    words: 'what firmware says of itself',
    command: 'cat /sys/bus/platform/drivers/arm-scmi/*/*_id /sys/bus/platform/drivers/arm-scmi/*/*_version',
    answer: view => contents(view, ['*_id', '*_version']),
  },
  {
    id: 'function-id',
    words: "function id of the domain's SCMI node",
    command: `cat ${scmiNodes.map(node => `${node}/arm,smc-id`).join(' ')} 2>/dev/null | od -An -tx1`,
    answer: functionIds,
  },
  {
    id: 'log',
    words: 'what the kernel said of SCMI',
    command: `dmesg | grep -E "${ofScmi}"`,
    answer: log,
  },
  {
    id: 'clocks',
    words: 'clocks that the domain sees',
    command: 'cat /sys/kernel/debug/clk/clk_summary',
    answer: clocks,
  },
  {
    id: 'deferred',
    words: 'devices that wait for a supplier',
    command: 'cat /sys/kernel/debug/devices_deferred',
    answer: deferred,
  },
];

const anything = '[\\s\\S]*';

/** The question that a command asks; undefined for a command that is none of them. */
export function lookQuestion(command: string): LookQuestion | undefined {
  return lookQuestions.find(each => each.command === command);
}

function listing(names: readonly string[]): LookAnswer {
  return { pattern: names.map(literally).join('\\s+'), text: names.join('\n'), exitStatus: 0 };
}

/** The attributes of all bound devices; where none is bound `cat` fails on the pattern itself. */
function contents(view: LinuxView, patterns: readonly string[]): LookAnswer {
  const directory = '/sys/bus/platform/drivers/arm-scmi/*';
  const found = patterns.map(pattern => view.glob(`${directory}/${pattern}`));
  if (found.some(paths => paths.length === 0)) {
    const text = patterns
      .map(each => `cat: can't open '${directory}/${each}': No such file or directory`)
      .join('\n');
    return { pattern: '(?:cat: .*No such file or directory\\s*)*', text, exitStatus: 1 };
  }
  const lines = found.flat().map(path => new TextDecoder().decode(view.read(path)).trimEnd());
  return exactly(lines);
}

function functionIds(view: LinuxView): LookAnswer {
  const bytes = scmiNodes.flatMap(node => [...(view.read(`${node}/arm,smc-id`) ?? [])]);
  const text = bytes.map(byte => ` ${byte.toString(16).padStart(2, '0')}`).join('');
  return { pattern: `\\s*${literally(text.trim()).replaceAll(' ', '\\s+')}\\s*`, text, exitStatus: 0 };
}

/**
 * Each line somewhere, with or without a time stamp. Not in order: that is held against the console, and a
 * line that comes again and again would make the search endless.
 */
function log(view: LinuxView): LookAnswer {
  const wanted = new RegExp(ofScmi);
  const lines = view.kernel.log.lines.filter(
    ({ text, optional }) => wanted.test(text) && optional === undefined,
  );
  const patterns = new Set(lines.map(line => line.pattern ?? literally(line.text)));
  return {
    pattern: [...patterns].map(each => `(?=[\\s\\S]*${each})`).join('') + anything,
    text: lines.map(line => line.text).join('\n'),
    exitStatus: lines.length > 0 ? 0 : 1,
  };
}

/**
 * The SCMI clocks in their order; other clocks stand between them on a board with clock controllers of its
 * own.
 */
function clocks(view: LinuxView): LookAnswer {
  const text = new TextDecoder().decode(view.read('/sys/kernel/debug/clk/clk_summary')).trimEnd();
  const scmi = view.kernel.clocks.clocks.filter(clock => clock.scmiId !== null);
  const lines = text.split('\n');
  const rows = scmi.map(({ name }) => {
    const row = lines.find(line => line.trimStart().startsWith(`${name} `)) ?? name;
    const columns = row.trim().split(/\s+/).slice(0, 5).map(literally).join('\\s+');
    return `[\\s\\S]*?\\s${columns}\\s`;
  });
  return { pattern: rows.join('') + anything, text, exitStatus: 0 };
}

function deferred(view: LinuxView): LookAnswer {
  const { deferred: devices } = view.kernel;
  const rows = devices.map(device => `[\\s\\S]*?${literally(device)}`);
  return {
    pattern: rows.join('') + anything,
    text: devices.map(device => `${device}\t`).join('\n'),
    exitStatus: 0,
  };
}

function exactly(lines: readonly string[]): LookAnswer {
  return { pattern: lines.map(literally).join('\\r?\\n'), text: lines.join('\n'), exitStatus: 0 };
}
