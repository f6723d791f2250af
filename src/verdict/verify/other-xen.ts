/** Whether the Xen that ran could do what the scenario is about: its console tells. */
import { isOtherLinux, otherBuild } from '../../model/predict/other-build.ts';
import type { Prediction } from '../../model/predict/prediction.ts';
import { Log } from './evidence/log.ts';
import { linuxRelease } from './evidence/ruled-text.ts';
import { isConsoleLog, showsKernelLog } from './kernel-log.ts';
import { isDomain } from './named-domain.ts';
import type { Observations } from './observation.ts';
import type { Judgement } from './verdict.ts';
import { xenSeen } from './xen-seen.ts';

/** @returns in words why nothing was learned about the Xen that was predicted; undefined where it may have been */
export function otherXen({ xen }: Prediction, seen: Observations): string | undefined {
  // A log that somebody hands in with a configuration is held to it; a board boots what the lab has.
  return seen.form === 'recording' && xen !== undefined ? otherBuild(xen, xenSeen(seen)) : undefined;
}

/** @returns in words that another kernel ran than the one whose lines were predicted; undefined where it may be the one */
export function otherLinux(prediction: Prediction, seen: Observations): string | undefined {
  const { linux, expectations } = prediction;
  if (seen.form !== 'recording' || linux === undefined) return undefined;
  const predicted = new Set(
    expectations.flatMap(({ kind, source, domid, claim }) =>
      kind === 'line' && source === 'linux' && claim === undefined ? [domid ?? 0] : [],
    ),
  );
  for (const { domid, text } of kernelLines(prediction, seen)) {
    const release = predicted.has(domid) ? linuxRelease.exec(text)?.[1] : undefined;
    if (release !== undefined && isOtherLinux(linux, release))
      return `the kernel of domain ${domid} is Linux ${release}, the prediction is for ${linux}`;
  }
  return undefined;
}

/** Lines of kernels on consoles and in answers, each with its domain. */
function* kernelLines(
  prediction: Prediction,
  { lines, answers }: Observations,
): Generator<{ readonly domid: number; readonly text: string }> {
  for (const { talker, domid = 0, text } of lines) if (talker === 'linux') yield { domid, text };
  for (const { domain, command, stdout } of answers) {
    const of = prediction.domains.find(({ domid }) => isDomain(domain, domid, prediction));
    if (of === undefined || isConsoleLog(command) || !showsKernelLog(command)) continue;
    for (const { text } of new Log(stdout, 'linux').lines) yield { domid: of.domid, text };
  }
}

/** Lines of such a Xen tell nothing about the expectations for another. */
export function notRun(judgements: readonly Judgement[], why: string): Judgement[] {
  return judgements.map(({ expectation }) => ({ expectation, outcome: 'not-run', why }));
}
