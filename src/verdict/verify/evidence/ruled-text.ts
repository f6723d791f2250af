/** Texts that a rule of the verdict looks for, whatever the prediction holds. */
import { signs } from '../../console/signs.ts';
import { xenText } from '../../console/vocabulary/xen.ts';
import type { SeenLine } from '../observation.ts';

/** Texts by which the mediator is known: sci.c, scmi-smc.c, scmi-smc-multiagent.c, scmi-shmem.c, dom0less-build.c. */
export const aboutMediator =
  /^(?:scmi|sci)\b|^SCMI: |^Using SCMI with|\bscmi: |xen,sci|xen,dom0-sci-agent-id|SCI configuration|^id=0x[0-9a-f]+ name=|^DT: \/chosen\S* is not a valid bus|#access-controller-cells/;

/** xen/arch/arm/vsmc.c; group: the function id. */
export const unhandledCall = /Unhandled SMC\/HVC: (0x[0-9a-f]+)/i;

/** Line of the mediator for a single agent when it is ready (xen/arch/arm/firmware/scmi-smc.c). */
export const singleAgent = /^(SCMI: )?Using SCMI with SMC ID: 0x[0-9a-f]+$/;

/** Xen common/version.c, xen_build_init; group: the id. */
export const buildId = /^build-id: ([0-9a-f]+)$/;

/** drivers/firmware/arm_scmi/driver.c, transports/smc.c, shmem.c. */
export const aboutDriver =
  /^arm-scmi \S+: (?:SCMI Protocol v|.*\berror\b|.*\bfailed\b|.*unable to|.*not implemented|Timeout|timed out)/;

/** init/version-timestamp.c; group: the release. */
export const linuxRelease = /^Linux version (\d+\.\d+[\w.]*)/;

/** tools/xl/xl_vmcontrol.c: `xl create` reads a configuration. */
export const createsGuest = /^Parsing config from \S/;

/** tools/libs/toollog: `libxl: error: FILE:LINE:FUNCTION: ...`, the same of the libraries below it; xl's own `xl: ...`. */
export const errorOfToolstack =
  /^(?:(?:libxl|xl|xc|xs|xen\w{1,20}): ?(?:error|critical|fatal)\b|xl: (?!warning\b|info\b|notice\b|debug\b|detail\b))/i;

/** Behind a message without newline Xen leaves the level mark of the next one standing. */
export const levelMark = /^(?:<G>)?<\d>/;

/** Whether a rule of the verdict speaks of such a line. */
export function isRuled({ talker, domid, text, damaged, restIn }: SeenLine): boolean {
  if (anyOfScmi.test(text)) return true;
  if (damaged || (restIn !== undefined && talker === 'xen')) return true;
  if (talker === 'xen') return aboutXen.some(pattern => pattern.test(text.trim().replace(levelMark, '')));
  if (talker === 'xl') return errorOfToolstack.test(text);
  if (talker !== 'linux') return false;
  return (
    aboutLinux.some(pattern => pattern.test(text)) ||
    (domid === 0 && aboutDom0.some(pattern => pattern.test(text)))
  );
}

const anyOfScmi = /scmi/i;
const aboutXen = [aboutMediator, unhandledCall, xenText.version, xenText.versionNumber, singleAgent, buildId];
const aboutLinux = [aboutDriver, linuxRelease];
const aboutDom0 = [createsGuest, ...signs.flatMap(({ follows }) => follows?.ofDom0 ?? [])];
