/** Bugs of the EL3 firmware's SCMI server. */
import type { FirmwareProfile } from '../../model/scmi/profile.ts';
import { fail, type Reply, type Request, type Server, succeed } from '../../model/scmi/protocol.ts';
import { protocolId } from '../../model/scmi/protocol-ids.ts';
import { wordsOfText } from '../../model/scmi/shared-memory.ts';
import { status } from '../../model/scmi/status.ts';
import type { Mutant } from './mutant.ts';

export const firmwareMutants: readonly Mutant[] = [
  answering('fw-anyone-configures', 'Any agent may use the permission messages.', (server, request, right) =>
    right({ ...server, privilegedAgent: request.agent }, request),
  ),
  answering('fw-nobody-configures', 'No agent may use the permission messages.', (server, request, right) =>
    right({ ...server, privilegedAgent: null }, request),
  ),
  answering(
    'fw-fills-up-messages',
    'A message of Base that is too short is filled up with zeroes and answered, where PROTOCOL_ERROR is right.',
    (server, request, right) => {
      const reply = right(server, request);
      if (request.protocol !== protocolId.base || reply.status !== status.PROTOCOL_ERROR) return reply;
      return right(server, { ...request, size: 4, words: [0] });
    },
  ),
  answering(
    'fw-reset-leaves-permissions',
    'RESET_AGENT_CONFIGURATION succeeds and leaves the permissions of the agent behind.',
    (server, request, right) => {
      const [agent = 0] = request.words;
      return right(server, isBase(request, 0xb) ? { ...request, words: [agent, 0] } : request);
    },
  ),
  answering('fw-reset-refused', 'RESET_AGENT_CONFIGURATION answers DENIED.', (server, request, right) =>
    isBase(request, 0xb) ? fail(status.DENIED) : right(server, request),
  ),
  answering(
    'fw-permission-forgotten',
    'SET_DEVICE_PERMISSIONS succeeds and changes nothing.',
    (server, request, right) => {
      const isKnown = server.profile.devices.some(({ id }) => id === request.words[1]);
      return isBase(request, 0x9) && isKnown && request.agent === server.privilegedAgent
        ? succeed()
        : right(server, request);
    },
  ),
  answering(
    'fw-never-denies',
    'A device that belongs to another agent is given away, where DENIED is the answer.',
    (server, request, right) => {
      const reply = right(server, request);
      return isBase(request, 0x9) && reply.status === status.DENIED ? succeed() : reply;
    },
  ),
  answering(
    'fw-takes-any-device',
    'SET_DEVICE_PERMISSIONS succeeds for devices that the firmware does not know.',
    (server, request, right) => {
      const reply = right(server, request);
      const isRefused = reply.status === status.INVALID_PARAMETERS || reply.status === status.NOT_FOUND;
      return isBase(request, 0x9) && isRefused ? succeed() : reply;
    },
  ),
  answering(
    'fw-names-another-agent',
    'DISCOVER_AGENT answers the name of the next agent.',
    (server, request, right) => {
      const reply = right(server, request);
      const [id = 0] = reply.words;
      const next = server.profile.agents.find(agent => agent.id === id + 1)?.name ?? 'nobody';
      const isName = isBase(request, 0x7) && reply.status === status.SUCCESS;
      return isName ? succeed(id, ...wordsOfText(next)) : reply;
    },
  ),
  answering(
    'fw-discovers-another-agent',
    'DISCOVER_AGENT of the caller itself answers the id of the next agent.',
    (server, request, right) => {
      const isOwn = isBase(request, 0x7) && request.words[0] === 0xffff_ffff;
      return right(server, isOwn ? { ...request, words: [request.agent + 1] } : request);
    },
  ),
  answering(
    'fw-miscounts-agents',
    'PROTOCOL_ATTRIBUTES of Base counts one agent too many.',
    altering(isBaseAttributes, ([attributes = 0]) => [attributes + 0x100]),
  ),
  answering(
    'fw-hides-protocols',
    'DISCOVER_LIST_PROTOCOLS leaves the last protocol out.',
    altering(
      request => isBase(request, 0x6),
      ([count = 0, ...ids]) => [Math.max(0, count - 1), ...ids],
    ),
  ),
  answering(
    'fw-without-vendor',
    'DISCOVER_VENDOR answers an empty name.',
    altering(
      request => isBase(request, 0x3),
      () => [0, 0, 0, 0],
    ),
  ),
  answering(
    'fw-base-version-1',
    'PROTOCOL_VERSION of Base answers 1.0.',
    altering(
      request => isBase(request, 0x0),
      () => [0x1_0000],
    ),
  ),
  answering(
    'fw-one-clock-too-few',
    'PROTOCOL_ATTRIBUTES of Clock counts one clock too few.',
    altering(
      request => request.protocol === protocolId.clock && request.message === 0x1,
      ([count = 0]) => [Math.max(0, count - 1)],
    ),
  ),
  answering(
    'fw-next-clocks-rate',
    'RATE_GET of Clock answers the rate of the next clock.',
    (server, request, right) => {
      const isRate = request.protocol === protocolId.clock && request.message === 0x6;
      return right(server, isRate ? { ...request, words: [(request.words[0] ?? 0) + 1] } : request);
    },
  ),
  profiled('fw-everything-for-everybody', 'Every agent may use every resource.', profile => ({
    ...profile,
    permissions: 'none',
  })),
  profiled('fw-privileged-agent-off-by-one', 'The agent after the right one is privileged.', profile => ({
    ...profile,
    privilegedAgent: (profile.privilegedAgent ?? -1) + 1,
  })),
  profiled('fw-channels-swapped', 'The pages of the second and the third agent are swapped.', profile => {
    const { agents } = profile;
    const shmem = (index: number) => agents[[0, 2, 1][index] ?? index]?.shmem ?? 0;
    return { ...profile, agents: agents.map((agent, index) => ({ ...agent, shmem: shmem(index) })) };
  }),
  {
    name: 'fw-unknown-function-id-succeeds',
    part: 'firmware',
    words: 'An SMC with a function id that no agent has returns 0.',
    deviations: { smc: right => functionId => Math.max(0, right(functionId)) },
  },
];

type Answering = (
  server: Server,
  request: Request,
  right: (server: Server, request: Request) => Reply,
) => Reply;

function answering(name: string, words: string, answer: Answering): Mutant {
  const deviations: Mutant['deviations'] = {
    answer: right => (server, request) => answer(server, request, right),
  };
  return { name, part: 'firmware', words, deviations };
}

function profiled(name: string, words: string, profile: (right: FirmwareProfile) => FirmwareProfile): Mutant {
  return { name, part: 'firmware', words, deviations: { profile } };
}

/** Changes the words of successful replies to some messages. */
function altering(
  concerns: (request: Request) => boolean,
  change: (words: readonly number[]) => readonly number[],
): Answering {
  return (server, request, right) => {
    const reply = right(server, request);
    return concerns(request) && reply.status === status.SUCCESS ? succeed(...change(reply.words)) : reply;
  };
}

function isBase({ protocol, message }: Request, id: number): boolean {
  return protocol === protocolId.base && message === id;
}

function isBaseAttributes(request: Request): boolean {
  return isBase(request, 0x1);
}
