/** `scmi-hil doctor --image xen=PATH`: what a Xen image can do, and which scenarios run on it without a board. */
import { type LoadedLab, emulatedBoards, loadLab } from '../lab/load-lab.ts';
import { readXenImage, type XenImage } from '../lab/images/xen-image.ts';
import type { LeftOut } from '../verdict/report/left-out.ts';
import { type CliProcess, exitCode, UsageError } from './command.ts';
import { planJobs } from './run-plan.ts';
import { fields } from './table.ts';

/**
 * @param images full paths by name: `xen`, and `tools` where xl is to be looked at too
 * @throws UsageError where there is no `xen`, or the file is no Xen
 */
export function doctorImage(
  images: Readonly<Record<string, string>>,
  { json }: { readonly json: boolean },
  { cwd, env, stdout }: CliProcess,
): number {
  const file = images['xen'];
  if (file === undefined) {
    throw new UsageError('doctor --image: name the Xen image', 'for instance --image xen=xen/xen');
  }
  const image = readXenImage(file);
  if (image === undefined) {
    throw new UsageError(
      `doctor --image: ${file} is not Xen`,
      'name xen/xen of the build directory, not xen/xen-syms',
    );
  }
  const [board = ''] = emulatedBoards;
  const lab: LoadedLab = loadLab({ cwd, env });
  const { jobs, leftOut } = planJobs({ scenarios: [], boards: [board], cwd, env, images }, lab);
  const scenarios = jobs.map(({ scenario }) => scenario);
  stdout.write(
    json
      ? `${JSON.stringify({ schema: 1, image, board, scenarios, leftOut }, undefined, 2)}\n`
      : text(image, board, scenarios, leftOut),
  );
  return exitCode.met;
}

function text(
  { text: version, mediator, debug }: XenImage,
  board: string,
  scenarios: readonly string[],
  leftOut: readonly LeftOut[],
): string {
  const reasons = Map.groupBy(leftOut, ({ why }) => why);
  return [
    fields([
      ['Xen', version],
      ['mediator', mediators[mediator]],
      ['CONFIG_DEBUG', debug === undefined ? 'unknown: the image does not tell' : debug ? 'y' : 'n'],
      ['scenarios', `${scenarios.length} run on ${board}`],
    ]),
    ...(reasons.size === 0 ? [] : ['\nThe others:\n']),
    ...[...reasons].map(([why, all]) => `  ${why}:\n    ${all.map(each => each.scenario).join('\n    ')}\n`),
  ].join('');
}

const mediators: Readonly<Record<XenImage['mediator'], string>> = {
  'multi-agent': 'multi-agent (CONFIG_SCMI_SMC_MA)',
  'single-agent': 'single-agent (CONFIG_SCMI_SMC)',
  none: 'none: set CONFIG_SCMI_SMC_MA (docs/xen-developers.md)',
};
