/** The rules as a document: docs/lint.md is this text. */
import { severities } from './finding.ts';
import type { Rule, Theme } from './rule.ts';

export function rulesMarkdown(themes: readonly Theme[]): string {
  const rules = themes.flatMap(theme => theme.rules);
  const counts = severities.map(severity => {
    const count = rules.filter(rule => rule.severity === severity).length;
    return `${count} ${severity}s`;
  });
  return [
    heading,
    `${rules.length} rules (${counts.join(', ')}).`,
    ...themes.map(contents),
    ...themes.flatMap(({ title, rules: own }) => [`## ${title}`, ...own.map(section)]),
    '',
  ].join('\n\n');
}

const heading = `# Lint

<!-- Written by \`scmi-hil lint --rules --markdown\`: change the rules in src/model/lint/rules, not this file. -->

\`scmi-hil lint\` reads a configuration for mistakes before anything boots; \`scmi-hil run\` does so first.

\`\`\`
scmi-hil lint --host-dt host.dts --board-type rpi5 --xl-cfg guest.cfg --partial-dt guest.dts
scmi-hil lint --sarif lint.sarif
\`\`\`

- **error**: something cannot work: no mediator, a panic, a domain that is refused, that never ends, or none of whose
  calls reaches firmware.
- **warning**: it works otherwise than its author or the documentation says, or only by luck.
- **note**: worth knowing before a boot is read.

\`D…\`, \`R…\` and \`v…\` are statements of the patch series, as scenarios name them; files are those of Xen's tree.`;

function contents({ title, rules }: Theme): string {
  const rows = rules.map(({ id, severity, title: what }) => `| [${id}](#${id}) | ${severity} | ${what} |`);
  return [`| ${title} | | |`, '|---|---|---|', ...rows].join('\n');
}

function section({ id, severity, title, consequence, hint, documented, isFallback }: Rule): string {
  return [
    `### ${id}`,
    `**${severity}** · ${title}.`,
    `What will happen: ${consequence}`,
    `What to change: ${hint}`,
    ...(isFallback === true ? ['Only where no other rule explains it.'] : []),
    `See ${documented.map(each => (each.includes('/') ? `\`${each}\`` : each)).join(', ')}.`,
  ].join('\n\n');
}
