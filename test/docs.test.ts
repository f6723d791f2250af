/** The documents are true: their commands exist, their lab files are ones, their links lead somewhere. */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { Command } from 'commander';
import { parse, stringify } from 'yaml';
import { boardTypeNames } from '../src/board/board-types.ts';
import { loadLab, requireNoMistake } from '../src/lab/load-lab.ts';
import type { CliProcess } from '../src/cli/command.ts';
import { commands } from '../src/cli/commands.ts';

const project = path.resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(path.join(tmpdir(), 'scmi-hil-docs-'));
test.after.always(() => rmSync(scratch, { recursive: true }));

const documents = ['README.md', ...globSync('docs/**/*.md', { cwd: project }).toSorted()];

for (const name of documents) {
  const text = readFileSync(path.join(project, name), 'utf8');
  test(`${name}: commands, lab files and links are right`, async t => {
    t.deepEqual(await mistakesIn(name, text), []);
  });
}

for (const type of boardTypeNames()) {
  test(`${type} has a guide from the box to a verdict, to which README and lab.md lead, and a place in the lab file`, t => {
    const guide = `boards/${type}.md`;
    t.true(existsSync(path.join(project, 'docs', guide)), guide);
    const lab = readFileSync(path.join(project, 'docs/lab.md'), 'utf8');
    t.true(lab.includes(`](${guide})`), 'docs/lab.md');
    t.regex(/^\| `type` \|.*$/m.exec(lab)?.[0] ?? '', new RegExp(`\`${type}\``));
    t.true(readFileSync(path.join(project, 'README.md'), 'utf8').includes(`](docs/${guide})`), 'README.md');
  });
}

const wrong: readonly (readonly [what: string, text: string, mistake: RegExp])[] = [
  ['a command that does not exist', '```sh\nscmi-hil rnu x\n```', /^docs\/x\.md:4: .*rnu/],
  ['an option that does not exist', '```sh\nnpx scmi-hil doctor --bot\n```', /^docs\/x\.md:4: .*--bot/],
  ['an argument that is missing', '```sh\nscmi-hil replay\n```', /^docs\/x\.md:4: .*run/],
  ['a command after another', '```sh\ntrue && scmi-hil nothing\n```', /^docs\/x\.md:4: .*nothing/],
  [
    'a lab file with a field that does not exist',
    '```yaml\nschema: 1\nboards:\n  a: { type: rpi5, virtul: true }\n```',
    /docs\/x\.md:6:\d+: boards\.a\.virtul: unknown field/,
  ],
  ['a part of a board that is wrong', '```yaml\npower: { kind: wish }\n```', /^docs\/x\.md:4: .*power/],
  ['a link to nowhere', 'see [this](nowhere.md#x)', /^docs\/x\.md:3: .*nowhere\.md/],
];

for (const [what, text, mistake] of wrong) {
  test(`found in a document, with its line: ${what}`, async t => {
    const [first = '', ...others] = await mistakesIn('docs/x.md', `# A title\n\n${text}\n`);
    t.regex(first, mistake);
    t.deepEqual(others, []);
  });
}

async function mistakesIn(name: string, text: string): Promise<string[]> {
  const blocks = blocksOf(text);
  const ofCommands = await Promise.all(
    blocks
      .filter(({ language }) => language === 'sh')
      .flatMap(commandLines)
      .map(async ({ line, words }) => {
        const mistake = await mistakeInCommand(words);
        return mistake === undefined ? [] : [`${name}:${line}: scmi-hil ${words.join(' ')}: ${mistake}`];
      }),
  );
  const ofLabs = blocks
    .filter(({ language }) => language === 'yaml')
    .flatMap(block => mistakesInYaml(name, block));
  return [...ofCommands.flat(), ...ofLabs, ...deadLinks(name, text)];
}

interface Block {
  readonly language: string;
  readonly text: string;
  /** Of its first line within the document, from 1. */
  readonly line: number;
}

function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(
    ({ 1: language = '', 2: inner = '', index }) => ({
      language,
      text: inner,
      line: text.slice(0, index).split('\n').length + 1,
    }),
  );
}

interface CommandLine {
  readonly line: number;
  /** Without `scmi-hil`. */
  readonly words: readonly string[];
}

