/** Prediction of a scenario whose boot loader starts the probe instead of Xen. */
import { commandOfStep } from '../probe/of-step.ts';
import type { Scenario, Step } from './scenario.ts';
import type { FirmwareMessage } from '../scmi/firmware-message.ts';
import { Expectations } from './expectations.ts';
import { FirmwareAlone } from './firmware-alone.ts';
import { predictedMessage } from './predicted-message.ts';
import { emptyPrediction, type Prediction } from './prediction.ts';
import { predictProbe } from './probe-answer.ts';
import { claimsOf, type PredictedCommand } from './statements.ts';

/** Name of the milestone at which the probe can be asked. */
export const probeReady = 'probe-ready';

/** @throws {RangeError} for a firmware fault or quirk that does not exist */
export function predictPayload(scenario: Scenario, payload: string): Prediction {
  const expectations = new Expectations();
  const messages: FirmwareMessage[] = [];
  const commands = new Map<number, PredictedCommand>();
  const machine = new FirmwareAlone({
    firmware: scenario.firmware,
    observer: { console: () => {}, message: message => messages.push(message) },
  });
  expectations.milestone(probeReady, 'the probe can be asked', {
    rule: 'boot.probe',
    because: 'the boot loader hands over to the probe, which says where it is',
  });
  for (const [index, step] of scenario.steps.entries()) {
    const command = asked(step);
    if (command === undefined) continue;
    const before = messages.length;
    const shown = () => ({ lines: [], messages: messages.slice(before) });
    const answer = predictProbe(machine.probe, command, payload, shown);
    expectations.answer('probe', answer, index);
    commands.set(index, answer.predicted);
  }
  const predicted = { lines: [], commands, milestones: [probeReady], end: null };
  for (const claim of claimsOf(scenario, predicted)) expectations.claim(claim);
  return { ...emptyPrediction, firmware: messages.map(predictedMessage), expectations: expectations.all };
}

function asked(step: Step): ReturnType<typeof commandOfStep> {
  return step.do === 'smc' || step.do === 'scmi' || step.do === 'memory' ? commandOfStep(step) : undefined;
}
