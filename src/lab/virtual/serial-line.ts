/** Damage of a bad serial line to its characters, the same in each run. */
import type { VirtualFaults } from './faults.ts';

export interface SerialLine {
  /** The part of the board's output that arrives. */
  said(text: string): Uint8Array;
  /** The part of a typed text that the board gets. */
  typed(text: string): string;
}

export function serialLine({ output, input }: VirtualFaults): SerialLine {
  const outgoing = output === undefined ? clean : outgoingLines[output]();
  const incoming = input === undefined ? asTyped : incomingLines[input]();
  // Nobody reads what is typed at another speed, either.
  return { said: outgoing, typed: output === 'wrong-speed' ? () => '' : incoming };
}

type Outgoing = (text: string) => Uint8Array;
type Incoming = (text: string) => string;

/** One character in this number is damaged: a prime, so that the place differs from line to line. */
const damagedEvery = 211;
/** One of this number of Xen's lines is torn. */
const tornEvery = 7;
const fromFirmware = 'NOTICE:  SCMI: agent 0, protocol 0x10, message 0x3\r\n';
/** Characters that a UART holds until its driver reads them. */
const fifo = 4;

const clean: Outgoing = text => Buffer.from(text);
const asTyped: Incoming = text => text;

const outgoingLines: Readonly<Record<NonNullable<VirtualFaults['output']>, () => Outgoing>> = {
  torn: () => {
    let lines = 0;
    return text =>
      Buffer.from(
        text.replaceAll(/\(XEN\) [^\r\n]{20,}/g, line => {
          if (lines++ % tornEvery !== 0) return line;
          const middle = Math.floor(line.length / 2);
          return `${line.slice(0, middle)}${fromFirmware}${line.slice(middle)}`;
        }),
      );
  },
  lossy: () => damaging(() => ''),
  doubling: () => damaging(character => character + character),
  'wrong-speed': () => text =>
    Uint8Array.from(text, character => 0x80 | ((character.charCodeAt(0) * 37) % 256)),
  nothing: () => () => new Uint8Array(),
};

const incomingLines: Readonly<Record<NonNullable<VirtualFaults['input']>, () => Incoming>> = {
  overrun: () => text => text.slice(0, fifo),
  reordered: () => {
    let bursts = 0;
    return text => {
      if (text.length < 2 || bursts++ % 7 !== 0) return text;
      const [first = '', second = '', ...rest] = text;
      return `${second}${first}${rest.join('')}`;
    };
  },
};

function damaging(damage: (character: string) => string): Outgoing {
  let carried = 0;
  return text =>
    Buffer.from(
      Array.from(text, character => (++carried % damagedEvery === 0 ? damage(character) : character)).join(
        '',
      ),
    );
}
