import test from 'ava';
import {
  errorLine,
  isAnyCountGarbled,
  isCountGarbled,
  isCountOf,
  loadError,
  missing,
} from '../../machines/u-boot-answers.ts';

const xen = { file: 'xen', address: 0x48200000, size: 300 };
const dtb = { file: 'dtb', address: 0x48000000, size: 40 };
const lines = (...each: readonly string[]) => each.join('\r\n');

const errors: readonly { readonly answer: string; readonly error: string | undefined }[] = [
  { answer: '', error: undefined },
  { answer: 'Using ethernet@e6800000 device', error: undefined },
  {
    answer: lines('a', "Unknown command 'tftpboot' - try 'help'"),
    error: "Unknown command 'tftpboot' - try 'help'",
  },
  { answer: "TFTP error: 'Access violation' (2)", error: "TFTP error: 'Access violation' (2)" },
  { answer: 'libfdt fdt_setprop(): FDT_ERR_NOSPACE', error: 'libfdt fdt_setprop(): FDT_ERR_NOSPACE' },
  { answer: 'libfdt fdt_delprop(): FDT_ERR_NOTFOUND', error: undefined },
];

for (const { answer, error } of errors) {
  test(`${JSON.stringify(answer)} is ${error === undefined ? 'no error' : 'an error'}`, t => {
    t.is(errorLine(answer), error);
  });
}

test('files are counted in the order in which they come, and the first that is not whole is missing', t => {
  const both = lines('Bytes transferred = 300 (12c hex)', 'done', 'Bytes transferred = 40 (28 hex)');
  t.is(missing(both, [xen, dtb]), undefined);
  t.deepEqual(missing(both, [dtb, xen]), { file: dtb, bytes: 300 });
  t.deepEqual(missing('Bytes transferred = 300 (12c hex)', [xen, dtb]), { file: dtb, bytes: undefined });
});

test('a size counts by its two numbers, whatever became of the words', t => {
  t.is(missing('ytes transferrd = 300 (12c hex)', [xen]), undefined);
  t.deepEqual(missing('Bytes transferred = 30 (12c hex)', [xen]), { file: xen, bytes: 30 });
});

test('a file that did not come is reported by its bytes, by the error, or by the last line', t => {
  t.is(loadError('Bytes transferred = 299 (12b hex)', [xen]), '299 bytes came, xen has 300');
  t.is(
    loadError(lines('T T T', 'Retry count exceeded; starting again'), [xen]),
    'Retry count exceeded; starting again',
  );
  t.is(loadError(lines('a', 'b', 'c', ''), [xen]), 'b / c');
});

const counts: readonly {
  readonly answer: string;
  readonly ofOne: boolean;
  readonly ofAny: boolean;
}[] = [
  { answer: 'Bytes transferred = 300 (12c hex)', ofOne: false, ofAny: false },
  { answer: 'Bytes transferred = 30 (12c hex)', ofOne: true, ofAny: true },
  { answer: 'Loading: *#', ofOne: true, ofAny: false },
  {
    answer: lines('Bytes transferred = 300 (12c hex)', 'Byt sferred = 4'),
    ofOne: false,
    ofAny: true,
  },
  { answer: lines('Bytes transferred = 30 (12c hex)', 'Abort'), ofOne: false, ofAny: false },
];

for (const { answer, ofOne, ofAny } of counts) {
  test(`of ${JSON.stringify(answer)} ${ofOne ? 'the' : 'no'} size of a file is garbled, ${ofAny ? 'one' : 'none'} of a script`, t => {
    t.is(isCountGarbled(answer), ofOne);
    t.is(isAnyCountGarbled(answer), ofAny);
  });
}

test('the count that is asked for is the size of the file in hexadecimal, on a line of its own', t => {
  t.true(isCountOf(lines('printenv filesize', 'filesize=12c'), xen));
  t.false(isCountOf('filesize=12', xen));
  t.false(isCountOf('filesze=12c', xen));
});
