import test from 'ava';
import { isWhole, ProbeLines, probeSaid } from '../../../src/model/probe/answer.ts';
import {
  commandLine,
  commandText,
  type ProbeCommand,
  readCommandLine,
} from '../../../src/model/probe/command.ts';

const message = { page: 0x47ff_2000, functionId: 0x8200_0004, words: [0x4000, 0xffff_ffff] };
const commands: readonly (readonly [ProbeCommand, string])[] = [
  [{ do: 'smc', functionId: 0x8200_0003, arguments: [0, 16] }, 'smc 0x82000003 0x0 0x10'],
  [{ do: 'hvc', functionId: 0x8400_0000, arguments: [] }, 'hvc 0x84000000'],
  [{ do: 'read', address: 0x2200_1004, count: 2 }, 'read 0x22001004 2'],
  [{ do: 'write', address: 0x2200_1004, words: [0, 0x1000] }, 'write 0x22001004 0x0 0x1000'],
  [{ do: 'scmi', message }, 'scmi 0x47ff2000 0x82000004 00400000ffffffff'],
  [{ do: 'loop', count: 10, message }, 'loop 10 0x47ff2000 0x82000004 00400000ffffffff'],
];

for (const [command, text] of commands) {
  test(`\`${text}\` is typed with its tag, and read back`, t => {
    t.is(commandText(command), text);
    t.deepEqual(readCommandLine(commandLine(7, text)), { tag: 7, command });
  });
}

test('a line that is no command is told so, one without a tag is none', t => {
  t.is(readCommandLine(''), undefined);
  for (const words of ['jump 0x0', 'read 0x0 65', 'read 0x0', 'smc', 'smc 0xzz', 'scmi 0x0 0x1 0040']) {
    t.like(readCommandLine(`#1 ${words}`), { tag: 1 }, words);
    t.true('wrong' in (readCommandLine(`#1 ${words}`) ?? {}), words);
  }
});

test('answers are found in pieces, behind what others write, and by their tag', t => {
  const lines = new ProbeLines();
  const said = [
    '~ # xl console\r\nprobe: rea',
    'dy version=1 el=1 uart=0x22000000 conduit=hvc\r\nWARNING: prob',
  ]
    .concat(
      'e: #12 ok x0=0x0 x1=0x0 x2=0x0 x3=0x0\r\nprobe: #13 fault esr=0x96000000 far=0x10\r\nprobe: #14 ok',
    )
    .flatMap(piece => lines.feed(piece));
  t.deepEqual(
    said.map(each => ('ready' in each ? each.ready.exceptionLevel : [each.answer.tag, each.answer.outcome])),
    [1, [12, 'ok'], [13, 'fault']],
  );
});

test('an answer into which something was written is not whole', t => {
  for (const [command, text, whole] of [
    ['smc 0x0', 'ok x0=0x0 x1=0x0 x2=0x0 x3=0x0', true],
    ['smc 0x0', 'ok x0=0x0 x1=0xWARNING', false],
    ['read 0x0 2', 'ok 0x00000000 0x00000001', true],
    ['read 0x0 2', 'ok 0x00000000', false],
    ['write 0x0 0x0', 'ok', true],
    ['scmi 0x0 0x1 00000000', 'ok x0=0x0 status=0x1 length=8 reply=0040000000000000', true],
    ['scmi 0x0 0x1 00000000', 'error channel busy', true],
    ['read 0x0 1', 'fault esr=0x96000010 far=0x47ff1000', true],
    ['read 0x0 1', 'fault esr=0x96', false],
  ] as const) {
    const said = probeSaid(`probe: #1 ${text}`);
    t.is(said !== undefined && 'answer' in said && isWhole(said.answer, command), whole, text);
  }
});
