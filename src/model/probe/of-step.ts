/** Steps of a scenario for the probe, and what they ask of it. */
import type { ProbeCommand } from './command.ts';

/** An SMC or HVC with these registers. `domain` of smc and memory is a guest with the probe, or `probe` itself. */
export interface SmcStep {
  readonly do: 'smc';
  readonly domain: string;
  readonly conduit: 'smc' | 'hvc';
  readonly functionId: number;
  /** x1 and so on. */
  readonly arguments: readonly number[];
}

/** One SCMI message through shared memory. */
export interface ScmiStep {
  readonly do: 'scmi';
  readonly domain: string;
  /** Message header, as in the SCMI specification. */
  readonly header: number;
  /** 32-bit words after the header. */
  readonly payload: readonly number[];
  /** Function id and page of the probe's message; absent: the domain runs Linux, and its kernel has a channel. */
  readonly channel?: { readonly functionId: number; readonly page: number };
}

/** 32-bit words of memory, read or written. */
export interface MemoryStep {
  readonly do: 'memory';
  readonly domain: string;
  readonly address: number;
  readonly access:
    | { readonly kind: 'read'; readonly count: number }
    | { readonly kind: 'write'; readonly words: readonly number[] };
}

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
