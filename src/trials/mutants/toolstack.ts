/** Bugs of xl and libxl, and of the domctls that they rest on. */
import type { Domctl } from '../../model/xen/domctl.ts';
import { type ArmSci, type ArmSciProblem, parseArmSci } from '../../model/xl/xl-arm-sci.ts';
import { type CommandResult, Toolstack, type ToolstackOptions } from '../../model/xl/xl.ts';
import type { Mutant } from './mutant.ts';

export const toolstackMutants: readonly Mutant[] = [
  armSci('xl-takes-any-agent-id', 'xl does not check the range of agent_id.', text => {
    const id = /agent_id=(\d+)/.exec(text)?.[1];
    const sci = parseArmSci(text.replace(/agent_id=\d+/, 'agent_id=0'));
    return 'problem' in sci || id === undefined ? sci : { ...sci, agentId: Number(id) };
  }),
  armSci('xl-takes-hexadecimal', 'xl reads agent_id=0x2 as 2, where it stops at the x.', text =>
    parseArmSci(text.replace(/0x[0-9a-f]+/gi, digits => String(Number(digits)))),
  ),
  armSci(
    'xl-trims-blanks',
    'xl takes the blanks after a comma away, which make it pass an option over.',
    text => parseArmSci(text.replace(/,\s+/g, ',')),
  ),
  armSci('xl-reads-one-option', 'xl looks only at the first option of arm_sci.', text =>
    parseArmSci(text.split(',')[0] ?? ''),
  ),
  armSci('xl-refuses-agent-0', 'xl takes agent 0 for none and gives up.', text => {
    const sci = parseArmSci(text);
    return 'problem' in sci || sci.type !== 'scmi_smc_multiagent' || sci.agentId !== 0 ? sci : outOfRange(0);
  }),
  armSci('xl-demands-agent-id', 'xl gives up where agent_id is missing, as its documentation says.', text => {
    const isMissing = /type=scmi_smc_multiagent/.test(text) && !/(?:^|,)agent_id=/.test(text);
    return isMissing ? outOfRange(255) : parseArmSci(text);
  }),
  armSci('xl-ignores-unknown-type', 'xl takes an unknown type of arm_sci for none.', text => {
    const sci = parseArmSci(text);
    return 'problem' in sci && sci.rule === 'xl.arm-sci.type' ? { type: 'none', agentId: 0 } : sci;
  }),
  {
    name: 'xl-create-succeeds-always',
    part: 'toolstack',
    words: 'xl create ends with 0 whatever became of the domain.',
    deviations: {
      Toolstack: class extends Toolstack {
        override create(path: string, text: string): CommandResult {
          return { ...super.create(path, text), rc: 0 };
        }
      },
    },
  },
  {
    name: 'xl-create-fails-with-1',
    part: 'toolstack',
    words: 'xl create ends with 1 for any failure, not with the number of libxl.',
    deviations: {
      Toolstack: class extends Toolstack {
        override create(path: string, text: string): CommandResult {
          const result = super.create(path, text);
          return { ...result, rc: Math.min(result.rc, 1) };
        }
      },
    },
  },
  {
    name: 'xl-destroy-succeeds-always',
    part: 'toolstack',
    words: 'xl destroy ends with 0 though the domain is still there.',
    deviations: {
      Toolstack: class extends Toolstack {
        override destroy(nameOrId: string): CommandResult {
          return { ...super.destroy(nameOrId), rc: 0 };
        }
      },
    },
  },
  {
    name: 'libxl-says-nothing',
    part: 'toolstack',
    words: 'libxl does not say why a domain could not be made.',
    deviations: {
      Toolstack: class extends Toolstack {
        constructor(options: ToolstackOptions) {
          const { observer } = options;
          super({
            ...options,
            observer: {
              console: line => {
                if (!line.text.startsWith('libxl: error')) observer.console(line);
              },
              message: message => observer.message(message),
            },
          });
        }
      },
    },
  },
  domctl('libxl-skips-iomem-permission', 'libxl maps pages without permitting them first.', () => ({
    iomemPermission: () => 0,
  })),
  domctl('libxl-skips-memory-mapping', 'libxl permits pages and does not map them.', () => ({
    memoryMapping: () => 0,
  })),
  domctl(
    'libxl-maps-one-to-one',
    'libxl maps pages at their machine address, whatever stands after the @.',
    right => ({
      memoryMapping: (domid, _, mfn, count) => right.memoryMapping(domid, mfn, mfn, count),
    }),
  ),
  domctl('libxl-forgets-agent-id', 'libxl does not hand the agent id to Xen, which takes 0.', right => ({
    createDomain: config => right.createDomain({ ...config, sciAgentId: 0 }),
  })),
  domctl(
    'libxl-forgets-sci-type',
    'libxl does not hand the type of arm_sci to Xen, which takes none.',
    right => ({
      createDomain: config => right.createDomain({ ...config, sciType: 'none' }),
    }),
  ),
  domctl(
    'libxl-leaves-half-made-domain',
    'libxl does not destroy a domain that it could not build.',
    right => {
      const failed = new Set<number>();
      const noted = (domid: number, rc: number) => {
        if (rc < 0) failed.add(domid);
        return rc;
      };
      return {
        iomemPermission: (domid, first, count, allow) =>
          noted(domid, right.iomemPermission(domid, first, count, allow)),
        memoryMapping: (domid, gfn, mfn, count) => noted(domid, right.memoryMapping(domid, gfn, mfn, count)),
        destroyDomain: domid => (failed.has(domid) ? 0 : right.destroyDomain(domid)),
      };
    },
  ),
  domctl('libxl-destroys-nothing', 'libxl forgets a domain without asking Xen to destroy it.', () => ({
    destroyDomain: () => 0,
  })),
  domctl(
    'libxl-ignores-failed-destruction',
    'libxl does not look at what Xen answers to a destruction.',
    right => ({
      destroyDomain: domid => {
        right.destroyDomain(domid);
        return 0;
      },
    }),
  ),
  {
    ...domctl(
      'xen-permits-any-page',
      'Dom0 may pass on pages that it may not access itself.',
      (right, domains) => ({
        iomemPermission: (domid, first, count, allow) => {
          if (allow) domains.get(0)?.iomem.add(first, first + count - 1);
          return right.iomemPermission(domid, first, count, allow);
        },
      }),
    ),
    part: 'xen',
  },
  {
    ...domctl(
      'xen-maps-one-page-more',
      'The page behind those that are asked for is mapped too, whosever it is.',
      (right, domains) => ({
        memoryMapping: (domid, gfn, mfn, count) => {
          const rc = right.memoryMapping(domid, gfn, mfn, count);
          if (rc === 0) domains.get(domid)?.map(gfn + count, mfn + count, 1);
          return rc;
        },
      }),
    ),
    part: 'xen',
  },
];

