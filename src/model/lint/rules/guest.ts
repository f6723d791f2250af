/** Rules about a domain beside Dom0: its SCMI node, its page, its devices. */
import { nodeReg } from '../../dt/address.ts';
import type { Entry } from '../agent-list.ts';
import type { Configuration } from '../configuration.ts';
import { type Domain, type Mapping, pageSize, type PartialTree } from '../domains.ts';
import { document, hex, type Rule } from '../rule.ts';
import { isManaged, receives } from './access-controllers.ts';

export const guestRules: readonly Rule[] = [
  {
    id: 'sci-guest-agent-unlisted',
    severity: 'error',
    title: 'A domain asks for an agent that is not listed',
    consequence: 'Xen refuses it (-2): xl fails, and a dom0less domain is a panic.',
    hint: 'Add the agent to `scmi-secondary-agents`, or ask for a listed one.',
    documented: ['D4', document.xlConfig, document.booting],
    shows: ['smc-multiagent.acquire-failed', 'libxl.create.refused', 'dom0less.create-failed'],
    *check(configuration) {
      const { entries, management, list, firmware } = configuration;
      if (!configuration.isProbed || entries.length === 0 || (list.cells === 2 && firmware === null)) return;
      for (const { name, agentId, entry, place } of configuration.domains) {
        if (agentId === undefined || entry !== undefined || agentId === management?.agentId) continue;
        yield {
          place,
          message: `${name} asks for agent ${agentId}, and the list has ${idsOf(configuration)}`,
        };
      }
    },
  },
  {
    id: 'sci-guest-is-management',
    severity: 'error',
    title: "A domain asks for Xen's own agent",
    consequence: 'The channel is taken, by Xen (-17): xl fails, and a dom0less domain is a panic.',
    hint: 'Ask for a listed agent.',
    documented: ['D2', document.driver],
    shows: ['smc-multiagent.acquire-failed', 'libxl.create.refused', 'dom0less.create-failed'],
    *check(configuration) {
      const { management } = configuration;
      if (!configuration.isProbed || management?.agentId === undefined) return;
      for (const { name, agentId, entry, place } of configuration.domains) {
        if (agentId !== management.agentId || entry?.listedId !== undefined) continue;
        yield { place, message: `${name} asks for agent ${agentId}, which is Xen's` };
      }
    },
  },
  {
    id: 'sci-guest-agent-taken',
    severity: 'error',
    title: 'A domain asks for the agent of Dom0 or of a dom0less domain',
    consequence:
      'The channel is taken (-17) for as long as that domain lives: xl fails, and a dom0less domain is a panic.',
    hint: 'Give each domain an agent of its own.',
    documented: ['v11-T4', document.xlConfig, document.booting],
    shows: ['smc-multiagent.acquire-failed', 'libxl.create.refused', 'dom0less.create-failed'],
    *check(configuration) {
      const { dom0, dom0lessDomains, domains } = configuration;
      if (!configuration.isProbed) return;
      for (const [index, { name, agentId, entry, place }] of domains.entries()) {
        if (entry === undefined) continue;
        const others = dom0lessDomains.filter(other => domains.indexOf(other) < index);
        const holder =
          dom0.exists && dom0.agentId === agentId
            ? 'Dom0'
            : others.find(other => other.agentId === agentId)?.name;
        if (holder === undefined) continue;
        yield { place, message: `${name} asks for agent ${agentId}, which ${holder} holds` };
      }
    },
  },
  {
    id: 'sci-guest-agent-shared',
    severity: 'warning',
    title: 'Two guests of the toolstack ask for one agent',
    consequence:
      'While the one lives xl cannot create the other (-17), nor before `scmi: Free domain` was printed of it.',
    hint: 'Give each guest an agent of its own, unless they are never to live at once.',
    documented: ['v11-T4', document.xlConfig],
    shows: ['smc-multiagent.acquire-failed', 'libxl.create.refused'],
    *check(configuration) {
      const { xlGuests } = configuration;
      if (!configuration.isProbed) return;
      for (const [index, { name, agentId, entry, place }] of xlGuests.entries()) {
        const other = xlGuests.slice(0, index).find(each => each.agentId === agentId);
        if (entry === undefined || other === undefined || other.name === name) continue;
        yield { place, message: `${name} and ${other.name} ask for agent ${agentId}` };
      }
    },
  },
  {
    id: 'sci-guest-no-node',
    severity: 'warning',
    title: 'A domain has an agent, and no SCMI node in its partial tree',
    consequence: 'The domain holds the channel, and its Linux does not probe SCMI.',
    hint: 'Give it a partial tree with an enabled `arm,scmi-smc` node below /passthrough.',
    documented: ['D12', 'D21', document.scmi],
    *check(configuration) {
      for (const { name, place, partial, kind } of served(configuration)) {
        if (partial?.scmi !== undefined) continue;
        // A tree that is named but was not given to lint may be as it should.
        if (partial === undefined && isTreeUnknown(configuration, name)) continue;
        const what = partial === undefined ? 'no partial tree' : 'a partial tree without arm,scmi-smc node';
        yield { place, message: `${name} (${kind}) has ${what}` };
      }
    },
  },
  {
    id: 'sci-guest-function-id',
    severity: 'error',
    title: "A guest's `arm,smc-id` is not that of its agent",
    consequence: 'Each of its calls is `Unhandled SMC/HVC`, and its SCMI probe fails.',
    hint: "Write the function id that the list has for the guest's agent.",
    documented: ['D21', document.scmi],
    shows: ['vsmc.unhandled', 'linux.scmi.no-answer'],
    *check(configuration) {
      for (const { name, entry, partial } of served(configuration)) {
        const node = partial?.scmi;
        const functionId = node?.u32('arm,smc-id');
        if (partial === undefined || node === undefined || functionId === entry.functionId) continue;
        const written = functionId === undefined ? 'absent' : hex(functionId);
        yield {
          place: partial.at(node, 'arm,smc-id'),
          message: `it is ${written}, and agent ${entry.agentId} of ${name} has ${hex(entry.functionId)}`,
        };
      }
    },
  },
  {
    id: 'sci-guest-page-node',
    severity: 'error',
    title: "A guest's SCMI node has no usable `shmem`",
    consequence: 'Linux in the guest cannot set up the channel, and its SCMI probe fails.',
    hint: 'Let `shmem` name a node below /passthrough that is compatible `arm,scmi-shmem` and whose `reg` translates (`ranges`).',
    documented: ['D21', document.scmi],
    shows: ['linux.scmi.no-channel'],
    *check(configuration) {
      for (const { partial } of served(configuration)) {
        if (partial?.scmi === undefined) continue;
        const message = whyNoPage(partial);
        if (message !== undefined) yield { place: partial.at(partial.scmi, 'shmem'), message };
      }
    },
  },
  {
    id: 'sci-guest-page-missing',
    severity: 'error',
    title: "Nothing is mapped where a guest's page is said to be",
    consequence: 'The guest takes a data abort when its Linux probes SCMI.',
    hint: "Map the agent's page there: `iomem` of xl, `xen,reg` and `xen,force-assign-without-iommu` in a dom0less partial tree.",
    documented: ['D20', 'D22', document.scmi],
    shows: ['traps.guest-abort', 'linux.scmi.abort'],
    *check(configuration) {
      for (const domain of served(configuration)) {
        const { name, partial, mappings, page } = domain;
        const address = partial?.shmemAddress;
        if (partial?.shmem === undefined || address === undefined || mapped(domain, address)) continue;
        // The agent's page mapped elsewhere is another mistake.
        if (mappings.some(each => includes(each, page))) continue;
        yield {
          place: domain.kind === 'xl' ? domain.at('iomem') : partial.at(partial.shmem, 'xen,reg'),
          message: `${name} looks for its page at ${hex(address)}, where nothing is mapped`,
        };
      }
    },
  },
  {
    id: 'sci-guest-page-place',
    severity: 'error',
    title: "The agent's page is mapped elsewhere than the guest's SCMI node says",
    consequence:
      'The guest looks where nothing, or something else, is: a data abort, or a channel that never answers.',
    hint: 'Make the guest address of the mapping and `reg` of the `arm,scmi-shmem` node one.',
    documented: ['D20', 'D21', document.scmi],
    shows: ['traps.guest-abort', 'linux.scmi.abort'],
    *check(configuration) {
      for (const domain of served(configuration)) {
        const { name, partial, mappings, page } = domain;
        const address = partial?.shmemAddress;
        const mapping = mappings.find(each => includes(each, page));
        if (address === undefined || mapping === undefined || mapped(domain, address)) continue;
        yield {
          place: mapping.place,
          message: `${name} has the page of its agent at ${hex(mapping.guest)}, and looks for it at ${hex(address)}`,
        };
      }
    },
  },
  {
    id: 'sci-guest-other-page',
    severity: 'error',
    title: "The page that is mapped for a guest's SCMI is not its agent's",
    consequence:
      'xl is refused the permission (or, for a page that a domain had before, it is given silently); a guest that gets it talks through the page of another agent, and is never answered.',
    hint: "Map the page that the list has for the guest's agent.",
    documented: ['D20', 'D22', 'v10-5', document.scmi, document.xlConfig],
    shows: ['libxl.iomem.refused', 'linux.scmi.channel-busy', 'linux.scmi.no-answer'],
    *check(configuration) {
      for (const domain of served(configuration)) {
        const { name, partial, entry, page: expected } = domain;
        const address = partial?.shmemAddress ?? onlyPage(domain);
        const mapping = address === undefined ? undefined : mapped(domain, address);
        if (address === undefined || mapping === undefined || expected === undefined) continue;
        const machine = mapping.machine + address - mapping.guest;
        if (machine === expected) continue;
        yield {
          place: mapping.place,
          message: `${name} is given ${ownerOf(configuration, machine)}, and its agent ${entry.agentId} has ${hex(expected)}`,
        };
      }
    },
  },
  {
    id: 'sci-guest-more-pages',
    severity: 'warning',
    title: 'A guest is given the page of another channel beside its own',
    consequence:
      'xl is refused the permission until some domain has had that page; then the guest can read and forge the messages of the other.',
    hint: 'Map one page.',
    documented: ['D20', 'v10-5', document.xlConfig],
    shows: ['libxl.iomem.refused'],
    *check(configuration) {
      for (const domain of served(configuration)) {
        const { name, mappings, page } = domain;
        if (!mappings.some(each => includes(each, page))) continue;
        for (const mapping of mappings) {
          const others = channels(configuration).filter(
            ({ address }) => address !== page && includes(mapping, address),
          );
          if (others.length === 0) continue;
          const words = others.map(({ whose, address }) => `${hex(address)} of ${whose}`).join(', ');
          yield { place: mapping.place, message: `${name} is also given ${words}` };
        }
      }
    },
  },
  {
    id: 'sci-guest-without-agent',
    severity: 'error',
    title: 'A guest has an SCMI node or a page, but asks for no agent',
    consequence:
      'xl is refused the permission for the page; a guest that is built all the same has every call of SCMI refused.',
    hint: 'Add `arm_sci = "type=scmi_smc_multiagent,agent_id=N"`, or `xen,sci_type` and `xen,sci-agent-id`.',
    documented: ['D22', 'v11-T3', document.xlConfig, document.booting],
    shows: ['libxl.iomem.refused', 'vsmc.unhandled', 'linux.scmi.no-answer'],
    *check(configuration) {
      const { isMultiAgent, domains } = configuration;
      if (!isMultiAgent || configuration.entries.length === 0) return;
      for (const domain of domains) {
        if (domain.sciType !== 'none' || isRefused(domain)) continue;
        const isGivenPage = domain.mappings.some(each =>
          channels(configuration).some(({ address }) => includes(each, address)),
        );
        if (!isGivenPage && domain.partial?.scmi === undefined) continue;
        const what = isGivenPage ? 'is given the page of a channel' : 'has an SCMI node';
        yield {
          place: domain.kind === 'xl' ? domain.place : { node: domain.node.path, property: 'xen,sci_type' },
          message: `${domain.name} ${what}, and asks for no agent`,
        };
      }
    },
  },
  {
    id: 'sci-dtdev-missing',
    severity: 'warning',
    title: 'A device under SCMI management is passed through, but Xen is not told',
    consequence:
      'Its registers are the guest’s and its permission is not set: firmware refuses the clocks and resets that go with it.',
    hint: 'List the device in `dtdev`; in a dom0less partial tree give its node `xen,path`.',
    documented: ['D18', 'D19', 'D23', document.xlConfig],
    *check(configuration) {
      for (const domain of served(configuration)) {
        for (const device of configuration.devices) {
          const mapping = domain.mappings.find(each =>
            device.ranges.some(
              ({ address, size }) => each.machine < address + size && address < each.machine + each.size,
            ),
          );
          if (mapping === undefined || !isManaged(device) || receives(domain, device)) continue;
          yield {
            place: mapping.place,
            message: `${domain.name} is given ${device.node.path}, which has access-controllers`,
          };
        }
      }
    },
  },
];

