/** The list of agents: `scmi-secondary-agents` of the container. */
import type { Entry } from '../agent-list.ts';
import type { Configuration } from '../configuration.ts';
import { pageSize } from '../domains.ts';
import type { Place } from '../finding.ts';
import { document, hex, type Problem, type Rule } from '../rule.ts';

export const agentRules: readonly Rule[] = [
  {
    id: 'sci-list-missing',
    severity: 'error',
    title: '`scmi-secondary-agents` is missing',
    consequence: 'The probe fails with -EINVAL: there is no mediator, for Dom0 neither.',
    hint: 'List function id, page and agent id of each agent that a domain may have.',
    documented: ['D4', 'v6-1', document.booting],
    shows: ['smc-multiagent.collect.no-list'],
    *check(configuration) {
      if (!configuration.isProbed || configuration.list.length !== undefined) return;
      yield { place: placeOf(configuration), message: 'the container has no scmi-secondary-agents' };
    },
  },
  {
    id: 'sci-list-cells',
    severity: 'error',
    title: '`#scmi-secondary-agents-cells` is neither 2 nor 3',
    consequence: 'The probe fails with -EINVAL: there is no mediator.',
    hint: 'Set it to 3 (function id, page, agent id), or to 2 where firmware is to be asked for the ids.',
    documented: ['D5', document.booting],
    shows: ['smc-multiagent.collect.cells'],
    *check(configuration) {
      const { cells, length } = configuration.list;
      if (!configuration.isProbed || length === undefined || cells === 2 || cells === 3) return;
      yield { place: placeOf(configuration, '#scmi-secondary-agents-cells'), message: `it is ${cells}` };
    },
  },
  {
    id: 'sci-list-length',
    severity: 'error',
    title: '`scmi-secondary-agents` is empty or no whole number of entries',
    consequence: 'The probe fails with -EINVAL: there is no mediator.',
    hint: 'Give every entry as many cells as `#scmi-secondary-agents-cells` says (3 where it is absent).',
    documented: ['D4', 'D5', document.booting],
    shows: ['smc-multiagent.collect.length'],
    *check(configuration) {
      const { cells, length } = configuration.list;
      if (!configuration.isProbed || length === undefined || (cells !== 2 && cells !== 3)) return;
      if (length > 0 && length % (cells * 4) === 0) return;
      yield {
        place: placeOf(configuration),
        message:
          length === 0
            ? 'the list is empty'
            : `the list has ${length} bytes, and an entry of ${cells} cells has ${cells * 4}`,
      };
    },
  },
  {
    id: 'sci-list-other-cells',
    severity: 'error',
    title: 'The list is written with another number of cells than it is read with',
    consequence: 'Cells are taken for phandles that are none: the probe fails, there is no mediator.',
    hint: 'Make `#scmi-secondary-agents-cells` and the list agree; it is 3 where it is absent.',
    documented: ['D5', document.booting],
    shows: ['smc-multiagent.collect.no-shmem-node', 'smc-multiagent.collect.no-address'],
    *check(configuration) {
      if (!configuration.isProbed || !configuration.list.isMisread) return;
      const { cells } = configuration.list;
      yield {
        place: placeOf(configuration),
        message: `read with ${cells} cells an entry its phandles mean nothing, read with ${5 - cells} they do`,
      };
    },
  },
  {
    id: 'sci-list-phandle',
    severity: 'error',
    title: 'An entry of the list names a page that is not there',
    consequence: 'The probe fails with -EINVAL at this entry: there is no mediator.',
    hint: 'Refer to the `arm,scmi-shmem` node by its label.',
    documented: ['D4', document.booting],
    shows: ['smc-multiagent.collect.no-shmem-node'],
    *check(configuration) {
      if (!configuration.isProbed) return;
      for (const entry of configuration.entries.filter(({ page }) => page === undefined)) {
        yield at(configuration, entry, `phandle ${hex(entry.phandle)} means no node`);
      }
    },
  },
  {
    id: 'sci-duplicate-agent',
    severity: 'error',
    title: 'An agent id is listed twice',
    consequence: 'The second entry is refused with -EEXIST and the probe fails: there is no mediator.',
    hint: 'Give each agent one entry.',
    documented: ['D4', document.driver],
    shows: ['smc-multiagent.collect.duplicate-agent'],
    *check(configuration) {
      for (const [first, entry] of repeated(configuration, ({ listedId }) => listedId)) {
        yield at(configuration, entry, `agent ${entry.listedId} is that of entry ${first.index} already`);
      }
    },
  },
  {
    id: 'sci-management-agent-listed',
    severity: 'error',
    title: "Xen's own agent id is listed",
    consequence:
      "Xen's own channel has that id already: the entry is refused with -EEXIST, there is no mediator.",
    hint: "Leave Xen's agent out of the list.",
    documented: ['D2', document.driver],
    shows: ['smc-multiagent.collect.duplicate-agent'],
    *check(configuration) {
      const { management, entries } = configuration;
      if (!configuration.isProbed || management?.agentId === undefined) return;
      for (const entry of entries.filter(({ listedId }) => listedId === management.agentId)) {
        const message = `firmware has agent ${entry.listedId} on ${management.node.path}, Xen's own channel`;
        yield at(configuration, entry, message);
      }
    },
  },
  {
    id: 'sci-management-channel-listed',
    severity: 'warning',
    title: "Xen's own channel is handed out",
    consequence:
      'Xen accepts it. The domain that gets this entry speaks to firmware as Xen does, with its privileges.',
    hint: 'Give the domain a function id and a page of its own.',
    documented: ['D2', 'D25', 'R1', 'R2', document.driver],
    *check(configuration) {
      const { management, entries } = configuration;
      if (!configuration.isProbed || management === undefined) return;
      for (const entry of entries) {
        if (entry.listedId !== undefined && entry.listedId === management.agentId) continue;
        const sameId = entry.functionId === management.functionId;
        const address = management.page?.address;
        const samePage = address !== undefined && entry.page?.address === address;
        if (!sameId && !samePage) continue;
        const what = [sameId ? `function id ${hex(entry.functionId)}` : '', samePage ? 'the page' : ''];
        const shared = what.filter(each => each !== '').join(' and ');
        yield at(configuration, entry, `${shared} of Xen's own channel`);
      }
    },
  },
  {
    id: 'sci-shared-function-id',
    severity: 'warning',
    title: 'Two entries have one function id',
    consequence:
      'Xen accepts both. Two domains then are one agent to firmware, with each other’s permissions.',
    hint: "Give each entry its agent's own function id.",
    documented: ['D1', 'D25', document.driver],
    *check(configuration) {
      for (const [first, entry] of repeated(configuration, ({ functionId }) => functionId)) {
        if (first.listedId !== undefined && first.listedId === entry.listedId) continue;
        yield at(
          configuration,
          entry,
          `${hex(entry.functionId)} is the function id of entry ${first.index} already`,
        );
      }
    },
  },
  {
    id: 'sci-shared-page',
    severity: 'warning',
    title: 'Two entries share a page',
    consequence: 'Xen accepts both. Two domains read and overwrite each other’s messages.',
    hint: "Give each entry its agent's own page, one page long.",
    documented: ['D1', document.driver],
    *check(configuration) {
      if (!configuration.isProbed) return;
      for (const [index, entry] of configuration.entries.entries()) {
        const other = configuration.entries.slice(0, index).find(each => overlap(each, entry));
        // One function id, or agent, twice is one mistake, with a rule of its own.
        if (other === undefined || other.functionId === entry.functionId) continue;
        if (other.listedId !== undefined && other.listedId === entry.listedId) continue;
        yield at(
          configuration,
          entry,
          `${entry.page?.node.path} overlaps ${other.page?.node.path} of entry ${other.index}`,
        );
      }
    },
  },
  {
    id: 'sci-agent-id-unusable',
    severity: 'warning',
    title: 'A listed agent id is above 254',
    consequence:
      'The entry is accepted, and no domain can ever ask for it: 255 stands for none, and the field has 8 bits.',
    hint: "Use firmware's id of the agent, 0 to 254.",
    documented: ['v8-2', document.driver],
    *check(configuration) {
      if (!configuration.isProbed) return;
      for (const entry of configuration.entries) {
        if (entry.listedId === undefined || entry.listedId < 255 || entry.page === undefined) continue;
        yield at(configuration, entry, `agent id ${entry.listedId}`);
      }
    },
  },
  {
    id: 'sci-channel-not-in-firmware',
    severity: 'warning',
    title: 'A listed function id is no channel of the firmware',
    consequence:
      'With three cells nothing checks it: the agent can be given to a domain, none of whose calls is answered.',
    hint: "Use the function ids of the firmware's agents, or another firmware.",
    documented: ['D1', 'D6', document.driver],
    *check(configuration) {
      const { firmware, list } = configuration;
      if (!configuration.isProbed || firmware === null || list.cells !== 3) return;
      for (const entry of configuration.entries) {
        if (entry.page === undefined || firmware.byFunctionId(entry.functionId) !== undefined) continue;
        yield at(configuration, entry, `${firmware.profile.name} has no channel ${hex(entry.functionId)}`);
      }
    },
  },
  {
    id: 'sci-agent-of-other-channel',
    severity: 'warning',
    title: 'A listed agent id is not the one that firmware has for the channel',
    consequence: 'Nothing checks it: permissions are set for one agent, and the domain speaks as another.',
    hint: 'Correct the id, or leave out the ids (`#scmi-secondary-agents-cells = <2>`) so that firmware is asked.',
    documented: ['D5', 'D6', 'D25', document.driver],
    *check(configuration) {
      const { firmware, management } = configuration;
      if (!configuration.isProbed || firmware === null) return;
      for (const entry of configuration.entries) {
        const agent = firmware.byFunctionId(entry.functionId);
        if (agent === undefined || entry.listedId === undefined || agent.id === entry.listedId) continue;
        if (entry.listedId === management?.agentId || entry.functionId === management?.functionId) continue;
        if (entry.listedId > 254 || isRepeated(configuration, entry)) continue;
        const message = `agent ${entry.listedId} is listed, firmware has agent ${agent.id} on ${hex(entry.functionId)}`;
        yield at(configuration, entry, message);
      }
    },
  },
  {
    id: 'sci-page-of-other-channel',
    severity: 'warning',
    title: 'A listed page is not the one that firmware reads for the function id',
    consequence:
      'With three cells nothing checks it: firmware answers in another page, and the domain times out or reads rubbish.',
    hint: 'Put function id and page of one agent into one entry.',
    documented: ['D1', 'D6', document.driver],
    *check(configuration) {
      if (configuration.list.cells !== 3) return;
      for (const [entry, message] of misplacedPages(configuration)) yield at(configuration, entry, message);
    },
  },
  {
    id: 'sci-undiscoverable-channel',
    severity: 'error',
    title: 'Firmware cannot be asked for the id of a channel',
    consequence: 'The discovery of this entry fails, and with it the probe: there is no mediator.',
    hint: 'Put function id and page of one agent of the firmware into the entry.',
    documented: ['D5', 'v6-4', document.driver],
    shows: ['smc-multiagent.response'],
    *check(configuration) {
      const { firmware, list } = configuration;
      if (!configuration.isProbed || firmware === null || list.cells !== 2) return;
      for (const entry of configuration.entries) {
        if (entry.page === undefined || firmware.byFunctionId(entry.functionId) !== undefined) continue;
        yield at(configuration, entry, `${firmware.profile.name} has no channel ${hex(entry.functionId)}`);
      }
      for (const [entry, message] of misplacedPages(configuration)) yield at(configuration, entry, message);
    },
  },
];

