/** Lines of Xen and of the toolstack in a recorded console, read without the product's own console reader. */

export interface RecordedConsole {
  /** Xen's lines that concern the mediator, without prefix. */
  readonly xen: readonly string[];
  /** Lines of xl and libxl, debug messages left out. */
  readonly xl: readonly string[];
}

/** @param bytes console.log as it is; only the first boot in it counts */
export function readConsoleLog(bytes: Uint8Array): RecordedConsole {
  const text = firstBoot(new TextDecoder('latin1').decode(bytes).replace(/\r/g, '').replace(escapes, ''));
  const lines = withoutXlDmesg(text.split('\n'));
  return {
    xen: lines.flatMap(xenTexts).filter(each => aboutMediator.test(each)),
    xl: lines.flatMap(each => xlText(each) ?? []),
  };
}

const escapes = new RegExp(`${String.fromCharCode(0x1b)}(?:\\[[0-9;]*[A-Za-z]|[78])`, 'g');

function firstBoot(text: string): string {
  const banner = 'NOTICE:  Booting Trusted Firmware';
  const second = text.indexOf(banner, text.indexOf(banner) + 1);
  return second < 0 ? text : text.slice(0, second);
}

/** `xl dmesg` repeats Xen's console ring: what it prints is nothing new. */
function withoutXlDmesg(lines: readonly string[]): readonly string[] {
  let repeating = false;
  return lines.filter(line => {
    if (line.startsWith('dom0# ')) repeating = /xl dmesg/.test(line);
    return !repeating;
  });
}

/** Xen's prefix may stand anywhere in a line of Dom0's; a guest's own output has `DOMn: ` behind it. */
function xenTexts(line: string): string[] {
  const continued = /^<[0-3]>.*/.exec(line);
  if (continued !== null) return [continued[0]];
  return line
    .split('(XEN) ')
    .slice(1)
    .filter(each => !/^(?:DOM\d+: |\[ *\d+\.\d+\] |OF: )/.test(each));
}

function xlText(line: string): string | undefined {
  const text = line.replace(/\(XEN\) .*$/, '');
  if (/^libxl: (?:debug|detail): /.test(text)) return undefined;
  return xlLine.exec(text)?.[0];
}

const xlLine =
  /^(?:(?:libxl|xl|xc): .*|Parsing config from .*|An invalid ARM_SCI .*|Unknown ARM_SCI .*|Shutting down domain .*|Waiting for \d+ domains|Domain \d+ has been .*|Rebooting domain .*|\w+ failed \(rc=-\d+\)|.* is an invalid domain identifier .*)$/;

/** sci.c, scmi-*.c, the device tree code and domain builders that they call, and the panics that follow. */
const aboutMediator = new RegExp(
  [
    '\\b(?:sci|scmi): ',
    '^SCMI: ',
    'Using SCMI with',
    '^id=0x[0-9a-f]+ name=',
    'is not a valid bus$',
    '^dt_(?:read_number|parse)\\b',
    ': could not (?:find phandle|get \\S+ for )',
    ': arguments longer than property$',
    '^DomU passthrough config',
    'xen,reg or xen,path missing',
    "^Couldn't find node ",
    'Unable to retrieve address',
    '^Error building DomU',
    'Unexpected Trap',
    'xen,sci_type',
    'xen,dom0-sci-agent-id',
    'access-controller',
    'Unhandled SMC/HVC: 0x8200',
    'gpa=0x',
    '^Assertion ',
    '^Error creating domain',
    '^Error getting SCI',
    '^Could not set up',
    '^Missing kernel boot module',
    'Device tree generation failed',
    'Failed to assign device',
    'Data Abort',
  ].join('|'),
);
