import { setTimeout as delay } from 'node:timers/promises';
import { abortable, cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import type { SerialConnection, SerialDriver } from './serial.ts';
import { connectOver, openSocket } from './socket.ts';
import { type TcpAddress, tcpOptions, tcpWords } from './tcp.ts';
import { telnetData, telnetDecoder, telnetNegotiation, telnetSubnegotiation, type Verb } from './telnet.ts';

/** TELNET options (RFC 856, 857, 858, 2217). */
const options = { binary: 0, echo: 1, suppressGoAhead: 3, comPort: 44 } as const;

/** COM-PORT-OPTION commands of a client; a server's answers have 100 more (RFC 2217, section 3). */
const commands = { baudRate: 1, dataSize: 2, parity: 3, stopSize: 4, control: 5 } as const;
const answer = 100;
/** A server's own: stop and go on sending. */
const flow = { suspend: 108, resume: 109 } as const;
/** Values of the control command. */
const control = { noFlowControl: 1, breakOn: 5, breakOff: 6 } as const;

/**
 * Milliseconds that the server has to speak first. One that refuses says why and hangs up; to write to it then
 * would lose what it said.
 */
const firstWord = 200;

/**
 * A serial port of another machine with its speed, over RFC 2217: ser2net's `telnet(rfc2217)` accepter. 8N1
 * without flow control.
 */
export function serialRfc2217(remote: TcpAddress & { readonly baudRate: number }): SerialDriver {
  const { baudRate } = remote;
  const words = {
    ...tcpWords(remote),
    ended:
      'end the other client; where it is a dead one, `kickolduser: true` in ser2net.yaml lets a new one in',
  };
  return {
    name: `rfc2217 ${words.where} at ${baudRate}`,
    open: async (events, signal) => {
      const socket = await openSocket(tcpOptions(remote), words, signal);
      const port = createPort(words.where, baudRate, bytes => socket.write(bytes));
      let agreed = false;
      const line = connectOver(
        socket,
        words,
        {
          data: bytes => events.data(bytes),
          lost: error => {
            port.lost(error);
            if (agreed) {
              events.lost(error);
            }
          },
        },
        bytes => port.receive(bytes),
      );
      try {
        await port.agree(signal);
        agreed = true;
      } catch (error) {
        await line.close();
        throw error;
      }

      return overPort(line, port);
    },
  };
}

function overPort(line: SerialConnection, port: Port): SerialConnection {
  const close = async () => {
    const closed = line.close();
    port.lost(new Error('it was closed'));
    await closed;
  };

  return {
    write: async bytes => {
      await port.mayWrite();
      await line.write(telnetData(bytes));
    },
    break: async milliseconds => {
      await line.write(controlCommand(control.breakOn));
      await delay(milliseconds);
      await line.write(controlCommand(control.breakOff));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Port {
  /** Takes what came, gives the data in it. */
  receive(bytes: Uint8Array): Uint8Array;
  /** Asks for an 8-bit line of the speed and waits until the server has said that it is one. */
  agree(signal: AbortSignal): Promise<void>;
  /** Settles when the server takes data: the line itself says whether it is still there. */
  mayWrite(): Promise<void>;
  lost(error: Error): void;
}

/** Answers of the server that are due before the line may be used. */
type Awaited = 'the option' | 'binary to it' | 'binary from it' | 'the speed' | 'the frame';

function createPort(where: string, baudRate: number, send: (bytes: Uint8Array) => void): Port {
  const attempt = `set up the port at ${where}`;
  const awaited = new Set<Awaited>([
    'the option',
    'binary to it',
    'binary from it',
    'the speed',
    'the frame',
  ]);
  const frame = new Map<number, number>([
    [commands.dataSize, 8],
    [commands.parity, 1],
    [commands.stopSize, 1],
  ]);
  const answered = new Set<string>();
  let waiting: { met: () => void; failed: (error: Error) => void } | undefined;
  let going: (() => void)[] | undefined;

  let asked = false;
  const ask = () => {
    if (!asked) {
      asked = true;
      send(telnetNegotiation('will', options.comPort));
      send(telnetNegotiation('will', options.binary));
      send(telnetNegotiation('do', options.binary));
    }
  };

  const met = (what: Awaited) => {
    awaited.delete(what);
    if (awaited.size === 0) {
      waiting?.met();
    }
  };
  const fail = (why: string, hint: string) => waiting?.failed(new DriverError(attempt, why, hint));
  const goOn = () => {
    const held = going ?? [];
    going = undefined;
    held.forEach(go => go());
  };

  const negotiation = (verb: Verb, option: number) => {
    const key = `${verb} ${option}`;
    if (answered.has(key)) {
      return;
    }

    answered.add(key);
    if (key === `do ${options.comPort}`) {
      met('the option');
      settings(baudRate).forEach(send);
    } else if (key === `dont ${options.comPort}`) {
      fail('it has no RFC 2217', 'write `telnet(rfc2217)` in its accepter of ser2net.yaml, or use kind: tcp');
    } else if (option === options.binary) {
      if (verb === 'do' || verb === 'will') {
        met(verb === 'do' ? 'binary to it' : 'binary from it');
      } else {
        fail('it passes 7 bits only', 'see the options of its accepter');
      }
    } else if (verb === 'will') {
      const isHarmless = option === options.echo || option === options.suppressGoAhead;
      send(telnetNegotiation(isHarmless ? 'do' : 'dont', option));
    } else if (verb === 'do') {
      send(telnetNegotiation(option === options.suppressGoAhead ? 'will' : 'wont', option));
    }
  };

  const answers = (code: number, value: Uint8Array) => {
    const command = code - answer;
    if (code === flow.suspend) {
      going ??= [];
    } else if (code === flow.resume) {
      goOn();
    } else if (command === commands.baudRate && awaited.has('the speed')) {
      const speed = value.length === 4 ? new DataView(value.buffer).getUint32(0) : 0;
      if (speed === baudRate) {
        met('the speed');
      } else {
        fail(`it runs at ${speed}, not at ${baudRate}`, 'see which speeds the adapter there can do');
      }
    } else if (frame.has(command)) {
      if (frame.get(command) === value[0]) {
        frame.delete(command);
      } else {
        fail('it does not take 8 data bits, no parity, one stop bit', 'see the options of its connector');
      }

      if (frame.size === 0) {
        met('the frame');
      }
    }
  };

  const decode = telnetDecoder({
    negotiation,
    subnegotiation: (option, [code, ...value]) => {
      if (option === options.comPort && code !== undefined) {
        answers(code, Uint8Array.from(value));
      }
    },
  });

  return {
    receive: bytes => {
      ask();
      return decode(bytes);
    },
    agree: signal =>
      abortable<void>(
        signal,
        () =>
          cutShort(
            attempt,
            `its word on ${[...awaited].join(', ')}`,
            'see that it is a port with RFC 2217; use kind: tcp where it is a raw one',
            signal,
          ),
        (resolve, reject) => {
          waiting = { met: resolve, failed: reject };
          const patience = setTimeout(ask, firstWord);
          return () => {
            clearTimeout(patience);
            waiting = undefined;
          };
        },
      ),
    mayWrite: () => (going === undefined ? Promise.resolve() : new Promise(resolve => going?.push(resolve))),
    lost: error => {
      waiting?.failed(error);
      goOn();
    },
  };
}

function settings(baudRate: number): Uint8Array[] {
  const speed = new Uint8Array(4);
  new DataView(speed.buffer).setUint32(0, baudRate);
  return [
    comPort(commands.baudRate, ...speed),
    comPort(commands.dataSize, 8),
    comPort(commands.parity, 1),
    comPort(commands.stopSize, 1),
    controlCommand(control.noFlowControl),
  ];
}

function controlCommand(value: number): Uint8Array {
  return comPort(commands.control, value);
}

function comPort(...payload: readonly number[]): Uint8Array {
  return telnetSubnegotiation(options.comPort, Uint8Array.from(payload));
}
