import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { builtDirectory } from '../../../src/lab/images/places.ts';
import { readXenImage, xenImageIn } from '../../../src/lab/images/xen-image.ts';

const banner = 'Xen version %d.%d%s';

/** The texts of an image, each with its end. */
function image(...texts: readonly string[]): Uint8Array {
  return new TextEncoder().encode(['', banner, ...texts, ''].join('\0'));
}

for (const [title, texts, expected] of [
  [
    'a multi-agent debug build',
    ['xen,xen-4.22', 'scmi-secondary-agents', 'debug=y'],
    { version: '4.22', mediator: 'multi-agent', debug: true },
  ],
  [
    'a single-agent release build with a sanitizer',
    ['xen,xen-4.21', '<2>Using SCMI with SMC ID: 0x%x', 'debug=n ubsan=y'],
    { version: '4.21', mediator: 'single-agent', debug: false },
  ],
  [
    'a build without a mediator that tells neither version nor CONFIG_DEBUG',
    [],
    { version: undefined, mediator: 'none', debug: undefined },
  ],
] as const) {
  test(`${title} is told by the texts in its image`, t => {
    t.like(xenImageIn(image(...texts)), expected);
    t.like(xenImageIn(new Uint8Array(gzipSync(image(...texts)))), expected);
  });
}

test('an image that is not Xen has no description', t => {
  t.is(xenImageIn(new TextEncoder().encode('Linux version 6.12.1 #1')), undefined);
  t.is(readXenImage('/nonexistent/xen'), undefined);
});

const fetched = path.join(builtDirectory('qemu-virt', process.env), 'xen');
const isFetched = readXenImage(fetched) !== undefined;
(isFetched ? test : test.skip)(
  `Debian's Xen is a single-agent release build${isFetched ? '' : ' (skipped: scmi-hil images fetch qemu-virt)'}`,
  t => {
    t.like(xenImageIn(new Uint8Array(readFileSync(fetched))), {
      version: '4.20',
      mediator: 'single-agent',
      debug: false,
    });
  },
);
