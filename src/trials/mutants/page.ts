import type { MutatedPart, Mutant } from './mutant.ts';

/** The page of the documentation that lists the mutants. */
export function mutantsPage(mutants: readonly Mutant[]): string {
  const sections = [...Map.groupBy(mutants, ({ part }) => part)].map(([part, own]) => {
    const rows = own.map(({ name, words }) => `| \`${name}\` | ${words} |\n`).join('');
    return `## ${titles[part]}\n\n| mutant | bug |\n|---|---|\n${rows}`;
  });
  return `${preface(mutants.length)}\n${sections.join('\n')}`;
}

const titles: Readonly<Record<MutatedPart, string>> = {
  mediator: 'The multi-agent mediator',
  xen: 'Other parts of Xen',
  toolstack: 'xl and libxl',
  firmware: 'EL3 firmware',
  linux: "The SCMI client of a domain's Linux",
};

const preface = (count: number): string => `# Mutants

Made by \`scmi-hil mutants --markdown\` from \`src/trials/mutants/\`; change those, not this page.

A verdict is worth what it can catch. Each of these ${count} mutants is a machine of the model with one bug that
somebody could write. \`npm run mutants\` runs every shipped scenario on every one of them and judges what would have
been recorded against what the right model predicts: it names the scenarios that catch a mutant, and fails where one
survives or where the right machine does not pass. \`scmi-hil mutants NAME\` says by which expectation.

\`scmi-hil run SCENARIO --board virtual-rpi5 --mutant NAME\` does the same through the transports of a virtual board.
`;
