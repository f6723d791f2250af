/** The wire between an emulated board's serial port and the controller: it stays when the board is switched off. */
import { createServer, type Server, type Socket } from 'node:net';

export class ConsoleHub {
  #machine: Socket | undefined;
  #reader: Socket | undefined;

  /**
   * @param machineSocket where QEMU connects to
   * @param readerSocket where the controller connects to
   */
  static async listen(machineSocket: string, readerSocket: string): Promise<ConsoleHub> {
    const hub = new ConsoleHub();
    await listen(
      createServer(socket => {
        hub.#machine = socket;
        join(socket, () => hub.#reader);
      }),
      machineSocket,
    );
    await listen(
      createServer(socket => {
        hub.#reader = socket;
        join(socket, () => hub.#machine);
      }),
      readerSocket,
    );
    return hub;
  }
}

/** Output without a listener is lost, as on copper. */
function join(socket: Socket, other: () => Socket | undefined): void {
  socket.setNoDelay(true);
  socket.on('data', bytes => {
    const target = other();
    if (target?.writable === true) target.write(bytes);
  });
  socket.on('error', () => socket.destroy());
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}
