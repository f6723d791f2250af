import test from 'ava';
import { parseSource } from '../../../src/model/dt/source.ts';
import { lookQuestion, lookQuestions } from '../../../src/model/linux/look.ts';
import { probePinControl } from '../../../src/model/linux/scmi-pin-control.ts';
import { readRevision } from '../../../src/model/linux/scmi-base.ts';
import { LinuxView } from '../../../src/model/linux/view.ts';
import { boot, hostTree, short } from './guest.ts';

const functionId = 0x82000002;
const scmiLines = (lines: readonly string[]) => lines.filter(line => line.includes('scmi'));

test('a channel whose page is another one times out, and takes the silence for an empty firmware', t => {
  const mappings = [{ guest: 0x47ff0000, machine: 0x47ff2000 }];
  const { lines } = boot({ tree: hostTree(), functionId, mappings });
  t.true(lines.includes('scmi_protocol scmi_dev.1: Timeout waiting for a free TX channel !'));
  t.is(lines.filter(line => line.startsWith('WARNING: ')).length, 1);
  t.true(lines.includes("arm-scmi arm-scmi.1.auto: SCMI Protocol v0.0 ':' Firmware version 0x0"));
  t.true(lines.includes('arm-scmi arm-scmi.1.auto: SCMI protocol 20 not implemented'));
});

test('a page that is not mapped ends the kernel, which never comes to a shell', t => {
  const { kernel, lines } = boot({ tree: hostTree(), functionId, mappings: [] });
  t.is(kernel.state, 'panicked');
  t.like(lines.slice(-2), {
    0: 'Internal error: synchronous external abort: 0000000096000210 [#1] SMP',
    1: 'Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b',
  });
});

const brokenNodes = [
  { what: 'no shmem', drop: 'shmem', error: '-EINVAL', code: -22 },
  { what: 'no function id', drop: 'arm,smc-id', error: '-EINVAL', code: -22 },
] as const;

for (const { what, drop, error, code } of brokenNodes) {
  test(`an SCMI node with ${what} cannot set up its channel`, t => {
    const tree = hostTree();
    tree.node('/firmware/scmi')?.properties.delete(drop);
    const { lines } = boot({ tree, functionId });
    t.deepEqual(scmiLines(lines).slice(-3), [
      'arm-scmi arm-scmi.1.auto: failed to setup channel for protocol:0x10',
      `arm-scmi arm-scmi.1.auto: error ${error}: failed to setup channels`,
      `arm-scmi arm-scmi.1.auto: probe with driver arm-scmi failed with error ${code}`,
    ]);
  });
}

test('a status without a word is no `okay`: the node makes no device', t => {
  const tree = hostTree();
  tree.node('/firmware/scmi')?.properties.set('status', new Uint8Array());
  const { kernel } = boot({ tree, functionId });
  t.deepEqual([kernel.state, kernel.instances.length], ['running', 0]);
});

test('shared memory of another kind is refused with -ENXIO', t => {
  const tree = hostTree();
  tree.node('/sram@47ff0000')?.properties.set('compatible', new TextEncoder().encode('mmio-sram\0'));
  const { lines } = boot({ tree, functionId });
  t.is(lines.at(-1), 'arm-scmi arm-scmi.1.auto: probe with driver arm-scmi failed with error -6');
});

test('shared memory of 64 bytes is too small for Linux 7.2 and unnoticed by 6.12', t => {
  const tree = hostTree();
  tree
    .node('/sram@47ff0000')
    ?.properties.set('reg', new Uint8Array([0, 0, 0, 0, 0x47, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64]));
  t.regex(
    boot({ tree, functionId, version: '7.2' }).lines.join('\n'),
    /misconfigured SCMI shared memory\n.*\n.*-ENOSPC/,
  );
  t.regex(boot({ tree, functionId }).lines.join('\n'), /SCMI Protocol v2\.0/);
});

const guestTree = (compatible: string) =>
  parseSource(`/dts-v1/; / { #address-cells = <2>; #size-cells = <2>;
      passthrough { compatible = "simple-bus"; ranges; #address-cells = <2>; #size-cells = <2>;
        shm: sram@47ff0000 { compatible = "arm,scmi-shmem"; reg = <0x0 0x47ff0000 0x0 0x1000>; };
        firmware { ${compatible}
          scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000002>; shmem = <&shm>; }; }; }; };`);

