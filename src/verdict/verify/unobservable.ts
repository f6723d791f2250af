/** Expectations that no part of a recording or log could have shown, and why. */
import type { Expectation, Phase, Prediction } from '../../model/predict/prediction.ts';
import { hasBegin, isWholeBoot, showsKernelLog } from './kernel-log.ts';
import type { Observations } from './observation.ts';

/** @returns in words why an unmet expectation could not have been seen; undefined where it could */
export function unobservable(
  expectation: Expectation,
  prediction: Prediction,
  seen: Observations,
): string | undefined {
  if (expectation.optional !== undefined) return expectation.optional;
  if (expectation.kind === 'answer') {
    return seen.form === 'console log' ? 'a console log does not show what was asked over SSH' : undefined;
  }
  if (expectation.kind === 'milestone') return undefined;
  if (expectation.source === 'firmware') return firmware(seen);
  if (expectation.source === 'xl') return toolstack(seen);
  if (expectation.source === 'linux' && expectation.domid !== undefined) {
    return kernel(expectation.domid, expectation.phase, prediction, seen);
  }
  return undefined;
}

function firmware(seen: Observations): string | undefined {
  if (seen.heardAlone.has('tf-a')) return undefined;
  const xen = seen.lines.findIndex(({ talker }) => talker === 'xen');
  const later = seen.lines.some(({ talker }, index) => talker === 'tf-a' && index > xen);
  return xen >= 0 && !later ? 'the EL3 firmware does not write to this console once Xen runs' : undefined;
}

function toolstack(seen: Observations): string | undefined {
  if (seen.answers.some(({ command }) => /\bxl\b/.test(command))) return undefined;
  return seen.form === 'console log' ? 'the toolstack was not used on this console' : undefined;
}

function kernel(domid: number, phase: Phase, prediction: Prediction, seen: Observations): string | undefined {
  const speaks = seen.lines.some(line => line.talker === 'linux' && line.domid === domid);
  if (speaks) return undefined;
  const booted = seen.signs.some(({ sign }) => sign.name === 'xen-booted');
  if (domid === 0) {
    const loggedIn = seen.milestones.some(({ name }) => name === 'dom0-login');
    if (seen.logs?.dom0 !== undefined && hasBegin(seen.logs.dom0.text)) return undefined;
    return booted && loggedIn ? 'Dom0 writes to another console' : undefined;
  }
  // A run gives each domain that Xen itself makes a UART, and Xen shows it (src/run/deploy/boot-modules.ts).
  if (phase === 'boot' && seen.form === 'recording') return undefined;
  const name = prediction.domains.find(domain => domain.domid === domid)?.name ?? `domain ${domid}`;
  const logs = seen.answers.filter(({ domain, command }) => domain === name && showsKernelLog(command));
  if (logs.length === 0) return `nothing of the console of ${name} is here, and its log was not read`;
  if (logs.some(({ command, stdout }) => isWholeBoot(command, stdout))) return undefined;
  return `the console of ${name} ends before its kernel had started an init`;
}