/** Domains that ask for a listed agent, with its entry and the address of the page that is to be theirs. */
export function served(configuration: Configuration) {
  if (!configuration.isProbed) return [];
  return configuration.domains.flatMap(domain =>
    domain.entry === undefined
      ? []
      : [{ ...domain, entry: domain.entry, page: pageOf(configuration, domain, domain.entry) }],
  );
}

/** xl can only give the page that Xen has for the agent; what Xen builds is given any, so that firmware decides. */
function pageOf(configuration: Configuration, { kind }: Domain, entry: Entry): number | undefined {
  return kind === 'xl' ? entry.page?.address : configuration.pageReadFor(entry);
}

function isTreeUnknown({ xlGuests, dom0lessDomains }: Configuration, name: string): boolean {
  const guest = xlGuests.find(each => each.name === name);
  const domain = dom0lessDomains.find(each => each.name === name);
  return (
    guest?.settings?.deviceTree !== undefined ||
    (domain?.node.children.some(child => child.isCompatible('multiboot,device-tree')) ?? false)
  );
}

/** Whether another rule says that the domain is not built at all. */
function isRefused(domain: Domain): boolean {
  if (domain.kind === 'xl') return domain.settings === undefined;
  return domain.node.has('xen,sci_type') && domain.node.string('xen,sci_type') !== 'none';
}

