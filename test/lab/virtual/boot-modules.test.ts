import test from 'ava';
import { findBootModules } from '../../../src/lab/virtual/boot-modules.ts';
import { MachineMemory } from '../../../src/lab/virtual/machine-memory.ts';
import { parseSource } from '../../../src/model/dt/source.ts';

const found = (atRoot: string, inChosen: string, reg: string) =>
  findBootModules(
    parseSource(`/dts-v1/; / { ${atRoot} chosen { ${inChosen}
      k { compatible = "multiboot,kernel", "multiboot,module"; reg = <${reg}>; }; }; };`),
    new MachineMemory(),
  ).map(({ address, size }) => [address, size]);

test('a module is read in the cells of /chosen, else in those of the root, else in 2 and 1', t => {
  const module = [[0x5000_0000, 0x1000]];
  const two = '#address-cells = <2>; #size-cells = <2>;';
  t.deepEqual(found('', two, '0 0x50000000 0 0x1000'), module);
  t.deepEqual(found(two, '', '0 0x50000000 0 0x1000'), module);
  t.deepEqual(found('', '', '0 0x50000000 0x1000'), module);
  t.deepEqual(found(two, '', '0 0x50000000 0x1000'), []);
});
