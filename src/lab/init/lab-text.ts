/** The text of a first lab file. */
import { Document, isMap, type Node } from 'yaml';
import type { z } from 'zod';
import type { LabBoard } from '../lab.ts';
import type { power } from '../lab-power.ts';
import type { serial } from '../lab-serial.ts';

/** Facts about the lab's first board; paths as the lab file shall name them. */
export interface Answers {
  readonly name: string;
  readonly type: string;
  readonly typeTitle: string;
  /** Undefined: the type's first. */
  readonly boot: string | undefined;
  readonly serial: z.input<typeof serial>;
  /** Text by which a person recognizes the adapter. */
  readonly serialTitle: string | undefined;
  readonly power: z.input<typeof power>;
  readonly network: Pick<LabBoard['network'], 'address' | 'server'> &
    Partial<Pick<LabBoard['network'], 'netmask' | 'macAddress' | 'serialNumber'>>;
  /** The board asks for its files below its serial number, which is not known yet. */
  readonly lacksSerialNumber: boolean;
  readonly identity: LabBoard['ssh']['identity'];
  readonly images: readonly Image[];
}

export interface Image {
  readonly name: string;
  readonly path: string;
  readonly isThere: boolean;
}

/** @returns YAML with short comments, for `loadLab` */
export function labText(answers: Answers): string {
  const { name, type, boot, network, identity } = answers;
  const images = Object.fromEntries(answers.images.map(image => [image.name, image.path]));
  const document = new Document({
    schema: 1,
    boards: {
      [name]: {
        type,
        ...(boot === undefined ? {} : { boot }),
        serial: answers.serial,
        power: answers.power,
        network,
        ssh: { identity },
        images,
      },
    },
  });
  document.commentBefore =
    ' The boards of this lab. Fields: docs/lab.md of scmi-hil. Relative paths start at this file.';
  const at = (...field: string[]) => document.getIn(['boards', name, ...field], true) as Node;

  at('type').comment = ` ${answers.typeTitle}`;
  for (const field of [at('serial'), at('power'), at('ssh', 'identity')]) asOneLine(field);
  comment(at('serial'), answers.serialTitle);
  if (answers.lacksSerialNumber) {
    at('network').comment =
      ' serialNumber: "...", of the Pi: without it no file is found where the EEPROM asks';
  }
  at('ssh').comment = ' guests: { guest: ADDRESS }, as Dom0 reaches them';
  for (const image of answers.images) {
    if (!image.isThere) at('images', image.name).comment = ' not there yet';
  }
  return document.toString({ lineWidth: 0 });
}

/** `{ kind: device, path: ... }` */
function asOneLine(node: Node): void {
  if (isMap(node)) node.flow = true;
}

function comment(node: Node, text: string | undefined): void {
  if (text !== undefined) node.comment = ` ${text}`;
}
