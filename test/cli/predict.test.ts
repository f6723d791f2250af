import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { writeFlat } from '../../src/model/dt/flat.ts';
import { parseSource } from '../../src/model/dt/source.ts';
import type { Prediction } from '../../src/model/predict/prediction.ts';
import { hostTree } from '../model/xen/boot.ts';
import { scmiHil } from './fake-process.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-predict-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const predict = (...argv: string[]) => scmiHil(['predict', ...argv], { cwd: directory });
const write = (name: string, content: string | Uint8Array): void =>
  writeFileSync(path.join(directory, name), content);

write('host.dtb', writeFlat(hostTree({})));
write('cells.dtb', writeFlat(hostTree({ cells: '#scmi-secondary-agents-cells = <4>;' })));
write('guest.dts', '/dts-v1/; / { passthrough { }; };');
write('guest.dtb', writeFlat(parseSource('/dts-v1/; / { passthrough { }; };')));
write(
  'guest.cfg',
  'name = "d2"\nkernel = "/k"\narm_sci = "type=scmi_smc_multiagent,agent_id=2"\ndevice_tree = "/somewhere/guest.dtb"\n',
);
write('other.cfg', 'name = "d3"\nkernel = "/k"\narm_sci = "type=scmi_smc_multiagent,agent_id=2"\n');
write('broken.dts', '/dts-v1/;\n/ { a = <1 ; };\n');

test('predict --json has what the mediator, the domains and the toolstack come to', async t => {
  const { code, out } = await predict(
    '--host-dt',
    'host.dtb',
    '--xl-cfg',
    'guest.cfg',
    '--xl-cfg',
    'other.cfg',
    '--json',
  );
  t.is(code, 0);
  const prediction = JSON.parse(out) as Record<string, unknown>;
  t.like(prediction, {
    schema: 2,
    mediator: { kind: 'multi-agent', registered: true, errno: 0, agentId: 1 },
    toolstack: [
      { do: 'create', rc: 0 },
      { do: 'create', rc: 3 },
    ],
    panic: null,
  });
});

test('predict prints each line with its reason', async t => {
  const { code, out } = await predict('--host-dt', 'cells.dtb');
  t.is(code, 0);
  t.regex(out, /^mediator +multi-agent, probe fails \(-22\), \/chosen\/xen\/xen_scmi_config\/scmi$/m);
  t.regex(
    out,
    /^xen +scmi: Invalid #scmi-secondary-agents-cells value: 4\n +.* is 4, only 2 and 3 are known \[/m,
  );
});

test('the build, the kernel and the faults of firmware can be given', async t => {
  const builds = ['--xen', 'single-agent', '--xen-version', '4.20', '--xen-debug', 'no', '--linux', '6.1'];
  const { out } = await predict('--host-dt', 'host.dtb', ...builds, '--json');
  const lines = (JSON.parse(out) as { console: { source: string; text: string }[] }).console;
  t.deepEqual(
    lines.filter(({ source }) => source === 'xen').map(({ text }) => text),
    ['Using SCMI with SMC ID: 0x82000002'],
  );
  const faulty = await predict('--host-dt', 'host.dtb', '--firmware-fault', 'no-discover-agent');
  t.regex(faulty.out, /scmi: Error received: -95/);
});

const mistakes: readonly (readonly [argv: string[], says: RegExp])[] = [
  [[], /nothing to predict was named/],
  [['--host-dt', 'nowhere.dtb'], /nowhere\.dtb cannot be read/],
  [['--host-dt', 'broken.dts'], /broken\.dts:2/],
  [['--case', '.'], /there is no .*case\.json/],
  [['--case', '.', '--host-dt', 'host.dtb'], /only one configuration/],
  [['dom0-and-guest'], /depends on the board/],
  [['--host-dt', 'host.dtb', '--firmware', 'nobody'], /no firmware profile nobody/],
  [['--host-dt', 'host.dtb', '--firmware-fault', 'made-up'], /no such fault/],
  [['--host-dt', 'host.dtb', '--partial-dt', 'domU1=guest.dts'], /no domain domU1/],
  [['--host-dt', 'host.dtb', '--linux', '5.4'], /5\.4/],
];

for (const [argv, says] of mistakes) {
  test(`predict ${argv.join(' ')} says what is wrong`, async t => {
    const { code, err, out } = await predict(...argv);
    t.is(code, 2);
    t.is(out, '');
    t.regex(err, says);
  });
}

const kernelTree = `/dts-v1/;
/ { #address-cells = <2>; #size-cells = <2>;
  memory@80000000 { device_type = "memory"; reg = <0 0x80000000 0 0x40000000>; };
  shm: sram@fe000000 { compatible = "arm,scmi-shmem"; reg = <0 0xfe000000 0 0x1000>; };
  firmware { scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000010>; shmem = <&shm>; }; };
  chosen { #address-cells = <2>; #size-cells = <2>; ranges; CONTAINER };
};
`;
const containerOfKernelTree = `xen_scmi_config { compatible = "xen,sci"; #address-cells = <2>; #size-cells = <2>; ranges;
  scmi-secondary-agents = <0x82000010 &page 7>; xen,dom0-sci-agent-id = <7>;
  page: sram@fe001000 { compatible = "arm,scmi-shmem"; reg = <0 0xfe001000 0 0x1000>; };
  own: sram@fe002000 { compatible = "arm,scmi-shmem"; reg = <0 0xfe002000 0 0x1000>; };
  scmi { compatible = "arm,scmi-smc"; arm,smc-id = <0x82000011>; shmem = <&own>; }; };`;

test('of a firmware that nobody named only what holds for any is predicted, and lint says the same', async t => {
  const plain = path.join(directory, 'kernel.dts');
  writeFileSync(plain, kernelTree.replace('CONTAINER', ''));
  const without = JSON.parse((await predict('--host-dt', 'kernel.dts', '--json')).out) as Prediction;
  t.is(without.panic, null);
  t.true(without.console.some(({ text }) => text === 'd0v0 Unhandled SMC/HVC: 0x82000010'));

  writeFileSync(
    path.join(directory, 'container.dts'),
    kernelTree.replace('CONTAINER', containerOfKernelTree),
  );
  const asked = JSON.parse((await predict('--host-dt', 'container.dts', '--json')).out) as Prediction;
  t.is(asked.panic, null);
  t.regex(asked.undefined.join(), /firmware unknown/);
  t.deepEqual(
    asked.console.map(({ reason }) => reason.rule),
    ['smc-multiagent.map'],
  );
  for (const file of ['kernel.dts', 'container.dts']) {
    const { out } = await scmiHil(['lint', '--host-dt', file], { cwd: directory });
    t.notRegex(out, /panic/i, file);
  }
});
