/** One question, answered by an option of the command line, by a person, or by its default. */
import { ConfigurationError } from '../../config/configuration-error.ts';

export interface Question<T> {
  /** Option that answers it on the command line, without dashes; undefined: only a person is asked. */
  readonly option?: string;
  readonly text: string;
  readonly fallback?: string | undefined;
  /** No answer is an answer; what it means. */
  readonly otherwise?: string;
  /** Listed with numbers, which are answers too; others may be possible. */
  readonly choices?: readonly Choice[];
  /** @throws ConfigurationError that says what is wrong with an answer */
  readonly check: (text: string) => T;
}

interface Choice {
  readonly value: string;
  readonly title: string;
}

/** Somebody at a terminal. */
export interface Person {
  /** @throws LeftEarly where there will be no more answers */
  readonly ask: (prompt: string) => Promise<string>;
  readonly say: (line: string) => void;
}

/** Ctrl-C, Ctrl-D, or the terminal is gone. */
export class LeftEarly extends Error {}

export class Answerer {
  readonly #given: ReadonlyMap<string, string>;
  readonly #person: Person | undefined;
  readonly #missing: string[] = [];

  /**
   * @param given answers by option
   * @param person undefined: nobody is asked, defaults are taken
   */
  constructor(given: ReadonlyMap<string, string>, person: Person | undefined) {
    this.#given = given;
    this.#person = person;
  }

  /** Options that somebody has to give, as nobody could be asked. */
  get missing(): readonly string[] {
    return this.#missing;
  }

  /** The person to ask; undefined: there is none, and `options` are noted as missing. */
  personOr(options: string): Person | undefined {
    if (this.#person === undefined) this.#missing.push(options);
    return this.#person;
  }

  /** Those that were given. */
  get options(): readonly string[] {
    return [...this.#given.keys()];
  }

  given(option: string): string | undefined {
    return this.#given.get(option);
  }

  /**
   * @returns undefined where no answer is an answer, or the option is missing
   * @throws ConfigurationError where the option's answer is wrong
   */
  async answer<T>(question: Question<T>): Promise<T | undefined> {
    const { option = '', fallback, otherwise, check } = question;
    const given = this.#given.get(option);
    if (given !== undefined)
      return checkOption(`--${option} ${given}`.trimEnd(), () => check(notEmpty(given)));
    if (this.#person !== undefined) return askUntilRight(question, this.#person);
    if (fallback !== undefined) return check(fallback);
    if (otherwise === undefined) this.#missing.push(`--${option}`);
    return undefined;
  }
}

/** @throws ConfigurationError that begins with the option */
export function checkOption<T>(option: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(`${option}: ${error.message}`, error.hint, { cause: error });
  }
}

async function askUntilRight<T>(question: Question<T>, person: Person): Promise<T | undefined> {
  const { text, fallback, otherwise, choices = [], check } = question;
  const width = Math.max(0, ...choices.map(({ value }) => value.length));
  for (const [index, { value, title }] of choices.entries()) {
    person.say(`  ${index + 1}) ${value.padEnd(width)}  ${title}`.trimEnd());
  }
  const hint = fallback !== undefined ? ` [${fallback}]` : otherwise !== undefined ? ` [${otherwise}]` : '';
  for (;;) {
    const typed = (await person.ask(`${text}${hint}: `)).trim();
    if (typed === '' && fallback === undefined && otherwise !== undefined) return undefined;
    try {
      const answer = chosenOf(typed, choices) ?? (typed === '' ? (fallback ?? '') : typed);
      return check(notEmpty(answer));
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      for (const line of [error.message, error.hint]) if (line !== undefined) person.say(`  ${line}`);
    }
  }
}

function notEmpty(answer: string): string {
  if (answer.trim() !== '') return answer;
  throw new ConfigurationError('an answer is needed', 'Ctrl-C leaves without writing');
}

/** @throws ConfigurationError for a number that none of the choices has */
function chosenOf(typed: string, choices: readonly Choice[]): string | undefined {
  if (choices.length === 0 || !/^\d+$/.test(typed)) return undefined;
  const choice = choices[Number(typed) - 1];
  if (choice !== undefined) return choice.value;
  throw new ConfigurationError(
    `${typed}: there are ${choices.length} to choose from`,
    'a number, or the answer itself',
  );
}
