/** The signs of one board type, and what each sign of a console tells the machines. */
import { escaped } from '../config/text.ts';
import type { ConsoleEvent } from '../../machines/console-event.ts';
import type { BoardType } from '../board/board-type.ts';
import type { Sign, SignSeen } from '../verdict/console/sign.ts';
import { eepromRefusal } from '../verdict/console/vocabulary/eeprom.ts';
import { linuxText } from '../verdict/console/vocabulary/linux.ts';

/** Signs that this board type has beside the ones that every console is watched for. */
export function boardSigns({ boot, dom0 }: BoardType): Sign[] {
  const source = 'board type';
  const signs: Sign[] = [
    {
      name: 'dom0-login',
      kind: 'milestone',
      talkers: ['linux'],
      pattern: new RegExp(dom0.login),
      onTail: true,
      means: 'Dom0 can be logged in to',
      source,
    },
    {
      name: 'dom0-shell',
      kind: 'milestone',
      talkers: ['linux'],
      domain: 'dom0',
      pattern: linuxText.shellWaits,
      onTail: true,
      means: 'a shell of Dom0 waits for a command',
      source,
    },
    ...boot.banners.map(
      (text): Sign => ({
        name: 'board-banner',
        kind: 'milestone',
        pattern: new RegExp(`^${escaped(text)}`),
        means: 'a stage before Xen has started',
        source,
      }),
    ),
  ];
  if (boot.uBoot !== undefined) {
    signs.push(
      {
        name: 'board-autoboot',
        kind: 'milestone',
        pattern: new RegExp(escaped(boot.uBoot.autoboot)),
        onTail: true,
        means: 'the countdown runs',
        source,
      },
      {
        name: 'u-boot-prompt',
        kind: 'milestone',
        talkers: ['u-boot', 'unknown'],
        pattern: new RegExp(`^${escaped(boot.uBoot.prompt)}$`),
        onTail: true,
        means: 'U-Boot waits for a command',
        source,
      },
    );
  }
  if (boot.eeprom !== undefined) signs.push(eepromRefusal);
  return signs;
}

/** @returns undefined for a sign that moves no machine */
export function consoleEvent(sign: SignSeen): ConsoleEvent | undefined {
  const line = sign.text;
  if (sign.kind === 'reset') {
    const because = sign.detail ?? sign.after;
    return { type: 'console.reset', line, ...(because !== undefined && { because }) };
  }
  // A guest may log in, and its kernel may panic: that is for the verdict.
  if (sign.domid !== undefined && sign.domid !== 0) return undefined;
  return eventOf[sign.name]?.(line, sign.detail);
}

const banner = (line: string): ConsoleEvent => ({ type: 'console.banner', line });
const autoboot = (line: string): ConsoleEvent => ({ type: 'console.autoboot', line });
const refusal = (line: string): ConsoleEvent => ({ type: 'console.refusal', line });

const eventOf: Readonly<Record<string, (line: string, detail: string | undefined) => ConsoleEvent>> = {
  'rpi-bootsys-banner': banner,
  'bl1-banner': banner,
  'bl2-banner': banner,
  'bl31-banner': banner,
  'u-boot-spl-banner': banner,
  'u-boot-banner': banner,
  'board-banner': banner,
  'u-boot-autoboot': autoboot,
  'board-autoboot': autoboot,
  'u-boot-prompt': line => ({ type: 'console.prompt', line }),
  'u-boot-tftp-error': refusal,
  'u-boot-refuses-image': refusal,
  'eeprom-refusal': refusal,
  'other-board': line => ({ type: 'console.otherBoard', line }),
  'warm-boot': line => ({ type: 'console.warmBoot', line }),
  handover: line => ({ type: 'console.handOver', line }),
  'probe-ready': line => ({ type: 'console.probe', line }),
  'xen-banner': line => ({ type: 'console.xen', line }),
  'dom0-login': line => ({ type: 'console.login', line }),
  'dom0-shell': line => ({ type: 'console.login', line }),
  'xen-panic': (line, detail) => ({ type: 'console.xenPanic', line: detail ?? line }),
  'xen-halts': line => ({ type: 'console.halt', line }),
  'hwdom-failed': line => ({ type: 'console.halt', line }),
  'el3-panic': line => ({ type: 'console.crash', who: 'firmware', line }),
  'synchronous-abort': line => ({ type: 'console.crash', who: 'boot loader', line }),
  'kernel-panic': line => ({ type: 'console.crash', who: 'Dom0', line }),
};
