/** `scmi-hil machines`: the charts of a run, drawn from the code. */
import { type Chart, charts } from '../../machines/index.ts';
import { toMermaid } from '../../machines/mermaid.ts';
import { type AddCommand, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { table } from './table.ts';

interface MachinesOptions {
  readonly json?: boolean;
  readonly markdown?: boolean;
}

export const addMachines: AddCommand = (program, process, done) => {
  const machines = program
    .command('machines [name]')
    .description('Lists the state machines that drive a run, or draws one of them as Mermaid.')
    .option('--json', 'print JSON')
    .option('--markdown', 'print the page of the documentation with all drawings')
    .action((name: string | undefined, options: MachinesOptions) => {
      process.stdout.write(shown(name, options));
      done(exitCode.met);
    });
  addHelpNotes(machines, {
    examples: [
      ['machines', 'names, and what each drives'],
      ['machines boot-u-boot', 'one drawing, for any viewer of Mermaid'],
      ['machines --markdown > docs/machines.md', 'the page of the documentation'],
    ],
    exits: { met: 'shown', usage: commonExits.usage },
  });
};

function shown(name: string | undefined, { json, markdown }: MachinesOptions): string {
  const wanted = name === undefined ? charts : [chartOf(name)];
  if (json === true) return `${JSON.stringify(wanted.map(asJson), null, 2)}\n`;
  if (markdown === true) return page(wanted);
  if (name !== undefined) return wanted.map(({ machine }) => toMermaid(machine)).join('\n');
  return table(
    ['MACHINE', ''],
    wanted.map(chart => [chart.name, chart.title]),
  );
}

function chartOf(name: string): Chart {
  const chart = charts.find(each => each.name === name);
  if (chart !== undefined) return chart;
  throw new UsageError(
    `there is no machine ${name}`,
    `there are ${charts.map(each => each.name).join(', ')}`,
  );
}

function asJson({ name, title, machine }: Chart) {
  return { name, title, mermaid: toMermaid(machine) };
}

function page(wanted: readonly Chart[]): string {
  const sections = wanted.map(
    ({ name, title, machine }) => `## ${name}\n\n${title}\n\n\`\`\`mermaid\n${toMermaid(machine)}\`\`\`\n`,
  );
  return `${preface}\n${sections.join('\n')}`;
}

const preface = `# State machines

Made by \`scmi-hil machines --markdown\` from the charts in \`machines/\`; change those, not this page.

\`does: NAME\` is an actor that runs for as long as its state is active; \`after NAME\` is a deadline of the board
type (\`deadlines\` in \`boards/*.yaml\`); \`at once\` passes on without waiting. A state that has neither only
watches, while another machine has the deadline.
`;
