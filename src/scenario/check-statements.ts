/**
 * Holds the statements of a scenario against the model's own prediction on the board that it was fitted to. A
 * statement that nothing can meet there, or that nothing can miss, is a mistake of the scenario: most often it names
 * a value of another board.
 */
import { loadFirmwareProfile, shippedProfiles } from '../board/firmware-profile.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { hintAt } from '../config/nearest-name.ts';
import { revisionText } from '../model/linux/scmi-driver.ts';
import { predict, predictOnce } from '../model/predict/predict.ts';
import type { Expectation } from '../model/predict/prediction.ts';
import type { Scenario, Statement } from '../model/predict/scenario.ts';
import { concernsScmi, predictedMilestones } from '../model/predict/statements.ts';
import { isMessageOfXen } from '../model/xen/message-forms.ts';

export interface StatementCheck {
  readonly scenario: Scenario;
  /** Where a field of the scenario stands: file, line and column. */
  readonly place: (field: readonly PropertyKey[]) => string;
  /** The same board as it stands, with one guest: what it prints can be printed on this board. */
  readonly control: () => Scenario;
}

/** @throws ConfigurationError at the first statement that no run on this board can meet, or that none can miss */
export function checkStatements({ scenario, place, control }: StatementCheck): void {
  const { statements } = scenario;
  if (statements.length === 0) return;
  const { expectations } = predictOnce(scenario);
  const check = new Check(scenario, control);
  for (const [index, statement] of statements.entries()) {
    const expectation = expectations.find(({ id }) => id === `statement.${index + 1}`);
    const mistake = expectation && check.mistakeOf(statement.check, expectation);
    if (mistake === undefined) continue;
    const { field, what, hint } = mistake;
    throw new ConfigurationError(
      `${place(['statements', index, field])}: statements[${index}].${field}: ${what}`,
      hint,
    );
  }
}

interface Mistake {
  readonly field: string;
  readonly what: string;
  readonly hint: string;
}

class Check {
  readonly #scenario: Scenario;
  readonly #control: () => Scenario;
  #printed: ReturnType<typeof predict>['console'] | undefined;

  constructor(scenario: Scenario, control: () => Scenario) {
    this.#scenario = scenario;
    this.#control = control;
  }

  mistakeOf(check: Statement['check'], { claim }: Expectation): Mistake | undefined {
    const broken = claim?.broken?.rule;
    if (check.kind === 'milestone') return milestoneMistake(check.name);
    if (check.kind === 'step') {
      const step = this.#scenario.steps[check.step];
      if (broken === 'model.not-reached' && step !== undefined) {
        const hint = 'state it of a step that is answered: create, destroy, command, smc, scmi, memory';
        return { field: 'step', what: `a step ${step.do} has neither exit status nor output`, hint };
      }
      return check.output === undefined ? undefined : this.#patternMistake('output', check.output);
    }
    const { source, pattern, absent = false } = check;
    const mistake = this.#patternMistake('pattern', pattern);
    if (mistake !== undefined) return mistake;
    // A line of Linux that is to be absent may be any driver's; of Xen every message about SCMI is known.
    const isDoubtful = absent ? source === 'xen' && broken === undefined : broken === 'model.not-said';
    if (!isDoubtful || !concernsScmi(pattern) || this.#canBePrinted(source, pattern)) return undefined;
    const what = `nothing on ${this.#boardName()} prints a line that matches /${pattern}/`;
    const why = absent ? 'the statement could never be missed' : 'the statement could never be met';
    return { field: 'pattern', what: `${what}: ${why}`, hint: hintOfPattern };
  }

  /** Mistake of a pattern, for every prediction. */
  #patternMistake(field: string, pattern: string): Mistake | undefined {
    if (new RegExp(pattern).test(unlikely)) {
      const hint = 'a pattern is searched for, as by grep; ^$ stands for no output';
      return { field, what: `/${pattern}/ matches any text: the statement could never be missed`, hint };
    }
    const foreign = this.#foreignValue(pattern);
    if (foreign === undefined) return undefined;
    const { name, value, profile } = foreign;
    const own = this.#scenario.firmware.profile[name];
    return {
      field,
      what: `/${pattern}/ names "${value}" of the firmware ${profile}; here the firmware says "${own}"`,
      hint: `use \${firmware.${name}}, which is the value of the board`,
    };
  }

  /** A name by which another firmware calls itself, and this one does not. */
  #foreignValue(pattern: string) {
    const { vendor, subVendor } = this.#scenario.firmware.profile;
    return shippedProfiles()
      .map(loadFirmwareProfile)
      .flatMap(profile => [
        { name: 'vendor' as const, value: profile.vendor, profile: profile.name },
        { name: 'subVendor' as const, value: profile.subVendor, profile: profile.name },
      ])
      .find(({ value }) => value !== vendor && value !== subVendor && namesValue(pattern, value));
  }

  #canBePrinted(source: 'xen' | 'linux', pattern: string): boolean {
    const form = new RegExp(pattern);
    const { profile } = this.#scenario.firmware;
    // A Linux that reaches the firmware says this of it, whether the board's own layout lets it or not.
    if (source === 'linux' && form.test(`arm-scmi arm-scmi.0.auto: ${revisionText(baseVersion, profile)}`))
      return true;
    if (source === 'xen' && isMessageOfXen(pattern)) return true;
    this.#printed ??= predict(this.#control()).console;
    return this.#printed.some(line => line.source === source && form.test(line.text));
  }

  #boardName(): string {
    return `a board with firmware ${this.#scenario.firmware.profile.name}`;
  }
}

function milestoneMistake(name: string): Mistake | undefined {
  if (predictedMilestones.includes(name)) return undefined;
  const hint = hintAt(name, predictedMilestones);
  return { field: 'milestone', what: `the model predicts no milestone ${name}`, hint };
}

/** As a word of its own, in the quotes of Linux's line or between other marks. */
function namesValue(pattern: string, value: string): boolean {
  if (value.length < shortestName) return false;
  const escaped = value.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`).test(pattern);
}

const shortestName = 3;

/** Of the Base protocol: 2.0 (DEN0056, section 4.2.2.1). */
const baseVersion = 0x2_0000;

/** A text that nothing prints: a pattern that matches it matches everything. */
const unlikely = '\u0001';

const hintOfPattern =
  'values of the board are written as templates: ${firmware.vendor}, ${guest1.shmem}, ${dom0.functionId}, ...';
