/** Version and build of the Xen in a run, as it prints them. */
import type { XenSeen } from '../../model/predict/other-build.ts';
import { singleAgent } from './evidence/ruled-text.ts';
import type { Observations } from './observation.ts';
import { xenText } from '../console/vocabulary/xen.ts';

/** How the lines of the other begin (xen/arch/arm/firmware/scmi-smc-multiagent.c). */
const multiAgent = /^scmi: /;

export function xenSeen({ lines }: Pick<Observations, 'lines'>): XenSeen {
  const said = (pattern: RegExp) =>
    lines.find(({ talker, text }) => talker === 'xen' && pattern.test(text))?.text;
  const banner = said(xenText.version);
  const [single, multi] = [said(singleAgent), said(multiAgent)];
  return {
    ...(banner !== undefined && { banner }),
    ...(multi !== undefined && { mediator: { kind: 'multi-agent', said: multi } }),
    ...(single !== undefined && { mediator: { kind: 'single-agent', said: single } }),
  };
}
