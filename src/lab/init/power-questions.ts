/** How a board's supply is switched: what has to be asked for each kind of switch. */
import { parse } from 'yaml';
import { z } from 'zod';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { power } from '../lab-power.ts';
import { hintAt } from '../../config/nearest-name.ts';
import { schemaMistakes } from '../../config/schema-mistakes.ts';
import { type Answerer, checkOption } from './question.ts';

export type Power = z.input<typeof power>;

interface FieldRow {
  readonly field: string;
  readonly text: string;
  readonly fallback?: string;
  /** It may be left out; what that means. */
  readonly otherwise?: string;
  /** Value in the lab file for an answer; the answer itself by default. */
  readonly value?: (answer: string) => unknown;
}

const host: FieldRow = { field: 'host', text: 'its name or address' };
const password: FieldRow = {
  field: 'passwordFile',
  text: 'file that holds its password',
  otherwise: 'it asks for none',
};
const url = (answer: string) => ({ url: answer });

/** Fields that the schema does not require and few labs need are left to docs/lab.md, and so are boards of a farm. */
const kinds: Readonly<
  Record<Exclude<Power['kind'], 'labgrid'>, { readonly title: string; readonly fields: readonly FieldRow[] }>
> = {
  command: {
    title: 'shell commands',
    fields: [
      { field: 'on', text: 'command that switches on' },
      { field: 'off', text: 'command that switches off' },
      { field: 'state', text: 'command that prints on or off', otherwise: 'there is none' },
    ],
  },
  shelly: {
    title: 'Shelly plug or relay',
    fields: [
      host,
      { field: 'generation', text: 'its generation: 1, or 2 for later ones', fallback: '2', value: Number },
      { field: 'channel', text: 'its channel', fallback: '0', value: Number },
      password,
    ],
  },
  tasmota: {
    title: 'Tasmota, over HTTP',
    fields: [host, { field: 'output', text: 'its output', fallback: '1', value: Number }, password],
  },
  mqtt: {
    title: 'Tasmota, at an MQTT broker',
    fields: [
      { field: 'broker', text: 'the broker, with :port where it is not 1883' },
      { field: 'topic', text: "the device's topic" },
      { field: 'output', text: 'its output', fallback: '1', value: Number },
      password,
    ],
  },
  http: {
    title: 'another switch with requests of its own',
    fields: [
      { field: 'on', text: 'URL that switches on (GET)', value: url },
      { field: 'off', text: 'URL that switches off (GET)', value: url },
    ],
  },
  pdudaemon: {
    title: 'PDUDaemon',
    fields: [
      { field: 'host', text: 'where it runs', fallback: 'localhost' },
      { field: 'pdu', text: 'name of the PDU' },
      { field: 'outlet', text: 'outlet' },
    ],
  },
  uhubctl: {
    title: 'USB hub that uhubctl can switch',
    fields: [
      { field: 'location', text: 'hub as uhubctl names it, such as 1-1.4' },
      { field: 'port', text: 'port of the hub', value: Number },
    ],
  },
  relay: {
    title: 'relay on a serial port',
    fields: [
      { field: 'path', text: 'its device' },
      { field: 'on', text: 'bytes that switch on', fallback: 'A0 01 01 A2' },
      { field: 'off', text: 'bytes that switch off', fallback: 'A0 01 00 A1' },
    ],
  },
  ask: { title: 'somebody at the terminal, who is asked', fields: [] },
};

/** @returns undefined where nobody could be asked; that is noted */
export async function powerOf(answerer: Answerer): Promise<Power | undefined> {
  const given = givenPower(answerer);
  if (given !== undefined) return given;
  if (answerer.personOr('--power-on and --power-off (or --power)') === undefined) return undefined;
  const names = Object.keys(kinds) as (keyof typeof kinds)[];
  const kind = await answerer.answer({
    text: 'How is its power switched',
    fallback: 'command',
    choices: names.map(value => ({ value, title: kinds[value].title })),
    check: text => {
      const found = names.find(name => name === text);
      if (found === undefined)
        throw new ConfigurationError(`${text}: not a kind of switch`, hintAt(text, names));
      return found;
    },
  });
  if (kind === undefined) return undefined;
  const setup: Record<string, unknown> = { kind };
  for (const { field, text, fallback, otherwise, value = same } of kinds[kind].fields) {
    const answer = await answerer.answer({
      text: `  ${text}`,
      fallback,
      ...(otherwise === undefined ? {} : { otherwise }),
      check: typed => checked(shapeOf(kind)[field], value(typed)),
    });
    if (answer !== undefined) setup[field] = answer;
  }
  return checkedPower(setup);
}

/** `--power-on`, `--power-off` and `--power-state`, or `--power` with a kind or all fields. */
function givenPower(answerer: Answerer): Power | undefined {
  const [on, off, state] = ['power-on', 'power-off', 'power-state'].map(option => answerer.given(option));
  const whole = answerer.given('power');
  if (whole !== undefined) {
    if (on !== undefined || off !== undefined || state !== undefined) {
      throw new ConfigurationError(
        '--power and --power-on, --power-off contradict each other',
        'leave one out',
      );
    }
    return checkOption('--power', () => checkedPower(fieldsOf(whole)));
  }
  if (on === undefined && off === undefined && state === undefined) return undefined;
  if (on === undefined || off === undefined) {
    throw new ConfigurationError(
      `--power-${on === undefined ? 'on' : 'off'} is missing`,
      'a switch needs a command for each of on and off',
    );
  }
  return { kind: 'command', on, off, ...(state === undefined ? {} : { state }) };
}

function fieldsOf(text: string): unknown {
  try {
    const value: unknown = parse(text);
    return typeof value === 'string' ? { kind: value } : value;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new ConfigurationError(why, 'such as "{ kind: shelly, host: plug-3.lab, generation: 2 }"', {
      cause: error,
    });
  }
}

const same = (answer: string): unknown => answer;

function shapeOf(kind: Power['kind']): Readonly<Record<string, z.ZodType>> {
  const option = power.options.find(({ shape }) => shape.kind.value === kind);
  return option?.shape ?? {};
}

/** @returns the value as it was: the lab file is read by the same schema */
function checked(schema: z.ZodType | undefined, value: unknown): unknown {
  const result = (schema ?? z.unknown()).safeParse(value);
  if (result.success) return value;
  const [mistake] = schemaMistakes(result.error.issues, schema ?? z.unknown(), value);
  throw new ConfigurationError(mistake?.message ?? 'is wrong');
}

function checkedPower(value: unknown): Power {
  const result = power.safeParse(value);
  if (result.success) return value as Power;
  const mistakes = schemaMistakes(result.error.issues, power, value);
  throw new ConfigurationError(
    mistakes
      .map(({ field, key, message }) => [...field, key ?? []].flat().join('.') + `: ${message}`)
      .join('; '),
    'docs/lab.md lists the kinds of power switches and their fields',
  );
}
