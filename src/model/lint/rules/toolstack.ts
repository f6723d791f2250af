/** Configurations of xl: what it misreads silently, and what it or libxl refuses. */
import type { XlGuest } from '../domains.ts';
import { document, type Problem, type Rule } from '../rule.ts';

export const toolstackRules: readonly Rule[] = [
  {
    id: 'sci-xl-refused',
    severity: 'error',
    title: 'xl does not take the configuration',
    consequence: 'xl prints why and exits with 1; Xen is not asked.',
    hint: 'Correct the line.',
    documented: [document.xlConfig],
    shows: ['xl.config.syntax', 'xl.name', 'xl.action', 'xl.passthrough', 'xl.iomem'],
    *check({ xlGuests }) {
      for (const guest of xlGuests) {
        const file = guest.config.file;
        for (const text of guest.syntaxErrors.slice(0, 1)) {
          const line = Number(/:(\d+): /.exec(text)?.[1] ?? Number.NaN);
          yield { place: { file, ...(Number.isNaN(line) ? {} : { line }) }, message: text };
        }
        const last = guest.complaints.at(-1);
        if (guest.settings !== undefined || last === undefined || last.rule.startsWith('xl.arm-sci'))
          continue;
        yield { place: placeOf(last.place, guest), message: last.text };
      }
    },
  },
  {
    id: 'sci-arm-sci-type',
    severity: 'error',
    title: '`type` of `arm_sci` is not known to xl',
    consequence: 'xl prints `Unknown ARM_SCI type` and exits with 1.',
    hint: 'Use scmi_smc_multiagent, scmi_smc or none.',
    documented: ['v11-T5', document.xlConfig],
    shows: ['xl.arm-sci.type'],
    *check({ xlGuests }) {
      for (const guest of xlGuests) yield* refusedBy(guest, 'xl.arm-sci.type');
    },
  },
  {
    id: 'sci-arm-sci-agent-range',
    severity: 'error',
    title: '`agent_id` of `arm_sci` is no number up to 254',
    consequence: 'xl prints why and exits with 1.',
    hint: 'Use the decimal id of a listed agent.',
    documented: ['v8-2', 'v11-T1', 'v11-T2', document.xlConfig],
    shows: ['xl.arm-sci.agent-id'],
    *check({ xlGuests }) {
      for (const guest of xlGuests) yield* refusedBy(guest, 'xl.arm-sci.agent-id');
    },
  },
  {
    id: 'sci-arm-sci-no-agent-id',
    severity: 'warning',
    title: '`agent_id` is missing in `arm_sci`',
    consequence: 'It is called mandatory, but left out it is silently 0: the guest asks for agent 0.',
    hint: 'Add `agent_id=N`.',
    documented: ['v11-T3', document.xlConfig, document.xl],
    shows: ['smc-multiagent.acquire-failed', 'libxl.create.refused'],
    *check({ xlGuests }) {
      for (const guest of xlGuests) {
        const options = optionsOf(guest);
        if (guest.sciType !== 'scmi_smc_multiagent' || options.some(each => /^\s*agent_id\s*=/.test(each)))
          continue;
        yield {
          place: guest.place,
          message: `${guest.name} asks for the multi-agent mediator without agent_id`,
        };
      }
    },
  },
  {
    id: 'sci-arm-sci-number',
    severity: 'warning',
    title: '`agent_id` is not a decimal number',
    consequence: 'xl reads up to the first character that is no decimal digit: 0x2 is agent 0.',
    hint: 'Write the id in decimal.',
    documented: [document.xl],
    shows: ['smc-multiagent.acquire-failed', 'libxl.create.refused'],
    *check({ xlGuests }) {
      for (const guest of xlGuests) {
        if (guest.settings === undefined) continue;
        for (const option of optionsOf(guest)) {
          const written = /^agent_id=(.*)$/.exec(option)?.[1];
          if (written === undefined || /^\d+$/.test(written)) continue;
          yield {
            place: guest.place,
            message: `agent_id=${written} is read as ${guest.settings.armSci.agentId}`,
          };
        }
      }
    },
  },
  {
    id: 'sci-arm-sci-blank',
    severity: 'warning',
    title: 'A blank in `arm_sci`',
    consequence:
      'Nothing is trimmed: the option is not recognised and silently ignored. An agent_id so lost is 0, a type so lost is none.',
    hint: 'Remove the blanks.',
    documented: [document.xl],
    shows: ['smc-multiagent.acquire-failed', 'libxl.create.refused'],
    *check({ xlGuests }) {
      for (const guest of xlGuests) {
        for (const option of optionsOf(guest)) {
          if (!/^\s+(?:type|agent_id)\s*=|^(?:type|agent_id)\s+=/.test(option)) continue;
          yield { place: guest.place, message: `"${option}" is ignored` };
        }
      }
    },
  },
  {
    id: 'sci-arm-sci-unknown-option',
    severity: 'warning',
    title: 'An option of `arm_sci` that xl does not know',
    consequence: 'It is silently ignored.',
    hint: 'Use `type=` and `agent_id=` only.',
    documented: [document.xlConfig, document.xl],
    *check({ xlGuests }) {
      for (const guest of xlGuests) {
        for (const option of optionsOf(guest)) {
          if (/^\s*(?:type|agent_id)\s*=/.test(option)) continue;
          yield { place: guest.place, message: option === '' ? 'an empty option' : `"${option}"` };
        }
      }
    },
  },
  {
    id: 'sci-arm-sci-no-type',
    severity: 'warning',
    title: '`arm_sci` without `type`',
    consequence: 'The guest is created without SCMI, without a message.',
    hint: 'Add `type=scmi_smc_multiagent`.',
    documented: [document.xlConfig, document.xl],
    *check({ xlGuests }) {
      for (const guest of xlGuests) {
        const options = optionsOf(guest);
        if (options.length === 0 || options.some(each => /^\s*type\s*=/.test(each))) continue;
        yield { place: guest.place, message: `${guest.name} says "${options.join(',')}"` };
      }
    },
  },
  {
    id: 'sci-arm-sci-list',
    severity: 'warning',
    title: '`arm_sci` is a list',
    consequence: 'xl takes it as if it were not there, without a message: the guest has no SCMI.',
    hint: 'Write one string.',
    documented: [document.xlConfig, document.xl],
    *check({ xlGuests }) {
      for (const { config, place, name } of xlGuests) {
        if (config.list('arm_sci') === undefined) continue;
        yield { place, message: `${name} gives arm_sci as a list` };
      }
    },
  },
  {
    id: 'sci-arm-sci-other-mediator',
    severity: 'error',
    title: 'A guest asks for a mediator that this Xen has not',
    consequence: 'Xen refuses the domain (-EINVAL), and xl fails.',
    hint: 'Use type=scmi_smc_multiagent with the multi-agent build, type=scmi_smc with the single-agent one.',
    documented: ['v11-T5', 'D24', document.xlConfig],
    shows: ['smc-multiagent.unsupported-type', 'libxl.create.refused'],
    *check({ xlGuests, isMultiAgent, hasNoMediator, subject: { xen } }) {
      if (xen.mediator === 'none' || hasNoMediator) return;
      const served = isMultiAgent ? 'scmi_smc_multiagent' : 'scmi_smc';
      for (const { name, sciType, place } of xlGuests) {
        if (sciType === 'none' || sciType === served) continue;
        yield { place, message: `${name} asks for ${sciType}, and this build serves ${served}` };
      }
    },
  },
  {
    id: 'sci-no-mediator',
    severity: 'warning',
    title: 'A domain asks for SCMI of a Xen that has no mediator',
    consequence:
      'The domain is created without SCMI; the permission for its page is refused, and each of its calls is `Unhandled SMC/HVC`.',
    hint: 'Build Xen with CONFIG_SCMI_SMC_MA=y.',
    documented: ['D24', document.scmi],
    shows: ['libxl.iomem.refused', 'vsmc.unhandled'],
    *check({ domains, subject: { xen } }) {
      if (xen.mediator !== 'none') return;
      for (const { name, sciType, place } of domains) {
        if (sciType !== 'none') yield { place, message: `${name} asks for ${sciType}` };
      }
    },
  },
  {
    id: 'sci-dtdev-no-iommu',
    severity: 'error',
    title: '`dtdev` without an IOMMU',
    consequence:
      'It is documented for devices without IOMMU, yet libxl refuses before it asks Xen: `passthrough not supported on this platform`, where Xen has none enabled.',
    hint: 'Remove `dtdev` on such a machine; permissions then have to be set in firmware.',
    documented: ['D19', document.xlConfig],
    shows: ['libxl.passthrough.no-iommu'],
    *check({ xlGuests, hasIommu }) {
      if (hasIommu) return;
      for (const guest of xlGuests) {
        const dtdev = guest.settings?.dtdev ?? [];
        if (dtdev.length === 0 || guest.settings?.passthrough === 'disabled') continue;
        yield {
          place: guest.at('dtdev'),
          message: `Xen has no IOMMU here, and ${guest.name} is given ${dtdev.join(', ')}`,
        };
      }
    },
  },
  {
    id: 'sci-dtdev-disabled',
    severity: 'error',
    title: '`dtdev` with `passthrough = "disabled"`',
    consequence: 'libxl refuses the configuration.',
    hint: 'Remove one of the two.',
    documented: [document.xlConfig],
    shows: ['libxl.passthrough.disabled'],
    *check({ xlGuests }) {
      for (const guest of xlGuests) {
        if (guest.settings?.passthrough !== 'disabled' || guest.settings.dtdev.length === 0) continue;
        yield {
          place: guest.at('passthrough'),
          message: `${guest.name} has dtdev, and passthrough disabled`,
        };
      }
    },
  },
  {
    id: 'sci-dtdev-no-node',
    severity: 'error',
    title: '`dtdev` names a device that the host tree lacks',
    consequence: 'Assigning it fails, and xl does not create the guest.',
    hint: 'Write the full path of the node in the host tree.',
    documented: ['D19', document.xlConfig],
    shows: ['libxl.assign.refused'],
    *check({ xlGuests, tree }) {
      for (const guest of xlGuests) {
        for (const path of guest.settings?.dtdev ?? []) {
          if (tree.node(path) === undefined)
            yield { place: guest.at('dtdev'), message: `there is no ${path}` };
        }
      }
    },
  },
];

/** `arm_sci` as xl splits it: at commas, nothing trimmed. */
function optionsOf({ config }: XlGuest): string[] {
  return config.string('arm_sci')?.split(',') ?? [];
}

function* refusedBy(guest: XlGuest, rule: string): Generator<Problem> {
  for (const complaint of guest.complaints) {
    if (complaint.rule === rule) yield { place: guest.place, message: complaint.text };
  }
}

/** A complaint's place is `file:line`. */
function placeOf(place: string, { config }: XlGuest): Problem['place'] {
  const line = place.startsWith(`${config.file}:`) ? Number(place.slice(config.file.length + 1)) : Number.NaN;
  return { file: config.file, ...(Number.isNaN(line) ? {} : { line }) };
}
