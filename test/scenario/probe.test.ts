import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import { ConfigurationError } from '../../src/config/configuration-error.ts';
import { predict } from '../../src/model/predict/predict.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import type { Scenario } from '../../src/model/predict/scenario.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-probe-steps-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

function load(name: string, text: string): Scenario {
  const file = path.join(directory, `${name}.yaml`);
  writeFileSync(file, `schema: 1\nname: ${name}\ntitle: a test\n${text}`);
  return loadScenario(file, loadBoardType('rpi5'));
}

test('alone at EL2 the probe sends as any agent, and firmware alone decides', t => {
  const { expectations, mediator } = predict(
    load(
      'alone',
      `payload: probe
steps:
  - scmi: { in: probe, agent: xen, message: { protocol: 0x10, id: 0x9 }, payload: [2, 1, 1] }
  - scmi: { in: probe, agent: guest1, message: { protocol: 0x10, id: 0x9 }, payload: [2, 1, 1] }
  - memory: { in: probe, read: 0x40000000 }
  - smc: { in: probe, function: 0x84000000 }
statements:
  - { claims: [], words: the probe speaks for itself, step: 0, exitStatus: 0 }
`,
    ),
  );
  t.is(mediator.registered, false);
  const answers = expectations.filter(({ kind }) => kind === 'answer');
  t.true(answers.every(({ source }) => source === 'probe'));
  const [privileged, other, ...unknown] = answers.filter(({ claim }) => claim === undefined);
  t.regex(privileged?.text ?? '', /reply=0940000000000000$/);
  t.regex(other?.text ?? '', /reply=09400000fdffffff$/);
  t.deepEqual(
    unknown.map(({ pattern, reason }) => [pattern, reason.rule]),
    Array.from({ length: 2 }, () => ['', 'probe.not-predicted']),
  );
});

