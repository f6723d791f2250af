/** A recorded event in words for a person. */
import type { RecordedData, RecordedEvent } from '../recording/event.ts';
import type { Colour } from './colour.ts';
import { versionWords } from './images.ts';

export interface EventWords {
  readonly text: string;
  readonly colour?: Colour;
}

/** A transfer that is under way; sizes in bytes. */
export interface Transfer {
  readonly file: string;
  readonly bytes: number;
  /** Absent where only the board's console tells of it. */
  readonly size?: number;
}

/** Words for the events that a person who watches a run cares about; undefined for the others. */
export function eventWords(event: RecordedEvent): EventWords | undefined {
  switch (event.kind) {
    case 'run-started':
      return { text: runWords(event.data), colour: 'bold' };
    case 'power':
      return powerWords(event.data);
    case 'line':
      return { text: event.data.detail, colour: 'yellow' };
    case 'tftp':
      return tftpWords(event.data);
    case 'milestone':
      return milestoneWords(event.data);
    case 'step':
      return stepWords(event.data);
    case 'answer':
      return answerWords(event.data);
    case 'file': {
      const { domain, path, bytes, by } = event.data;
      return { text: `${domain} has ${path}: ${bytes} bytes by ${by === 'sftp' ? 'SFTP' : 'its shell'}` };
    }
    case 'fault': {
      const { class: kind, what } = event.data;
      return { text: `${kind}: ${firstLine(what)}`, colour: kind === 'board' ? 'red' : 'yellow' };
    }
    case 'note':
      return { text: event.data.text, colour: 'dim' };
    case 'run-finished':
      return { text: `run over: ${event.data.outcome}`, colour: 'bold' };
    default:
      return undefined;
  }
}

/** The progress of a transfer, where the event is one. */
export function transferOf(event: RecordedEvent): Transfer | undefined {
  if (event.kind !== 'tftp' || event.data.event !== 'progress') return undefined;
  const { file, bytes, size } = event.data;
  return { file: String(file), bytes: Number(bytes), ...(size !== undefined && { size: Number(size) }) };
}

type DataOf<K extends RecordedData['kind']> = Extract<RecordedData, { readonly kind: K }>['data'];

function runWords({ scenario, boardType, mutant, faults = [], images }: DataOf<'run-started'>): string {
  const bug = [
    ...(mutant === undefined ? [] : [`, with the bug ${mutant}`]),
    ...(faults.length === 0 ? [] : [`, in a lab with ${faults.join(', ')}`]),
  ].join('');
  const versions = versionWords(images);
  return `run of ${scenario} (${boardType}${bug})${versions === '' ? '' : `, deployed ${versions}`}`;
}

function powerWords({ action, detail }: DataOf<'power'>): EventWords {
  const text = `power ${action}${detail === undefined ? '' : ` (${detail})`}`;
  return action === 'failed' ? { text, colour: 'yellow' } : { text };
}

function tftpWords(data: DataOf<'tftp'>): EventWords | undefined {
  const file = String(data['file']);
  switch (data.event) {
    case 'done': {
      const { bytes, milliseconds, resent } = data;
      const again = Number(resent) > 0 ? `, ${String(resent)} blocks sent again` : '';
      return { text: `TFTP ${file}: ${String(bytes)} bytes in ${Number(milliseconds)} ms${again}` };
    }
    case 'refused':
      return { text: `TFTP ${file}: refused (${String(data['why'])})`, colour: 'dim' };
    case 'ended':
      return { text: `TFTP ${file}: ended early (${String(data['detail'])})`, colour: 'dim' };
    default:
      return undefined;
  }
}

/** Milestones whose names do not speak for themselves; `%` stands for the domain. */
const milestones: ReadonlyMap<string, string> = new Map([
  ['rpi-bootsys-banner', 'EEPROM boot loader'],
  ['bl1-banner', 'BL1'],
  ['bl2-banner', 'BL2'],
  ['bl31-banner', 'BL31'],
  ['u-boot-spl-banner', 'U-Boot SPL'],
  ['u-boot-banner', 'U-Boot'],
  ['u-boot-autoboot', 'U-Boot counts down'],
  ['u-boot-prompt', 'U-Boot waits at its prompt'],
  ['u-boot-loads-bl31', 'U-Boot starts BL31'],
  ['handover', 'hand-over'],
  ['xen-banner', 'Xen'],
  ['xen-loads-dom0', 'Xen loads Dom0'],
  ['xen-booted', 'Xen has booted'],
  ['dom0-kernel', 'Dom0 starts its kernel'],
  ['guest-kernel', 'a guest starts its kernel'],
  ['dom0-login', 'Dom0 can be logged in to'],
  ['reachable', '% answers SSH'],
  ['domain-created', '% is created'],
  ['domain-destroyed', '% is destroyed'],
]);

/** Parts of a name that tell of an end. */
const ends = /panic|trap|halts|oops|abort|resets|reboots|error|refus|no-kernel/;

function milestoneWords({ name, domain, line, console }: DataOf<'milestone'>): EventWords {
  // Not over SSH, and the line says where.
  if (name === 'reachable' && line !== undefined)
    return { text: `${domain ?? 'a domain'} answers ${line}`, colour: 'green' };
  const words = (milestones.get(name) ?? name.replaceAll('-', ' ')).replace('%', domain ?? 'a domain');
  const said = line === undefined || line.trim() === '' ? '' : `: ${line.trim()}`;
  const where = console === undefined ? '' : `${console}: `;
  return { text: `${where}${words}${said}`, colour: ends.test(name) ? 'red' : 'green' };
}

function stepWords({ index, do: words, phase, detail }: DataOf<'step'>): EventWords | undefined {
  const tail = detail === undefined ? '' : `: ${detail}`;
  return phase === 'started' ? { text: `step ${index}: ${words}${tail}` } : undefined;
}

function answerWords({ domain, command, status, stderr }: DataOf<'answer'>): EventWords {
  const why = status === 0 || stderr.trim() === '' ? '' : `: ${firstLine(stderr.trim())}`;
  const text = `${domain}$ ${firstLine(command)} -> ${status}${why}`;
  return status === 0 ? { text } : { text, colour: 'yellow' };
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
