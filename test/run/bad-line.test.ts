/** The console of a board whose serial line is bad: what is made of what comes, and of what is typed. */
import test, { type ExecutionContext } from 'ava';
import type { ConsoleEvent } from '../../machines/console-event.ts';
import type { SerialEvents } from '../../src/lab/drivers/serial/serial.ts';
import { BoardConsole } from '../../src/run/board-console.ts';
import { systemClock } from '../../src/run/clock.ts';
import { askForDom0 } from '../../src/run/shells/ask-for-dom0.ts';
import { Typist } from '../../src/run/shells/typing.ts';
import { quickType } from './scripted-board.ts';

const close = () => Promise.resolve();
const soon = () => AbortSignal.timeout(20_000);

/** @param answer what the board says to what is typed */
async function lineOf(t: ExecutionContext, answer: (typed: string) => string = () => '') {
  const typed: string[] = [];
  const events: ConsoleEvent[] = [];
  let line: SerialEvents | undefined;
  const say = (text: string | Uint8Array) => line?.data(Buffer.from(text));
  const driver = {
    name: 'a line',
    open: async (given: SerialEvents) => {
      line = given;
      return {
        write: async (bytes: Uint8Array) => {
          const text = Buffer.from(bytes).toString();
          typed.push(text);
          say(answer(text));
        },
        close,
        [Symbol.asyncDispose]: close,
      };
    },
  };
  const type = quickType('rcar-v4h-white-hawk');
  const console = new BoardConsole(driver, type, { record: () => undefined }, systemClock());
  console.events.listen(event => void events.push(event));
  await console.open(() => t.fail('the line was lost'), soon());
  t.teardown(() => console.close());
  return { console, events, say, typed };
}

test('Xen that speaks without its banner has started, and that is told once', async t => {
  const { console, events, say } = await lineOf(t);
  console.powerOn();
  for (let line = 0; line < 50; line++) say(`(XEN) line ${line}\r\n`);
  t.deepEqual(
    events.map(({ type }) => type),
    ['console.xen'],
  );
});

test('Xen that has shown its banner is told by it alone', async t => {
  const { console, events, say } = await lineOf(t);
  console.powerOn();
  say('(XEN) Xen version 4.22\r\n');
  for (let line = 0; line < 50; line++) say(`(XEN) line ${line}\r\n`);
  t.deepEqual(
    events.map(({ type, line }) => [type, line]),
    [['console.xen', 'Xen version 4.22']],
  );
});

test('bytes of another speed are no text, until the board is switched on again', async t => {
  const { console, say } = await lineOf(t);
  t.is(console.trouble(), undefined);
  say(Uint8Array.from({ length: 200 }, (_, index) => (index % 3 === 0 ? 0x41 : 0x80 + (index % 100))));
  t.regex(
    console.trouble() ?? '',
    /^bytes arrive on the console, and no text .*is the speed right \(921600 by/,
  );
  console.powerOn();
  say('U-Boot 2023.04\r\n'.repeat(20));
  t.is(console.trouble(), undefined);
});

const prompt = '=> ';

/** U-Boot's line editing. @param hears what arrives there of what is typed */
function uBoot(hears: (typed: string) => string) {
  let line = '';
  const executed: string[] = [];
  const answer = (typed: string) => {
    const heard = hears(typed);
    if (heard === '\u0003') {
      line = '';
      return `<INTERRUPT>\r\n${prompt}`;
    }
    if (heard !== '\r') {
      line += heard;
      return heard;
    }
    executed.push(line);
    line = '';
    return `\r\n${prompt}`;
  };
  return { executed, answer };
}

test('a command that a board loses characters of is typed in smaller pieces, and executed once, whole', async t => {
  const { executed, answer } = uBoot(typed => typed.slice(0, 4));
  const { console, say } = await lineOf(t, answer);
  const notes: string[] = [];
  const typist = new Typist(console, systemClock(), { prompt, note: text => void notes.push(text) });
  say(prompt);
  await typist.ask('setenv autoload no', soon());
  await typist.ask('setenv ipaddr 10.0.0.2', soon());
  t.deepEqual(executed, ['setenv autoload no', 'setenv ipaddr 10.0.0.2']);
  t.deepEqual(notes, ['`setenv autoload no` is typed again, 4 characters at a time: the echo was `=> sete`']);
});

test('a command that never arrives whole is not executed at all', async t => {
  const { executed, answer } = uBoot(typed => typed.replace('i', ''));
  const { console, say } = await lineOf(t, answer);
  const typist = new Typist(console, systemClock(), { prompt, note: () => undefined });
  say(prompt);
  await t.throwsAsync(typist.type('booti 0x1 - 0x2', soon()), {
    message: /^typed `booti 0x1 - 0x2` 4 times, and the console echoed `=> boot`$/,
  });
  t.deepEqual(executed, []);
});

test('Enter asks for a login only once Dom0 has spoken and is silent, and no more than three times', async t => {
  const { console, say, typed } = await lineOf(t);
  const notes: string[] = [];
  const over = new AbortController();
  const asking = askForDom0(
    {
      console,
      clock: systemClock(),
      patience: 1000,
      note: text => {
        notes.push(text);
        // SSH is tried once more before the search gives up asking by Enter.
        if (notes.length === 3) setTimeout(() => over.abort(new Error('enough')), 300);
      },
    },
    over.signal,
  );
  say('(XEN) Xen version 4.22\r\n(XEN) Freed 4kB init memory.\r\n');
  await new Promise(resolve => setTimeout(resolve, 250));
  t.deepEqual(typed, []);
  say('[    0.000000] Booting Linux on physical CPU 0x0\r\n');
  await t.throwsAsync(asking, { message: 'enough' });
  t.deepEqual(typed, ['\r', '\r', '\r']);
  t.is(notes.length, 3);
});

test('a Dom0 whose prompt has an unknown form is up when SSH answers, on a console that is never silent too', async t => {
  for (const isNoisy of [false, true]) {
    const { console, say, typed } = await lineOf(t);
    let asked = 0;
    const noise = isNoisy ? setInterval(() => say('[    9.000000] tick\r\n'), 20) : undefined;
    t.teardown(() => clearInterval(noise));
    const asking = askForDom0(
      {
        console,
        clock: systemClock(),
        patience: 1000,
        note: () => undefined,
        answersSsh: () => Promise.resolve(++asked === 2),
      },
      soon(),
    );
    say('[    0.000000] Booting Linux on physical CPU 0x0\r\n');
    await asking;
    t.is(asked, 2);
    t.deepEqual(typed, isNoisy ? [] : ['\r', '\r']);
  }
});