const withPins = () =>
  parseSource(`/dts-v1/; / { #address-cells = <2>; #size-cells = <2>;
      shm: sram@47ff0000 { compatible = "arm,scmi-shmem"; reg = <0x0 0x47ff0000 0x0 0x1000>; };
      firmware { scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000002>; shmem = <&shm>;
        #address-cells = <1>; #size-cells = <0>;
        protocol@16 { reg = <0x16>; }; protocol@19 { reg = <0x19>; }; }; }; };`);

test('a kernel with the pin control driver asks for every pin and function, long names too, and for no group', t => {
  const options = { tree: withPins(), functionId, profile: 'qemu-virt', drivers: ['pinctrl'] } as const;
  const { kernel, messages } = boot(options);
  t.deepEqual(kernel.instances[0]?.busDevices, ['scmi_dev.1', 'scmi_dev.2', 'scmi_dev.3']);
  const asked = messages.filter(({ protocol }) => protocol === 0x19).map(short);
  const pins = Array.from({ length: 8 }, (_, id) => `0x19 0x3 ${id}`);
  const functions = [0, 1, 2, 3].flatMap(id => [
    `0x19 0x3 ${id}`,
    ...(id === 3 ? [`0x19 0x9 ${id}`] : []),
    `0x19 0x4 ${id}`,
  ]);
  t.deepEqual(asked, ['0x19 0x0 0', '0x19 0x1 0', ...pins, ...functions]);
});

for (const [what, more] of [
  ['that has no such driver', {}],
  ['6.1, which is older than the driver', { drivers: ['pinctrl'], version: '6.1' }],
] as const) {
  test(`a kernel ${what} leaves pin control alone`, t => {
    const { messages, kernel } = boot({ tree: withPins(), functionId, profile: 'qemu-virt', ...more });
    t.false(messages.some(({ protocol }) => protocol === 0x19));
    t.false(kernel.instances[0]?.busDevices.includes('scmi_dev.3'));
  });
}

for (const [what, answers, error, said] of [
  ['has no pins', [[0, 0]], -22, ['instance: returned zero pins']],
  ['refuses a pin', [[2, 0], [0], -13], -13, ["driver: error -EACCES: Can't get name for pin 1"]],
  [
    'refuses a function',
    [[1, 1], [0], -2],
    -22,
    [
      'driver: get name failed with err -2',
      'driver: pinmux ops has no name for function0',
      'driver: error -EINVAL: Failed to register pinctrl',
    ],
  ],
  [
    'has a function without groups',
    [[1, 1], [0], [0]],
    -22,
    [
      'instance: Function 0 has 0 elements',
      'driver: get name failed with err -61',
      'driver: pinmux ops has no name for function0',
      'driver: error -EINVAL: Failed to register pinctrl',
    ],
  ],
] as const) {
  test(`the pin control driver does not bind where firmware ${what}`, t => {
    const left: (number | readonly number[])[] = [...answers];
    const lines: string[] = [];
    const send = () => {
      const next = left.shift() ?? [];
      return typeof next === 'number' ? { error: next, words: [] } : { error: 0, words: next };
    };
    t.is(probePinControl({ channel: { send }, say: (who, text) => lines.push(`${who}: ${text}`) }), error);
    t.deepEqual(lines, [...said]);
  });
}

test('a guest whose nodes do not stand on buses has no SCMI device at all', t => {
  t.deepEqual(boot({ tree: guestTree(''), functionId }).lines, ['scmi_core: SCMI protocol bus registered']);
  const bus = boot({ tree: guestTree('compatible = "simple-bus";'), functionId, version: '6.1' });
  t.true(
    bus.lines.includes(
      "arm-scmi passthrough:firmware:scmi: SCMI Protocol v2.0 'EPAM:qemu-virt' Firmware version 0x0",
    ),
  );
});

test('a protocol that firmware does not list is named in decimal, once', t => {
  const tree = hostTree({ scmi: 'protocol@11 { reg = <0x11>; };' });
  const { lines } = boot({ tree, functionId });
  t.deepEqual(
    lines.filter(line => line.includes('not implemented')),
    ['arm-scmi arm-scmi.1.auto: SCMI protocol 17 not implemented'],
  );
});

test('clk_ignore_unused leaves the clocks alone', t => {
  const tree = hostTree({ root: 'chosen { bootargs = "console=hvc0 clk_ignore_unused"; };' });
  const { lines, messages } = boot({ tree, functionId });
  t.true(lines.includes('clk: Not disabling unused clocks'));
  t.false(messages.some(message => message.protocol === 0x14 && message.message === 0x7));
});