function placeOf({ container }: Configuration, property = 'scmi-secondary-agents'): Place {
  return { ...(container === undefined ? {} : { node: container.path }), property };
}

function at(configuration: Configuration, { index, functionId }: Entry, message: string): Problem {
  return { place: placeOf(configuration), message: `entry ${index} (${hex(functionId)}): ${message}` };
}

/** Entries that have a value of an earlier one, each with that. */
function* repeated(
  configuration: Configuration,
  value: (entry: Entry) => number | undefined,
): Generator<readonly [first: Entry, entry: Entry]> {
  if (!configuration.isProbed) return;
  const seen = new Map<number, Entry>();
  for (const entry of configuration.entries) {
    const key = value(entry);
    if (key === undefined) continue;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, entry);
    else yield [first, entry];
  }
}

function isRepeated({ entries }: Configuration, entry: Entry): boolean {
  return entries.some(
    each => each !== entry && (each.functionId === entry.functionId || each.listedId === entry.listedId),
  );
}

function overlap({ page: a }: Entry, { page: b }: Entry): boolean {
  if (a?.address === undefined || b?.address === undefined) return false;
  // An address that is not aligned is refused for that.
  if (a.address % pageSize !== 0 || b.address % pageSize !== 0) return false;
  return a.address < b.address + Math.max(b.size ?? 0, 1) && b.address < a.address + Math.max(a.size ?? 0, 1);
}

function* misplacedPages(configuration: Configuration): Generator<readonly [Entry, string]> {
  const { firmware, management } = configuration;
  if (!configuration.isProbed || firmware === null) return;
  for (const entry of configuration.entries) {
    const agent = firmware.byFunctionId(entry.functionId);
    const address = entry.page?.address;
    if (agent === undefined || address === undefined || address === agent.shmem) continue;
    const isOtherMistake =
      address === 0 ||
      address % pageSize !== 0 ||
      address === management?.page?.address ||
      entry.functionId === management?.functionId ||
      isSharedPage(configuration, entry);
    if (isOtherMistake) continue;
    const path = entry.page?.node.path ?? '';
    yield [entry, `${path} is at ${hex(address)}, firmware reads ${hex(agent.shmem)} for it`];
  }
}

function isSharedPage({ entries }: Configuration, entry: Entry): boolean {
  return entries.some(each => each !== entry && overlap(each, entry));
}
