/** Whether an answer has the form of what its command prints where it succeeds. */
import type { SeenAnswer } from '../observation.ts';

const forms: readonly { readonly command: RegExp; readonly line: RegExp; readonly heading?: RegExp }[] = [
  // Linux drivers/clk/clk.c, clk_summary_show
  { command: /^cat \S*\/clk_summary$/, line: /^/, heading: /^ *enable +prepare +protect /m },
  // Linux drivers/base/dd.c, deferred_devs_show: a device, and after a tab the reason
  { command: /^cat \S*\/devices_deferred$/, line: /^[^\s:]\S*(?:\t.*)?$/ },
  // Xen tools/xl/xl_vmcontrol.c, main_destroy: nothing
  { command: /^xl destroy \S+$/, line: /^$/ },
];

/** @returns in words, for each answer over SSH that is another command's */
export function foreignAnswers(answers: readonly SeenAnswer[]): readonly string[] {
  return answers.flatMap(({ domain, command, status, stdout, isTyped }) => {
    const form = forms.find(each => each.command.test(command.trim()));
    if (form === undefined || status !== 0 || isTyped) return [];
    const lines = stdout.split('\n').map(line => line.trimEnd());
    const other = lines.find(line => line !== '' && !form.line.test(line));
    const isOwn = other === undefined && form.heading?.test(stdout) !== false;
    if (isOwn) return [];
    return [`${domain} answers \`${command}\` with "${other ?? lines[0]}", which that does not print`];
  });
}
