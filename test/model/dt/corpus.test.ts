import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { nodeReg } from '../../../src/model/dt/address.ts';
import { parseFlat, writeFlat } from '../../../src/model/dt/flat.ts';
import { formatSource } from '../../../src/model/dt/format.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import { corpora } from '../../corpus/cases.ts';

const testWithCorpus = corpora.length > 0 ? test : test.skip;

testWithCorpus(
  'every tree of the corpus compiles to its blob, byte for byte, and its blob is read and written again',
  t => {
    const sources = corpora.flatMap(corpus => globSync(path.join(corpus, '*/*.dts')));
    t.true(sources.length > 100);
    for (const source of sources) {
      const blob = readFileSync(source.replace(/dts$/, 'dtb'));
      const tree = parseSource(readFileSync(source, 'utf8'), { file: source });
      t.true(blob.equals(writeFlat(tree)), source);
      t.true(blob.equals(writeFlat(parseFlat(blob))), source);
      t.true(blob.equals(writeFlat(parseSource(formatSource(tree)))), source);
    }
  },
);

testWithCorpus(
  'where /chosen has no ranges the channel of the mediator has no address, as Xen printed',
  t => {
    const directory = path.join(corpora[0] ?? '', 'x-chosen-no-ranges');
    const tree = parseFlat(readFileSync(path.join(directory, 'host.dtb')));
    const mediator = [...tree.root.walk()].find(node => node.isCompatible('xen,sci'))?.child('scmi');
    const shmem = tree.byPhandle(mediator?.u32('shmem') ?? 0);
    const result = nodeReg(shmem ?? tree.root);
    t.like(result, { ok: false, reason: 'not a bus' });
    const log = readFileSync(path.join(directory, 'console.log'), 'latin1');
    for (const { text } of result.lines) t.true(log.includes(`(XEN) ${text}`), text);
    t.is(result.lines.length, 1);
  },
);
