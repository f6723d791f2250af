/** U-Boot's answers: whether a command failed, and which files have come whole. */
import { uBootText } from '../src/verdict/console/vocabulary/u-boot.ts';
import { type Fault, shown } from './fault.ts';

/** `size` in bytes is what U-Boot must say that it has transferred. */
export interface UBootFile {
  readonly file: string;
  readonly address: number;
  readonly size: number;
}

/** The first line of an answer by which U-Boot says that a command failed. */
export function errorLine(answer: string): string | undefined {
  return answer.split(/\r?\n/).find(line => uBootText.commandFailed.test(line));
}

/** The first of the files that did not come whole, with the bytes of it that did. */
export function missing(
  answer: string,
  load: readonly UBootFile[],
): { readonly file: UBootFile; readonly bytes: number | undefined } | undefined {
  const sizes = transferred(answer);
  const index = load.findIndex(({ size }, at) => sizes[at] !== size);
  const file = load[index];
  return file === undefined ? undefined : { file, bytes: sizes[index] };
}

/** Why the files have not come, in U-Boot's words where it has some. */
export function loadError(answer: string, load: readonly UBootFile[]): string {
  const found = missing(answer, load);
  if (found?.bytes !== undefined)
    return `${found.bytes} bytes came, ${found.file.file} has ${found.file.size}`;
  return errorLine(answer) ?? answer.trim().split(/\r?\n/).slice(-2).join(' / ');
}

/** The line by which U-Boot says that its Ethernet has no link, or that nothing answers on it yet. */
export function linkTrouble(answer: string): string | undefined {
  return answer
    .split(/\r?\n/)
    .find(line => uBootText.noLink.test(line) || uBootText.arpFailed.test(line))
    ?.trim();
}

/** U-Boot's answer says that its Ethernet has no link, or that nothing answers on it. */
export function withoutLink(answer: string): Fault {
  if (uBootText.arpFailed.test(linkTrouble(answer) ?? '')) {
    return shown(
      "nothing answers on U-Boot's Ethernet",
      linkTrouble(answer) ?? '',
      'infrastructure',
      "check network.server of the lab file, and the board's port at the switch: with spanning tree it forwards only seconds after its link is up (portfast)",
    );
  }
  return shown(
    "U-Boot's Ethernet has no link",
    linkTrouble(answer) ?? '',
    'infrastructure',
    "check the board's network cable, and its port at the switch",
  );
}

/**
 * Whether U-Boot tells of no error, and of a size that cannot be relied on: that of one file. Where nothing of the
 * line that has it came, no file did.
 */
export function isCountGarbled(answer: string): boolean {
  return errorLine(answer) === undefined && saidTwice(answer) === undefined && tellsOfTransfer.test(answer);
}

/** Remains of `Bytes transferred = N (hex hex)`, or of the marks before it, on a line that loses characters. */
const tellsOfTransfer = /transf|sferred|hex\)|#|^ *done\b/m;

/** The same of the answer of a script, which tells several sizes, and of which some may be relied on. */
export function isAnyCountGarbled(answer: string): boolean {
  return (
    errorLine(answer) === undefined &&
    answer.split(/\r?\n/).some(line => uBootText.sizeRemains.test(line) && saidTwice(line) === undefined)
  );
}

/** Asks for what U-Boot has counted of the last file (net/net.c, net_start_again and its callers). */
export const countCommand = 'printenv filesize';

/** Whether the answer to `countCommand` says the size, in hexadecimal, of this file. */
export function isCountOf(answer: string, { size }: UBootFile): boolean {
  return answer.split(/\r?\n/).includes(`filesize=${size.toString(16)}`);
}

/** U-Boot's `Bytes transferred = N (hex hex)`, one a file (net/net.c, net_start_again and its callers). */
function transferred(answer: string): number[] {
  return answer.split(/\r?\n/).flatMap(line => {
    const [, bytes] = uBootText.transferred.exec(line) ?? [];
    return saidTwice(line) ?? (bytes === undefined ? [] : Number(bytes));
  });
}

/** The number that is said twice, the same, so that no digit of it was lost, whatever became of the words. */
function saidTwice(text: string): number | undefined {
  const [, decimal, hexadecimal] = uBootText.size.exec(text) ?? [];
  return Number(decimal) === Number(`0x${hexadecimal}`) ? Number(decimal) : undefined;
}
