import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import test from 'ava';
import ssh2, { type SFTPWrapper } from 'ssh2';
import { makeKeyPair } from '../../../src/lab/drivers/ssh/key-pair.ts';
import { serveSftp } from '../../../src/lab/virtual/sftp-server.ts';
import { FileSystem } from '../../../src/lab/virtual/shell/file-system.ts';

const files = new FileSystem({ read: () => undefined, list: () => undefined });
const server = new ssh2.Server({ hostKeys: [makeKeyPair().private] }, connection => {
  connection.on('error', () => {});
  connection.on('authentication', context => context.accept());
  connection.on('ready', () => {
    connection.on('session', accept => {
      accept().on('sftp', acceptSftp => serveSftp(acceptSftp(), files));
    });
  });
});
const listener = net.createServer(socket => server.injectSocket(socket));
const client = new ssh2.Client();

test.before(async () => {
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  client.connect({ host: '127.0.0.1', port, username: 'root' });
  await once(client, 'ready');
});
test.after.always(() => {
  client.end();
  listener.close();
});

function start(): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => (error === undefined ? resolve(sftp) : reject(error)));
  });
}

test('a file that was written is there, and read again', async t => {
  const sftp = await start();
  const bytes = Buffer.alloc(100_000, 'x');
  const failed = await new Promise(resolve => sftp.writeFile('/root/f', bytes, resolve));
  t.falsy(failed);
  t.true(Buffer.from(files.read('/root/f') ?? []).equals(bytes));
  const read = await new Promise((resolve, reject) => {
    sftp.readFile('/root/f', (error, content) => (error === undefined ? resolve(content) : reject(error)));
  });
  t.deepEqual(read, bytes);
  sftp.end();
});

test('the server ends with its client, who would wait for it', async t => {
  const sftp = await start();
  const closed = once(sftp, 'close', { signal: AbortSignal.timeout(5000) });
  sftp.end();
  await t.notThrowsAsync(closed);
});