function armSci(name: string, words: string, read: (text: string) => ArmSci | ArmSciProblem): Mutant {
  return { name, part: 'toolstack', words, deviations: { armSci: read } };
}

type Domains = Parameters<NonNullable<Mutant['deviations']['domctl']>>[1]['domains'];

function domctl(
  name: string,
  words: string,
  other: (right: Domctl, domains: Domains) => Partial<Domctl>,
): Mutant {
  return {
    name,
    part: 'toolstack',
    words,
    deviations: {
      domctl: (right, { domains }) => ({
        iommuEnabled: right.iommuEnabled,
        commandLine: right.commandLine,
        couldFree: bytes => right.couldFree(bytes),
        setPagingMempool: (domid, bytes) => right.setPagingMempool(domid, bytes),
        populate: (domid, bytes) => right.populate(domid, bytes),
        createDomain: config => right.createDomain(config),
        iomemPermission: (domid, first, count, allow) => right.iomemPermission(domid, first, count, allow),
        memoryMapping: (domid, gfn, mfn, count) => right.memoryMapping(domid, gfn, mfn, count),
        assignDevice: (domid, path) => right.assignDevice(domid, path),
        destroyDomain: domid => right.destroyDomain(domid),
        ...other(right, domains),
      }),
    },
  };
}

function outOfRange(agentId: number): ArmSciProblem {
  const problem = `An invalid ARM_SCI agent_id specified (${agentId}). Valid range [0..254]`;
  return { rule: 'xl.arm-sci.agent-id', problem };
}
