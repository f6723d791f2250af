/** `scmi-hil help [topic]`: prints a page of the documentation, in the order of its index. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { hintAt } from '../config/nearest-name.ts';
import { projectDirectory } from '../config/project-directory.ts';
import { type AddCommand, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';

/** A page of the documentation. */
export interface HelpTopic {
  /** Its file's name without `.md`: `lab`, `rpi5`. */
  readonly name: string;
  readonly title: string;
  /** The heading of the index that it stands under. */
  readonly group: string;
  readonly file: string;
}

export const addHelp: AddCommand = (program, process, done) => {
  const command = program
    .command('help [topic]')
    .description('Prints a page of the documentation; without a topic, the list.')
    .action((name: string | undefined) => {
      process.stdout.write(name === undefined ? listOf(helpTopics()) : textOf(name));
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['help', 'the list of pages'],
      ['help tutorial', 'a first run, without a board'],
      ['help lab', 'the fields of a lab file'],
      ['help run', 'the options of a command that has no page'],
    ],
    exits: { met: 'printed', usage: commonExits.usage },
  });

  function textOf(name: string): string {
    const topics = helpTopics();
    const topic = topics.find(each => each.name === name);
    if (topic !== undefined) return readFileSync(topic.file, 'utf8');
    const named = program.commands.find(each => each.name() === name);
    if (named !== undefined) return named.helpInformation();
    throw new UsageError(
      `there is no page ${name}`,
      hintAt(
        name,
        topics.map(each => each.name),
      ),
    );
  }
};

/** The pages that docs/README.md links to, in its order. */
export function helpTopics(): readonly HelpTopic[] {
  const directory = path.join(projectDirectory, 'docs');
  const index = readFileSync(path.join(directory, 'README.md'), 'utf8');
  const seen = new Set<string>();
  return index.split(/^## /m).flatMap(section => {
    const group = section.split('\n', 1)[0] ?? '';
    return [...section.matchAll(/\]\(([\w/-]+)\.md\)/g)].flatMap(([, page = '']) => {
      if (seen.has(page)) return [];
      seen.add(page);
      const file = path.join(directory, `${page}.md`);
      const title = readFileSync(file, 'utf8').split('\n', 1)[0]?.replace(/^# /, '') ?? page;
      return [{ name: path.basename(page), title, group, file }];
    });
  });
}

function listOf(topics: readonly HelpTopic[]): string {
  const width = Math.max(...topics.map(({ name }) => name.length));
  const groups = [...new Set(topics.map(({ group }) => group))];
  const lines = groups.flatMap(group => [
    `${group}:`,
    ...topics
      .filter(topic => topic.group === group)
      .map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`),
    '',
  ]);
  return `${lines.join('\n')}A page: scmi-hil help NAME. The options of a command: scmi-hil COMMAND --help\n`;
}