function mapped({ mappings }: Pick<Domain, 'mappings'>, guest: number): Mapping | undefined {
  return mappings.find(each => guest >= each.guest && guest < each.guest + each.size);
}

/** Guest address of the only page that is mapped, where the partial tree is not known. */
function onlyPage({ mappings, partial }: Pick<Domain, 'mappings' | 'partial'>): number | undefined {
  const [only] = mappings;
  if (partial !== undefined || mappings.length !== 1 || only?.size !== pageSize) return undefined;
  return only.guest;
}

function includes({ machine, size }: Mapping, address: number | undefined): boolean {
  return address !== undefined && address >= machine && address < machine + size;
}

/** Pages of all channels, Xen's included. */
export function channels({
  entries,
  management,
}: Configuration): { readonly address: number; readonly whose: string }[] {
  const all = [
    { address: management?.page?.address, whose: 'Xen' },
    ...entries.map(({ page, agentId }) => ({ address: page?.address, whose: `agent ${agentId ?? '?'}` })),
  ];
  return all.flatMap(({ address, whose }) => (address === undefined ? [] : [{ address, whose }]));
}

function ownerOf(configuration: Configuration, machine: number): string {
  const owner = channels(configuration).find(({ address }) => address === machine);
  return owner === undefined ? hex(machine) : `the page of ${owner.whose} (${hex(machine)})`;
}

function whyNoPage({ scmi, shmem, shmemAddress }: PartialTree): string | undefined {
  if (scmi?.has('shmem') !== true) return 'shmem is missing';
  if (shmem === undefined) return 'shmem names no node below /passthrough';
  if (!shmem.isCompatible('arm,scmi-shmem')) return `${shmem.path} is not compatible arm,scmi-shmem`;
  if (shmemAddress === undefined) return `the address of ${shmem.path} does not translate`;
  const reg = nodeReg(shmem);
  return reg.ok && reg.size === 0 ? `the size of ${shmem.path} is 0` : undefined;
}

function idsOf({ entries }: Configuration): string {
  return entries.map(({ agentId }) => agentId ?? '?').join(', ');
}
