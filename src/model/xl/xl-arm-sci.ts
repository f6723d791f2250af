import type { DomainConfig } from '../xen/domctl.ts';

/** `arm_sci` of a domain. */
export interface ArmSci {
  readonly type: DomainConfig['sciType'];
  /** 0 where the configuration does not say. */
  readonly agentId: number;
}

export interface ArmSciProblem {
  readonly rule: string;
  /** Lines of xl before it exits with 1. */
  readonly problem: string;
}

/**
 * `arm_sci = "type=scmi_smc_multiagent,agent_id=2"` as xl reads it (parse_arm_sci_config of
 * tools/xl/xl_parse.c, series v11). It is split at commas and nothing is trimmed: what does not begin with
 * `type=` or `agent_id=` is silently ignored, an agent id that is missing is 0, and so is `0x2`, which is
 * read up to its first character that is no decimal digit.
 */
export function parseArmSci(text: string): ArmSci | ArmSciProblem {
  let type: ArmSci['type'] = 'none';
  let agentId = 0;
  for (const option of text.split(',')) {
    const typeName = valueOf(option, 'type=');
    if (typeName !== undefined) {
      const known = types.find(each => each === typeName.toLowerCase());
      if (known === undefined)
        return { rule: 'xl.arm-sci.type', problem: `Unknown ARM_SCI type: ${typeName}` };
      type = known;
    }
    const number = valueOf(option, 'agent_id=');
    if (number !== undefined) {
      const id = unsignedLong(number);
      if (id === undefined) {
        return { rule: 'xl.arm-sci.agent-id', problem: `xl: failed to convert "${number}" to number` };
      }
      if (id >= firstInvalidAgent) {
        const problem = `An invalid ARM_SCI agent_id specified (${id}). Valid range [0..254]`;
        return { rule: 'xl.arm-sci.agent-id', problem };
      }
      agentId = Number(id);
    }
  }
  return { type, agentId };
}

const types = ['none', 'scmi_smc', 'scmi_smc_multiagent'] as const;
const firstInvalidAgent = 255n;
const unsignedLongMaximum = 2n ** 64n - 1n;

function valueOf(option: string, prefix: string): string | undefined {
  return option.startsWith(prefix) ? option.slice(prefix.length) : undefined;
}

/** parse_ulong: decimal digits at the start; undefined without one, and for what gives ULONG_MAX. */
function unsignedLong(text: string): bigint | undefined {
  const match = /^\s*([+-]?)([0-9]+)/.exec(text);
  if (match?.[2] === undefined) return undefined;
  const magnitude = BigInt(match[2]);
  if (magnitude >= unsignedLongMaximum) return undefined;
  const value = match[1] === '-' ? BigInt.asUintN(64, -magnitude) : magnitude;
  return value === unsignedLongMaximum ? undefined : value;
}
