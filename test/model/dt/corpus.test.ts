import { existsSync, globSync, readFileSync } from 'node:fs';
import test from 'ava';
import { nodeReg } from '../../../src/model/dt/address.ts';
import { parseFlat, writeFlat } from '../../../src/model/dt/flat.ts';
import { formatSource } from '../../../src/model/dt/format.ts';
import { parseSource } from '../../../src/model/dt/source.ts';

const corpus = new URL('../../../../shared/corpus/', import.meta.url).pathname;
const testWithCorpus = existsSync(corpus) ? test : test.skip;

testWithCorpus(
  'every tree of the corpus compiles to its blob, byte for byte, and its blob is read and written again',
  t => {
    const sources = globSync('*/*.dts', { cwd: corpus });
    t.true(sources.length > 100);
    for (const source of sources) {
      const blob = readFileSync(`${corpus}${source.replace(/dts$/, 'dtb')}`);
      const tree = parseSource(readFileSync(`${corpus}${source}`, 'utf8'), { file: source });
      t.true(blob.equals(writeFlat(tree)), source);
      t.true(blob.equals(writeFlat(parseFlat(blob))), source);
      t.true(blob.equals(writeFlat(parseSource(formatSource(tree)))), source);
    }
  },
);

testWithCorpus(
  'where /chosen has no ranges the channel of the mediator has no address, as Xen printed',
  t => {
    const tree = parseFlat(readFileSync(`${corpus}x-chosen-no-ranges/host.dtb`));
    const mediator = [...tree.root.walk()].find(node => node.isCompatible('xen,sci'))?.child('scmi');
    const shmem = tree.byPhandle(mediator?.u32('shmem') ?? 0);
    const result = nodeReg(shmem ?? tree.root);
    t.like(result, { ok: false, reason: 'not a bus' });
    const log = readFileSync(`${corpus}x-chosen-no-ranges/console.log`, 'latin1');
    for (const { text } of result.lines) t.true(log.includes(`(XEN) ${text}`), text);
    t.is(result.lines.length, 1);
  },
);
