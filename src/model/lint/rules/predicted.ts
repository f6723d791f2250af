/** Failures that the model predicts and that no other rule explains. */
import type { DeviceTree } from '../../dt/tree.ts';
import { firmwareUnknown } from '../../predict/unknown-firmware.ts';
import type { Phase, Prediction } from '../../predict/prediction.ts';
import type { Reason } from '../../trace/observation.ts';
import type { Place } from '../finding.ts';
import { document, type Rule } from '../rule.ts';

/** Rules of the model whose lines tell how a probe went. */
const probeLines: readonly string[] = [
  'smc-multiagent.response',
  'smc-multiagent.no-smccc',
  'scmi-shmem.message-size',
  'scmi-shmem.reply-length',
  'scmi-shmem.reply-too-long',
  'scmi-shmem.status',
];

export const predictedRules: readonly Rule[] = [
  {
    id: 'sci-foreseen-panic',
    severity: 'error',
    title: 'The boot ends in a panic',
    consequence: 'Xen panics.',
    hint: 'See the reason.',
    documented: [document.scmi],
    isFallback: true,
    *check({ prediction, tree }) {
      if (prediction === null || prediction.panic === null) return;
      // A Xen that panics before its console is up shows no milestone.
      const reason = prediction.expectations.find(({ pattern }) => pattern === 'xen-panic')?.reason;
      const because = reason === undefined ? '' : `: ${reason.because}`;
      yield {
        place: placeOf(reason ?? {}, tree),
        message: `${prediction.panic}${because}`,
        failure: { reason },
      };
    },
  },
  {
    id: 'sci-foreseen-no-mediator',
    severity: 'error',
    title: 'The probe of the mediator fails',
    consequence: 'Xen boots without a mediator; Dom0 keeps its SCMI nodes, and its calls are refused.',
    hint: 'See the reason; a firmware that answers wrongly is to be corrected.',
    documented: [document.driver],
    shows: probeLines,
    isFallback: true,
    *check({ prediction, isMultiAgent, tree }) {
      if (!isMultiAgent || prediction === null || prediction.mediator.registered) return;
      const { errno, node } = prediction.mediator;
      if (errno === 0 || node === null) return;
      const last = prediction.console.findLast(({ reason }) => probeLines.includes(reason.rule))?.reason;
      const why = last === undefined ? '' : `: ${last.because}`;
      yield {
        place: placeOf({ ...last, place: node }, tree),
        message: `the probe of ${node} ends with ${errno}${why}`,
        failure: { reason: last, consequence: /\bmediator\b|not defined/ },
      };
    },
  },
  {
    id: 'sci-foreseen-refused',
    severity: 'error',
    title: 'A command of the toolstack fails',
    consequence: 'xl ends with an error; a domain that cannot be destroyed keeps its agent for ever.',
    hint: 'See the reason.',
    documented: [document.xlConfig],
    shows: [
      'smc-multiagent.assign-failed',
      'libxl.create.refused',
      'libxl.create.name-taken',
      'libxl.create.tree',
      'scmi-shmem.status',
    ],
    isFallback: true,
    *check({ prediction, tree }) {
      for (const { kind, phase, text, exitStatus, reason, claim } of prediction?.expectations ?? []) {
        if (kind !== 'answer' || claim !== undefined || !reason.rule.match(/^(?:xl|libxl)\./)) continue;
        if (exitStatus === undefined || exitStatus === 0 || isStated(prediction, phase, exitStatus)) continue;
        yield {
          place: placeOf(reason, tree),
          message: `${text}: ${reason.because}`,
          failure: { reason },
        };
      }
      for (const { do: what, rc } of prediction?.toolstack ?? []) {
        if (what !== 'assign-device' || rc === 0) continue;
        yield {
          place: { node: '/' },
          message: `a device is assigned while the guest runs, which ends with ${rc}`,
          failure: {},
        };
      }
    },
  },
  {
    id: 'sci-undefined',
    severity: 'warning',
    title: 'What happens is not defined',
    consequence: 'The sources leave it open: it may differ from build to build and from boot to boot.',
    hint: 'Correct the configuration, so that nothing depends on it.',
    documented: [document.driver],
    isFallback: true,
    *check({ prediction }) {
      for (const words of prediction?.undefined ?? []) {
        if (words !== firmwareUnknown) yield { place: { node: '/' }, message: words };
      }
    },
  },
];

/** Whether the scenario itself says that the step fails so. */
function isStated(prediction: Prediction | null, phase: Phase, exitStatus: number): boolean {
  return (
    prediction?.expectations.some(
      each => each.claim !== undefined && each.phase === phase && each.exitStatus === exitStatus,
    ) === true
  );
}

/** A reason's place as the model writes it: a node of the host tree, or a file with or without line. */
function placeOf({ place }: Pick<Reason, 'place'>, tree: DeviceTree): Place {
  if (place === undefined || tree.node(place) !== undefined) return { node: place ?? '/' };
  const [, file = place, line] = /^(.*):(\d+)$/.exec(place) ?? [];
  return { file, ...(line === undefined ? {} : { line: Number(line) }) };
}