test('a clock that is a hole lets its consumer probe, without a message', t => {
  const tree = hostTree({ rtcClock: '<&scmi_clk 1>' });
  const { kernel, messages } = boot({ tree, functionId });
  t.deepEqual(kernel.deferred, []);
  t.false(messages.map(short).includes('0x14 0x7 1'));
});

test('a clock holder keeps its clock on while the unused ones go off', t => {
  const tree = hostTree({ rtcClock: '<&scmi_clk 1>' });
  const { lines, messages } = boot({ tree, functionId, devices: [1] });
  t.deepEqual(
    messages.map(short).filter(each => each.startsWith('0x14 0x7')),
    [1, 1, 1, 5, 4, 0].map(clock => `0x14 0x7 ${clock}`),
  );
  t.true(lines.includes('rtc-pl031 9010000.pl031: registered as rtc0'));
});

test('every line says why it is printed', t => {
  const { kernel } = boot({ tree: hostTree(), functionId });
  for (const { reason, source, domid } of kernel.log.lines) {
    t.regex(reason.rule, /^linux\./);
    t.true(reason.because.length > 10);
    t.like({ source, domid }, { source: 'linux', domid: 0 });
  }
});

test('the tree of a domain can be read as files, with the name that flattened trees leave out', t => {
  const view = new LinuxView(boot({ tree: hostTree(), functionId }).kernel);
  t.deepEqual(view.read('/proc/device-tree/firmware/scmi/arm,smc-id'), new Uint8Array([0x82, 0, 0, 2]));
  t.deepEqual(view.list('/sys/firmware/devicetree/base/firmware'), ['name', 'scmi']);
  t.is(view.read('/proc/device-tree/firmware/none'), undefined);
  t.is(view.read('/proc/device-tree/firmware'), undefined);
  t.is(view.list('/proc/device-tree/firmware/scmi/arm,smc-id'), undefined);
});

for (const version of ['6.1', '6.12', '7.2'] as const) {
  test(`the firmware's description of itself can be read under Linux ${version}`, t => {
    const view = new LinuxView(boot({ tree: hostTree(), functionId, version }).kernel);
    const paths = view.glob('/sys/bus/platform/drivers/arm-scmi/*/vendor_id');
    t.is(paths.length, 1);
    t.is(new TextDecoder().decode(view.read(paths[0] ?? '')), 'EPAM\n');
  });
}

for (const up of [true, false]) {
  test(`every look question predicts an answer that fits its own pattern, SCMI ${up ? 'up' : 'refused'}`, t => {
    const view = new LinuxView(
      boot({ tree: hostTree({ rtcClock: '<&scmi_clk 0>' }), ...(up ? { functionId } : {}) }).kernel,
    );
    for (const question of lookQuestions) {
      const { text, pattern } = question.answer(view);
      t.regex(text, new RegExp(`^(?:${pattern})$`), question.id);
      t.is(lookQuestion(question.command), question);
    }
  });
}

test('the clocks question is not met by a summary that lacks one of the clocks', t => {
  const view = new LinuxView(boot({ tree: hostTree(), functionId }).kernel);
  const { text, pattern } = lookQuestions.find(each => each.id === 'clocks')?.answer(view) ?? {
    text: '',
    pattern: '',
  };
  const without = text
    .split('\n')
    .filter(line => !line.includes('clk_mmc0'))
    .join('\n');
  t.notRegex(without, new RegExp(`^(?:${pattern})$`));
});

test('the log question is met by a log with time stamps', t => {
  const view = new LinuxView(boot({ tree: hostTree(), functionId }).kernel);
  const { text, pattern } = lookQuestions.find(each => each.id === 'log')?.answer(view) ?? {
    text: '',
    pattern: '',
  };
  const stamped = text
    .split('\n')
    .map((line, index) => `[    2.${100000 + index}] ${line}`)
    .join('\r\n');
  t.regex(stamped, new RegExp(`^(?:${pattern})$`));
});

test('the log question is decided at once where one line comes again and again', t => {
  const mappings = [{ guest: 0x47ff0000, machine: 0x47ff2000 }];
  const view = new LinuxView(boot({ tree: hostTree(), functionId, mappings }).kernel);
  const { text, pattern } = lookQuestions.find(each => each.id === 'log')?.answer(view) ?? {
    text: '',
    pattern: '',
  };
  const expression = new RegExp(`^(?:${pattern})$`);
  t.regex(text, expression);
  const timeouts = text.split('\n').filter(line => line.includes('Timeout'));
  t.true(timeouts.length > 3);
  t.notRegex(
    Array.from({ length: 100 }, () => timeouts)
      .flat()
      .join('\n'),
    expression,
  );
});

