import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { loadFirmwareProfile, parseFirmwareProfile } from '../../src/board/firmware-profile.ts';
import { ConfigurationError } from '../../src/config/configuration-error.ts';

const directory = join(import.meta.dirname, '../../boards/firmware');
const reference = readFileSync(join(directory, 'reference.yaml'), 'utf8');

for (const file of readdirSync(directory)) {
  test(`boards/firmware/${file} is a firmware profile of that name`, t => {
    const profile = loadFirmwareProfile(file.replace(/\.yaml$/, ''));
    t.is(`${profile.name}.yaml`, file);
  });
}

const sizes = {
  reference: { agents: 4, devices: 8, clocks: 8, resets: 8, powerDomains: 0, pins: 0 },
  rpi5_dev: { agents: 1, devices: 0, clocks: 0, resets: 4, powerDomains: 0, pins: 0 },
  'rpi5-scmi_pinctrl_agent_v3': { agents: 8, devices: 5, clocks: 0, resets: 4, powerDomains: 0, pins: 65 },
  'rcar_gen4_v2.7_v4x-scmi_pd': {
    agents: 8,
    devices: 0,
    clocks: 229,
    resets: 167,
    powerDomains: 65,
    pins: 0,
  },
  'rcar_gen4_v2.7_v4x-scmi_upd': {
    agents: 8,
    devices: 27,
    clocks: 229,
    resets: 167,
    powerDomains: 65,
    pins: 0,
  },
};
for (const [name, expected] of Object.entries(sizes)) {
  test(`${name} has the resources that its firmware has`, t => {
    const { agents, devices, clocks, resets, powerDomains, pins } = loadFirmwareProfile(name);
    const lists = { agents, devices, clocks, resets, powerDomains, pins: pins?.pins ?? [] };
    t.deepEqual(Object.fromEntries(Object.entries(lists).map(([key, list]) => [key, list.length])), expected);
    t.true([clocks, resets, powerDomains].every(list => list.every(({ id }, index) => id === index)));
  });
}

test('a function id and a page belong to each agent: 0x82000002 and the first page to agent 0, and so on', t => {
  for (const [name, base] of [
    ['reference', 0x47ff_0000],
    ['rpi5-scmi_pinctrl_agent_v3', 0x3ff0_0000],
    ['rcar_gen4_v2.7_v4x-scmi_pd', 0x47ff_0000],
  ] as const) {
    for (const { id, functionId, shmem } of loadFirmwareProfile(name).agents) {
      t.deepEqual([functionId, shmem], [0x8200_0002 + id, base + 0x1000 * id]);
    }
  }
});

test("the V4H profile with the reset policy extends the one without: 26 devices are agent 2's", t => {
  const extended = loadFirmwareProfile('rcar_gen4_v2.7_v4x-scmi_upd');
  const extending = loadFirmwareProfile('rcar_gen4_v2.7_v4x-scmi_pd');
  t.deepEqual(extended.clocks, extending.clocks);
  t.is(extended.resetAgentPolicy, 'resources');
  t.is(extended.devices.filter(({ owner }) => owner === 2).length, 26);
});

test('a profile can be a file anywhere', t => {
  t.is(loadFirmwareProfile(join(directory, 'reference.yaml')).name, 'reference');
});

test('a name that no profile has is refused with those that there are', t => {
  const error = t.throws(() => loadFirmwareProfile('rpi6'), { instanceOf: ConfigurationError });
  t.regex(error.message, /rpi6/);
  t.regex(error.hint ?? '', /reference, rpi5-scmi_pinctrl_agent_v3, rpi5_dev/);
});

/** A change of reference.yaml, and the error that it must give. */
const mistakes: readonly [what: string, from: string, to: string, error: RegExp][] = [
  [
    'a vendor that is too long',
    'vendor: EPAM',
    'vendor: EPAM Systems Incorporated',
    /^f\.yaml:8:\d+: vendor: /,
  ],
  ['an unknown field', 'vendor: EPAM', 'vender: EPAM', /\n {2}f\.yaml:8:1: vender: unknown field/],
  [
    'an agent twice',
    'id: 3, name: agent-3',
    'id: 2, name: agent-3',
    /^f\.yaml:16:\d+: agents\[3\]\.id: expected each only once, 2 is there twice$/,
  ],
  ['a page twice', '0x47ff3000', '0x47ff2000', /^f\.yaml:16:\d+: agents\[3\]\.shmem: /],
  [
    'a clock that is not there',
    'name: uart1, clocks: [1]',
    'name: uart1, clocks: [9]',
    /^f\.yaml:23:\d+: devices\[1\]\.clocks: expected ids that the profile has, there is no 9$/,
  ],
  [
    'a privileged agent that is not there',
    'privilegedAgent: 1',
    'privilegedAgent: 8',
    /^f\.yaml:11:\d+: privilegedAgent: /,
  ],
  [
    'an unknown quirk',
    '- clock-flags-unchecked',
    '- clock-flag-unchecked',
    /^f\.yaml:\d+:\d+: quirks\[8\]: expected a quirk: .*clock-flags-unchecked/,
  ],
  ['a wrong type', 'rate: 400000000, range', 'rate: fast, range', /^f\.yaml:37:\d+: clocks\[6\]\.rate: /],
  ['broken YAML', 'agents:', 'agents: [', /^f\.yaml is not valid YAML\n {2}f\.yaml:13:3: /],
  ['an unknown base', 'schema: 1', 'schema: 1\nextends: rpi6', /rpi6/],
  ['a base that is no name', 'schema: 1', 'schema: 1\nextends: 7', /^f\.yaml: extends: /],
];
for (const [what, from, to, message] of mistakes) {
  test(`a profile with ${what} is refused with file, line and field`, t => {
    t.true(reference.includes(from));
    t.throws(() => parseFirmwareProfile(reference.replace(from, to), 'f.yaml'), {
      instanceOf: ConfigurationError,
      message,
    });
  });
}

test('a profile that is no mapping is refused', t => {
  for (const text of ['', '7', '[]', '--- a\n--- b']) {
    t.throws(() => parseFirmwareProfile(text, 'f.yaml'), {
      instanceOf: ConfigurationError,
      message: /^f\.yaml(?::[12]:\d+)?: /,
    });
  }
});
