import { randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { book, type Booking, bookingsOf, endBooking } from '../../src/lab/bookings.ts';
import { holderOfBoard } from '../../src/lab/holder.ts';
import { BoardHeldError, reserve } from '../../src/lab/reservation.ts';
import { requireInRotation } from '../../src/lab/turn.ts';

const directory = path.join(mkdtempSync(path.join(os.tmpdir(), 'scmi-hil-bookings-')), 'shared');
process.env['SCMI_HIL_BOOKINGS'] = directory;
test.after.always(() => rmSync(path.dirname(directory), { recursive: true }));

const me = holderOfBoard('b1', 'scmi-hil run x');
const claim = () => `serial port /dev/${randomUUID()}`;
const inAnHour = () => Date.now() + 3_600_000;
const asRoot = process.getuid?.() === 0 ? test : test.skip;

/** A booking as another user has written it. */
function byAda(port: string, more: Partial<Booking> = {}): string {
  const file = path.join(directory, `${randomUUID()}.json`);
  const until = new Date(inAnHour()).toISOString();
  const booking = {
    board: 'b1',
    claims: [port],
    user: 'ada',
    host: 'lab1',
    since: '2026-01-01',
    until,
    ...more,
  };
  writeFileSync(file, JSON.stringify(booking));
  chownSync(file, 12_345, 12_345);
  return file;
}

test.serial('a booking is read by everybody, and ends when its user ends it', async t => {
  const port = claim();
  await book('b1', [port], { until: inAnHour() });
  t.is(statSync(directory).mode & 0o7777, 0o1777);
  const [found, ...more] = await bookingsOf([claim(), port]);
  t.is(more.length, 0);
  t.like(found, { board: 'b1', user: me.user, isOwn: true });
  await using _ = await reserve([port], me);
  if (found !== undefined) await endBooking(found);
  t.deepEqual(await bookingsOf([port]), []);
});

test.serial('a booking that is over is none, and its file goes', async t => {
  const port = claim();
  await book('b1', [port], { until: Date.now() - 1 });
  const files = readdirSync(directory).length;
  t.deepEqual(await bookingsOf([port]), []);
  t.is(readdirSync(directory).length, files - 1);
});

test.serial('files that are no bookings are passed over', async t => {
  const port = claim();
  await book('b1', [port], { until: inAnHour() });
  const [found] = await bookingsOf([port]);
  writeFileSync(path.join(directory, 'a.json'), '{"claims":');
  writeFileSync(path.join(directory, 'b.json'), '[]');
  writeFileSync(path.join(directory, 'c.json'), ' '.repeat(100_000));
  symlinkSync(found?.file ?? '', path.join(directory, 'd.json'));
  t.is((await bookingsOf([port])).length, 1);
});

asRoot('the board that another user has booked cannot be taken', async t => {
  await book('b1', [claim()], { until: inAnHour() });
  const port = claim();
  byAda(port);
  const error = await t.throwsAsync(reserve([port], me), { instanceOf: BoardHeldError });
  t.regex(error.message, /^reserve b1: ada@lab1 has reserved it since 2026-01-01, until /);
});

asRoot("another user's words are shown without escape sequences", async t => {
  await book('b1', [claim()], { until: inAnHour() });
  const port = claim();
  byAda(port, { user: 'ada\u001b[2J' });
  t.is((await bookingsOf([port]))[0]?.user, 'ada?[2J');
});

/** Ends all bookings of a claim as another user; says what came of it. */
async function endedByAda(port: string): Promise<string> {
  const module = JSON.stringify(path.resolve('src/lab/bookings.ts'));
  const code = `const { bookingsOf, endBooking } = await import(${module});
    for (const booking of await bookingsOf([${JSON.stringify(port)}])) await endBooking(booking).catch(error => console.log(error.message));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    uid: 12_345,
  });
  return stdout;
}

asRoot('a reservation is ended by its user alone', async t => {
  const port = claim();
  await book('b1', [port], { until: inAnHour() });
  chmodSync(path.dirname(directory), 0o755);
  t.is(await endedByAda(port), `release b1: the booking is ${me.user}'s\n`);
  t.is((await bookingsOf([port])).length, 1);
});

asRoot('another user may put a board back into rotation', async t => {
  const port = claim();
  await book('b1', [port], { outOfRotation: 'it failed its health check twice' });
  chmodSync(path.dirname(directory), 0o755);
  t.is(await endedByAda(port), '');
  t.deepEqual(await bookingsOf([port]), []);
});

test.serial('a board is out of rotation until somebody puts it back', async t => {
  const port = claim();
  await book('b1', [port], { outOfRotation: 'it failed its health check twice' });
  const error = await t.throwsAsync(requireInRotation({ name: 'b1', claims: [port] }));
  t.regex(error.message, /^use b1: it is out of rotation since .*: it failed its health check twice$/);
  // People look at it by hand meanwhile.
  await using _ = await reserve([port], me);
  for (const booking of await bookingsOf([port])) await endBooking(booking);
  await t.notThrowsAsync(requireInRotation({ name: 'b1', claims: [port] }));
});