test('power domains, resets and clocks of a big firmware come up under every kernel', t => {
  const tree = hostTree({ scmi: 'protocol@11 { reg = <0x11>; #power-domain-cells = <1>; };' });
  for (const version of ['6.1', '6.12', '7.2'] as const) {
    const { kernel, messages, lines } = boot({
      tree,
      functionId,
      version,
      profile: 'rcar_gen4_v2.7_v4x-scmi_pd',
    });
    t.deepEqual(
      lines.filter(line => line.includes('not active') || line.includes('failed')),
      [],
      version,
    );
    t.is(kernel.powerDomains.length, 65);
    t.is(kernel.clocks.clocks.filter(each => each.scmiId !== null).length, 229 - holes(messages));
    const view = new LinuxView(kernel);
    t.regex(new TextDecoder().decode(view.read('/sys/kernel/debug/pm_genpd/pm_genpd_summary')), /^a3vip0 /m);
  }
});

/** Clocks whose attributes firmware refuses. */
function holes(messages: ReturnType<typeof boot>['messages']): number {
  const attributes = messages.filter(
    each => each.protocol === 0x14 && each.message === 0x3 && each.status !== 0,
  );
  return new Set(attributes.map(each => each.argument)).size;
}

test('arm,scmi-smc-param binds since Linux 6.5', t => {
  const tree = hostTree();
  tree.node('/firmware/scmi')?.properties.set('compatible', new TextEncoder().encode('arm,scmi-smc-param\0'));
  t.is(boot({ tree, functionId }).kernel.instances.length, 1);
  t.is(boot({ tree, functionId, version: '6.1' }).kernel.instances.length, 0);
});

const power = { functionId, profile: 'qemu-virt' } as const;
const powerTree = (root: string) =>
  hostTree({ root, scmi: 'scmi_power: protocol@11 { reg = <0x11>; #power-domain-cells = <1>; };' });
const switchedOff = (messages: ReturnType<typeof boot>['messages']) =>
  messages.filter(({ protocol, message }) => protocol === 0x11 && message === 0x4).map(each => each.status);

test('power domains that are on and that no device names are switched off at the end of the boot', t => {
  // Domain 0 cannot be, domain 1 belongs to a device of nobody's.
  t.deepEqual(switchedOff(boot({ ...power, tree: powerTree('') }).messages), [-3, -3]);
  t.deepEqual(switchedOff(boot({ ...power, tree: powerTree(''), devices: [1] }).messages), [0, -3]);
  const used = powerTree('dev { compatible = "a,b"; power-domains = <&scmi_power 1>; };');
  t.deepEqual(switchedOff(boot({ ...power, tree: used, devices: [1] }).messages), [-3]);
  const kept = powerTree('chosen { bootargs = "pd_ignore_unused"; };');
  t.deepEqual(switchedOff(boot({ ...power, tree: kept }).messages), []);
});

/** A firmware that says it has two protocols, and lists them so. */
const listing = (list: readonly number[]) => (_: number, message: number) => ({
  error: 0,
  words: message === 0x6 ? list : message === 0x1 ? [2] : [],
});

for (const [what, list, said] of [
  ['a word too many', [2, 0x1614, 0], 'Malformed reply - real_sz:8 calc_sz:4  (loop_num_ret:2)'],
  ['a word too few', [2], 'Malformed reply - real_sz:0 calc_sz:4  (loop_num_ret:2)'],
  ['more protocols than there are', [3, 0x161411], 'No. Returned protocols > Total protocols.'],
] as const) {
  test(`Linux warns of a list of protocols with ${what}`, t => {
    const lines: string[] = [];
    const revision = readRevision({ send: listing(list) }, 0x20000, text => lines.push(text));
    t.deepEqual(lines, [said]);
    t.deepEqual(
      typeof revision === 'number' ? revision : revision.protocols,
      what === 'a word too many' ? [0x14, 0x16] : [],
    );
  });
}

test('a supplier that is missing is told of devices only, up to the first empty entry', t => {
  const root = `timer { compatible = "arm,armv8-timer"; access-controllers = <0xdead 1>; };
    one { compatible = "a,b"; access-controllers = <0 0xdead 1>; };
    two { compatible = "a,b"; access-controllers = <0xdead 1>; };`;
  const { lines } = boot({ tree: hostTree({ root }), functionId });
  t.deepEqual(
    lines.filter(line => line.startsWith('OF: ')),
    ['OF: /two: could not find phandle 57005'],
  );
});
