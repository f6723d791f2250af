/** Passwords and tokens that stand in a command of the lab file, where a variable should stand. */
import { z } from 'zod';

/** A word of the shell, quoted or not. */
const word = String.raw`("[^"]*"|'[^']*'|[^\s"';|&]+)`;

/** Names of things that are secret, as options, variables, fields and parameters have them. */
const secretName =
  'password|passwd|passphrase|pass|pwd|pw|secret|token|access[-_]?token|auth[-_]?token|api[-_]?key|credentials?';

interface Place {
  /** Place in the command, for the person who wrote it; undefined: the match itself says it. */
  readonly where: (match: RegExpMatchArray) => string;
  /** The last group is the secret. */
  readonly pattern: RegExp;
  /** Tells matches that have no secret. */
  readonly isHarmless?: (match: string) => boolean;
}

const after = ([, option = '']: RegExpMatchArray) => `after ${option}`;

/** Each takes linear time: what repeats is bounded, or cannot begin anew within itself. */
const places: readonly Place[] = [
  { where: after, pattern: new RegExp(String.raw`(?<![\w-])(--?(?:${secretName}|pw))[= ]\s*${word}`, 'gi') },
  // curl, wget, httpie, lftp, smbclient: NAME:PASSWORD.
  {
    where: after,
    pattern:
      /(?<![\w-])(-u|-U|--user|--proxy-user|--login)[= ]?\s*["']?[^\s:,%"'=-][^\s:,%"']*[:,%]([^\s"']+)/g,
    // The user and the group of a container.
    isHarmless: match => /\s\d+:\d+$/.test(match),
  },
  {
    where: () => 'in a URL, before the @',
    pattern: /[a-z][a-z\d+.-]{0,20}:\/\/[^\s/?#@:"']*:([^\s/?#@"']+)@/gi,
  },
  {
    where: ([, name = '']) => `in a URL, after ${name}=`,
    pattern: new RegExp(String.raw`[?&](${secretName}|auth|key|sig)=([^\s&#"']+)`, 'gi'),
  },
  {
    where: ([, name = '']) => `in the header ${name}`,
    pattern:
      /\b(authorization|x-[a-z-]{0,30}(?:token|key|auth)|api-?key):\s*(?:(?:basic|bearer|token|digest)\s+)?([^\s"']+)/gi,
  },
  {
    where: ([, name = '']) => `in the variable ${name}`,
    pattern: new RegExp(String.raw`(?<![\w?&-])(\w{0,40}(?:${secretName}))=${word}`, 'gi'),
  },
  {
    where: ([, name = '']) => `in the field ${name}`,
    pattern: new RegExp(String.raw`["'\\](${secretName})\\?["']\s*:\s*\\?["']([^"'\\]+)`, 'gi'),
  },
  // Programs whose short options are known.
  {
    where: after,
    pattern:
      /\b(?:sshpass|plink|pscp|ipmitool|ipmipower|redfishtool|racadm|mosquitto_(?:pub|sub|rr))\b[^;|&\n]*?\s(-pw?|-P)\s*([^\s"';|&-][^\s;|&]*|"[^"]*"|'[^']*')/g,
  },
];

/** Values that are given by a variable, a command's output, a file or standard input. */
const given = /[$`]|^["']?(?:-|@|\/|~\/|\.{0,2}\/|file:|env:|fd:)/;

/**
 * Looks for a password or token in a shell command.
 * @returns where it stands, without itself: `after --password`; undefined: none is seen
 */
export function writtenSecret(command: string): string | undefined {
  for (const { pattern, where, isHarmless } of places) {
    for (const match of command.matchAll(pattern)) {
      const secret = match.at(-1) ?? '';
      if (secret !== '' && !given.test(secret) && isHarmless?.(match[0]) !== true) return where(match);
    }
  }
  return undefined;
}

/** Schema of a shell command in the lab file: the lab file is read by many, and shown. */
export const shellCommand = z
  .string()
  .min(1)
  .superRefine((command, context) => {
    const where = writtenSecret(command);
    if (where === undefined) return;
    const message = `no password or token in a command (${where}): put it into a file, name that under secrets: { PW: FILE }, and write "$PW"; or set PW in the environment`;
    context.addIssue({ code: 'custom', message });
  });

/** Variables that a command names, whose names say that they are secret. */
export function secretVariables(command: string): string[] {
  const names = [...command.matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name);
  return [...new Set(names)].filter(name => new RegExp(`(?:${secretName}|key|auth)`, 'i').test(name));
}
