/** What a step of a scenario asks of the probe. */
import type { MemoryStep, ScmiStep, SmcStep } from '../predict/scenario.ts';
import type { ProbeCommand } from './command.ts';

export type ProbeStep = SmcStep | ScmiStep | MemoryStep;

/** @returns undefined for a message that only the kernel of its domain could send */
export function commandOfStep(step: ProbeStep): ProbeCommand | undefined {
  switch (step.do) {
    case 'smc':
      return { do: step.conduit, functionId: step.functionId, arguments: step.arguments };
    case 'scmi':
      return (
        step.channel && { do: 'scmi', message: { ...step.channel, words: [step.header, ...step.payload] } }
      );
    case 'memory': {
      const { address, access } = step;
      return access.kind === 'read'
        ? { do: 'read', address, count: access.count }
        : { do: 'write', address, words: access.words };
    }
    default:
      return step satisfies never;
  }
}
