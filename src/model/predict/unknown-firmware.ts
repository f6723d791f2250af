/** Prediction for a tree whose firmware is unknown: Xen's part, up to where an answer of firmware decides. */
import type { FirmwareProfile } from '../scmi/profile.ts';
import type { Prediction } from './prediction.ts';

/** Stands for a firmware of which nothing is known: its name has no memory map. */
export function unknownFirmware(anyProfile: FirmwareProfile): FirmwareProfile {
  return { ...anyProfile, name: 'unknown' };
}

/** Stands among what is undefined. */
export const firmwareUnknown =
  'firmware unknown: what follows from its answers is not predicted (give --board-type or --firmware)';

/**
 * The part of a prediction for `unknownFirmware` that holds for any firmware: all of it where no message reaches one.
 */
export function untilFirmwareAnswers(prediction: Prediction): Prediction {
  const { console, expectations, mediator } = prediction;
  const firstAnswer = console.findIndex(({ reason }) => isOfFirmware(reason.rule));
  const isAsked =
    prediction.firmware.length > 0 || firstAnswer !== -1 || (mediator.node !== null && mediator.errno !== 0);
  if (!isAsked) {
    return { ...prediction, console: console.filter(isKnown), expectations: expectations.filter(isKnown) };
  }
  const end = expectations.findIndex(({ reason }) => isOfFirmware(reason.rule));
  return {
    ...prediction,
    mediator: { ...mediator, registered: false, errno: 0, agentId: null },
    agents: [],
    domains: [],
    panic: null,
    console: console.slice(0, firstAnswer === -1 ? console.length : firstAnswer).filter(isXens),
    toolstack: [],
    firmware: [],
    expectations: expectations
      .slice(0, end === -1 ? expectations.length : end)
      .filter(each => each.pattern === 'xen-banner' || (each.kind === 'line' && isXens(each))),
    undefined: [...prediction.undefined, firmwareUnknown],
  };
}

interface Told {
  readonly source: string;
  readonly reason: { readonly rule: string };
}

const isXens = ({ source, reason }: Told): boolean => source === 'xen' && !isOfFirmware(reason.rule);

/** Whether a page is free before the first message is firmware's doing too. */
const isKnown = ({ reason }: Pick<Told, 'reason'>): boolean => reason.rule !== channelBusy;

/** Whether a line tells of a message to firmware, or of its answer. */
function isOfFirmware(rule: string): boolean {
  return rule.startsWith('scmi-shmem.') || exchanges.has(rule);
}

const channelBusy = 'linux.scmi.channel-busy';

const exchanges: ReadonlySet<string> = new Set([
  'smc-multiagent.send',
  'smc-multiagent.response',
  'smc-multiagent.agent-name',
  'smc-multiagent.agent-count',
  'firmware.console',
]);