test("a guest's own memory holds what it has written there, and is no channel", t => {
  const { expectations } = predict(
    load(
      'own-memory',
      `guests: { guest: { probe: true } }
steps:
  - create: guest
  - memory: { in: guest, read: 0x41000004 }
  - memory: { in: guest, write: 0x41000004, values: [1] }
  - scmi: { in: guest, message: { protocol: 0x10, id: 0 }, page: 0x41000000, function: 0x8200fff0 }
  - memory: { in: guest, read: 0x41000004 }
  - scmi: { in: guest, message: { protocol: 0x10, id: 0 }, page: 0x41000000 }
  - memory: { in: guest, read: 0x40000000 }
`,
    ),
  );
  t.deepEqual(
    expectations.filter(({ source }) => source === 'probe').map(({ text }) => text.replace(/.*` /, '')),
    [
      'with ok 0x00000000',
      'with ok',
      'with ok x0=0xffffffff status=0x0 length=4 reply=00400000',
      'with ok 0x00000000',
      'with error channel busy',
      '(not predicted: what)',
    ],
  );
  const said = expectations.filter(({ source, phase }) => source === 'xen' && phase === 3);
  t.deepEqual(
    said.map(({ text }) => text),
    ['d1v0 Unhandled SMC/HVC: 0x8200fff0'],
  );
});

test('a probe acknowledges no request of xl, which gives up; it is destroyed all the same', t => {
  const { expectations } = predict(
    load(
      'requests',
      `guests: { guest: { probe: true } }
steps: [{ create: guest }, { reboot: guest }, { shutdown: guest }, { destroy: guest }]
`,
    ),
  );
  t.deepEqual(
    expectations
      .filter(({ kind }) => kind === 'answer')
      .map(({ exitStatus, reason }) => [exitStatus, reason.rule]),
    [
      [0, 'xl.create'],
      [1, 'xl.reboot'],
      [1, 'xl.shutdown'],
      [0, 'xl.destroy'],
    ],
  );
});

/** `agent-1` as a reply has it. */
const name = (agent: string) => `6167656e742d3${agent}`.padEnd(32, '0');

for (const rawMode of ['none', 'coexisting', 'exclusive']) {
  test(`a message that a Linux sends by hand is answered to its own agent, ${rawMode} raw mode`, t => {
    const { expectations, agents } = predict(
      load(
        'by-hand',
        `linuxRawMode: ${rawMode}
guests: { guest: {}, without: { agent: none } }
steps:
  - scmi: { in: dom0, message: { protocol: 0x10, id: 0x7 }, payload: [0xffffffff] }
  - create: guest
  - scmi: { in: guest, message: { protocol: 0x10, id: 0x7, token: 0x155 }, payload: [0xffffffff] }
  - scmi: { in: guest, message: { protocol: 0x10, id: 0x9 }, payload: ["\${guest1.agentId}", 1, 1] }
  - create: without
  - scmi: { in: without, message: { protocol: 0x10, id: 0x0 } }
statements:
  - { claims: [], words: a guest sets no permission, step: 3, output: "0940....fdffffff" }
`,
      ),
    );
    t.deepEqual(
      agents.filter(({ domid }) => domid !== null).map(({ agentId, domid }) => [agentId, domid]),
      [
        [1, 0],
        [2, 1],
      ],
    );
    const answers = expectations.filter(({ kind, source }) => kind === 'answer' && source === 'linux');
    t.deepEqual(
      answers.map(({ phase, domid, claim }) => [phase, domid, claim?.broken]),
      [
        [0, 0, undefined],
        [2, 1, undefined],
        [3, 1, undefined],
        [3, 1, null],
      ],
    );
    const [dom0, guest, denied] = answers.map(({ pattern }) => new RegExp(pattern));
    t.regex('074000000000000001000000'.concat(name('1')), dom0 ?? /^$/);
    t.regex('074054050000000002000000'.concat(name('2')), guest ?? /^$/);
    t.notRegex('074054050000000001000000'.concat(name('1')), guest ?? /^/);
    t.regex('09400000fdffffff', denied ?? /^$/);
  });
}

for (const [what, text, said] of [
  [
    'no number',
    'guests: { guest: { probe: true } }\nsteps: [{ smc: { in: guest, function: door } }]\n',
    /no number/,
  ],
  [
    'too large a number',
    'guests: { guest: { probe: true } }\nsteps: [{ smc: { in: guest, function: 0x100000000 } }]\n',
    /32 bits/,
  ],
  ['no channel', 'payload: probe\nsteps: [{ scmi: { in: probe, message: 0x4000 } }]\n', /which channel/],
  ['a toolstack without Xen', 'payload: probe\nsteps: [{ command: { in: probe, run: ls } }]\n', /needs Xen/],
  [
    'a shell',
    'guests: { guest: { probe: true } }\nsteps: [{ create: guest }, { look: guest }]\n',
    /wrong\.yaml:5.*runs the probe, which has no shell for look/,
  ],
  [
    'an end of its own',
    'guests: { guest: { probe: true } }\nsteps: [{ create: guest }, { guest-powers-off: guest }]\n',
    /runs the probe, which has no shell for guest-powers-off/,
  ],
  [
    'a call that does not come back',
    'guests: { guest: { probe: true } }\nsteps: [{ smc: { in: guest, function: 0xc4000001 } }]\n',
    /wrong\.yaml:5.*PSCI CPU_SUSPEND does not come back/,
  ],
  [
    'a doorbell that does not come back',
    'payload: probe\nsteps: [{ scmi: { in: probe, message: 0, page: 0, function: 0x84000008 } }]\n',
    /PSCI SYSTEM_OFF does not come back/,
  ],
  [
    'another agent, from Linux',
    'guests: { guest: {} }\nsteps:\n  - create: guest\n  - scmi:\n      in: guest\n      message: 0x4000\n      agent: guest2\n',
    /wrong\.yaml:10:.*no agent can be chosen: the Linux of guest sends through its own channel/,
  ],
  [
    'a function id, from Linux',
    'steps: [{ scmi: { in: dom0, message: 0x4000, function: 0x82000003 } }]\n',
    /wrong\.yaml:4:.*no function can be chosen: the Linux of dom0/,
  ],
  [
    'a page, from Linux',
    'steps: [{ scmi: { in: dom0, message: 0x4000, page: 0x40000000 } }]\n',
    /no page can be chosen/,
  ],
  [
    'a notification, from Linux',
    'steps: [{ scmi: { in: dom0, message: 0x4300 } }]\n',
    /wrong\.yaml:4:.*the Linux of dom0 cannot send it: a message type other than 0/,
  ],
  ['guests without Xen', 'payload: probe\nguests: { guest: {} }\n', /there is no Xen/],
] as const) {
  test(`a probe step with ${what} is refused`, t => {
    t.throws(() => load('wrong', text), { instanceOf: ConfigurationError, message: said });
  });
}