/** Lines of a shell block that call this program; those that end in a backslash go on in the next. */
function commandLines({ text, line }: Block): CommandLine[] {
  return [...text.matchAll(/(?:\\\n|[^\n])+/g)].flatMap(({ 0: whole, index }) =>
    simpleCommands(whole).flatMap(words => {
      const own = words.slice(words[0] === 'npx' ? 1 : 0);
      const at = line + text.slice(0, index).split('\n').length - 1;
      return own[0] === 'scmi-hil' ? [{ line: at, words: own.slice(1) }] : [];
    }),
  );
}

/** The commands of one line, each as its words, without redirections. */
function simpleCommands(whole: string): string[][] {
  const found: string[][] = [[]];
  const tokens = whole.replaceAll('\\\n', ' ').match(/&&|[|;]|#.*|>\s*\S+|(?:'[^']*'|"[^"]*"|[^\s'"|;])+/g);
  for (const token of tokens ?? []) {
    if (/^(&&|[|;])$/.test(token)) found.push([]);
    else if (!/^[#>]/.test(token)) found.at(-1)?.push(token.replaceAll(/["']/g, ''));
  }
  return found;
}

/** Parses as the program does, and does nothing then. */
async function mistakeInCommand(words: readonly string[]): Promise<string | undefined> {
  const program = new Command('scmi-hil').exitOverride().configureOutput({
    writeOut: () => undefined,
    writeErr: () => undefined,
  });
  program.action(() => undefined);
  for (const { load } of commands) (await load())(program, idle, () => undefined);
  for (const command of program.commands) command.action(() => undefined);
  try {
    await program.parseAsync([...words], { from: 'user' });
    return undefined;
  } catch (error) {
    const isHelp = error instanceof Error && 'exitCode' in error && error.exitCode === 0;
    return isHelp ? undefined : String(error);
  }
}

const idle: CliProcess = {
  stdout: new PassThrough(),
  stderr: new PassThrough(),
  stdin: new PassThrough(),
  cwd: scratch,
  env: {},
  signal: new AbortController().signal,
};

/** A board to which the parts of boards that documents show belong. */
const board = {
  type: 'rpi5',
  serial: { kind: 'device', path: '/dev/ttyUSB0' },
  power: { kind: 'ask' },
  network: { address: '192.168.1.2', server: '192.168.1.1', serialNumber: '0c8f7e5cbd989ae1' },
  tftp: { kind: 'server' },
  ssh: { identity: { kind: 'agent' } },
  dom0: { by: 'ssh' },
  images: { armstub: 'bl31.bin', xen: 'xen', kernel: 'Image', ramdisk: 'rootfs.cpio.gz' },
  deadlines: {},
};

/** Blocks that are neither a lab file nor a part of a board are somebody else's. */
function mistakesInYaml(name: string, { text, line }: Block): string[] {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    return [`${name}:${line}: ${String(error)}`];
  }
  if (!isFields(value)) return [];
  if (isFields(value['boards'])) return mistakesInLab(name, '\n'.repeat(line - 1) + text);
  if (!Object.keys(value).every(field => field in board || field === 'boot')) return [];
  const whole = stringify({ schema: 1, boards: { part: { ...board, ...value } } });
  return mistakesInLab(name, whole).map(mistake => `${name}:${line}: ${mistake}`);
}

function mistakesInLab(name: string, text: string): string[] {
  const file = path.join(scratch, `${name.replaceAll('/', '-')}.yaml`);
  writeFileSync(file, text);
  try {
    requireNoMistake(loadLab({ lab: file, cwd: scratch, env: {} }));
    return [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [message.replaceAll(file, name).replaceAll(path.relative(process.cwd(), file), name)];
  }
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deadLinks(name: string, text: string): string[] {
  const prose = text.replaceAll(/^```[^]*?^```$/gm, block => block.replaceAll(/[^\n]/g, ''));
  return [...prose.matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)].flatMap(({ 1: target = '', index }) => {
    if (/^[a-z]+:/.test(target)) return [];
    const file = path.resolve(project, path.dirname(name), target);
    const line = prose.slice(0, index).split('\n').length;
    return existsSync(file) ? [] : [`${name}:${line}: the link to ${target} leads nowhere`];
  });
}
