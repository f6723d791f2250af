import test from 'ava';
import { createRoster } from '../../../src/lab/drivers/tftp/roster.ts';
import type { TftpEvent } from '../../../src/lab/drivers/tftp/tftp.ts';

/** A board that is served, and all that it was told. */
function servedBoard() {
  const told: TftpEvent[] = [];
  const notes: string[] = [];
  const roster = createRoster();
  const entry = roster.add({
    name: 'one',
    files: new Map(),
    clients: ['192.0.2.1'],
    onEvent: () => {},
    onStranger: event => told.push(event),
    onNote: text => notes.push(text),
  });
  const ask = (client: string) =>
    roster.report(undefined, { kind: 'refused', client, file: 'Image', code: 1, why: 'no board has it' });
  return { told, notes, ask, end: () => roster.remove(entry) };
}

test('of one address that floods the port, the first requests are told and the others counted', t => {
  const { told, notes, ask, end } = servedBoard();
  for (let number = 0; number < 1000; number++) ask('198.51.100.7');
  t.is(told.length, 5);
  t.deepEqual(notes, []);
  end();
  t.deepEqual(notes, [
    '995 more TFTP requests came from addresses that no board of the lab has; they were not answered',
  ]);
});

test('of many addresses, the first twenty are told', t => {
  const { told, notes, ask, end } = servedBoard();
  for (let number = 0; number < 250; number++) ask(`198.51.100.${number}`);
  t.is(told.length, 20);
  end();
  t.regex(notes[0] ?? '', /^230 more/);
});

test('a board that no stranger asked says nothing of them', t => {
  const { notes, ask, end } = servedBoard();
  ask('198.51.100.7');
  end();
  t.deepEqual(notes, []);
});
