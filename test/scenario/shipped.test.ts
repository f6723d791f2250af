import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import type { BoardType } from '../../src/board/board-type.ts';
import { boardTypeNames, loadBoardType } from '../../src/board/board-types.ts';
import { projectDirectory } from '../../src/config/project-directory.ts';
import { claimMatrix } from '../../src/cli/claim-matrix.ts';
import { predict } from '../../src/model/predict/predict.ts';
import { claimMatrixMarkdown, claimMatrixText } from '../../src/verdict/report/claim-matrix.ts';
import { loadClaims } from '../../src/scenario/claims.ts';
import { fitsBoardType } from '../../src/scenario/fit.ts';
import { listScenarios, loadScenario, type ScenarioFile } from '../../src/scenario/load.ts';
import { scmiHil } from '../cli/fake-process.ts';

const scenarios = listScenarios();
const claims = loadClaims();
const boardTypes = boardTypeNames().map(loadBoardType);
const matrix = claimMatrix();

/** Scenarios that ask of a tree whose behaviour the sources leave open. */
const undefinedOnPurpose: readonly string[] = [];

test('there are at least forty scenarios, and each is for a board', t => {
  t.true(scenarios.length >= 40);
  for (const { name, document } of scenarios) {
    t.true(
      boardTypes.some(type => fitsBoardType(document, type)),
      name,
    );
  }
});

test('a scenario says why it is asked, and states something that can fail', t => {
  for (const { name, document } of scenarios) {
    t.true(document.statements.length > 0, name);
    t.true((document.description ?? '').length > 0, name);
    for (const { words, ...check } of document.statements) {
      const aboutStep = 'step' in check;
      t.false(aboutStep && check.exitStatus === undefined && check.output === undefined, `${name}: ${words}`);
    }
  }
});

test('the words of a scenario’s statements are told apart', t => {
  for (const { name, document } of scenarios) {
    const words = document.statements.map(statement => statement.words);
    t.deepEqual(words.toSorted(), [...new Set(words)].toSorted(), name);
  }
});

for (const board of boardTypes) {
  test.serial(
    `every scenario that is for ${board.type} fits it, and what it leads to is defined`,
    async t => {
      for (const { scenario, prediction } of predictions(board)) {
        const isOnPurpose = undefinedOnPurpose.includes(scenario.name);
        t.is(prediction.undefined.length > 0, isOnPurpose, scenario.name);
        await setImmediate();
      }
    },
  );
}

test('a scenario names the statements of the series that its own statements are about', t => {
  const known = new Set(claims.map(({ id }) => id));
  for (const { name, document } of scenarios) {
    const stated = new Set(document.statements.flatMap(statement => statement.claims));
    t.deepEqual([...document.claims].toSorted(), [...stated].toSorted(), name);
    t.deepEqual(
      document.claims.filter(id => !known.has(id)),
      [],
      name,
    );
  }
});

test('every statement of the series is tested by a scenario, or says why it cannot be seen', t => {
  t.is(new Set(claims.map(({ id }) => id)).size, claims.length);
  for (const { claim, entries } of matrix.rows) {
    t.is(entries.length > 0, claim.unseen === undefined, claim.id);
    t.false(claim.unseen !== undefined && claim.partly !== undefined, claim.id);
  }
});

/** Where documentation, change logs and driver disagree, as real boots have shown. */
const disagreements = [
  ['D9', 'dom0-doorbell-not-rewritten', "Dom0's function id is not written into its tree"],
  ['D10', 'firmware-scmi-disabled', 'Dom0 gets its agent though its node is disabled'],
  ['D4', 'ranges-missing', 'the examples without ranges give no mediator'],
  ['D16', 'firmware-without-set-device-permissions', 'the optional message is needed for Dom0'],
  ['D16', 'firmware-without-discover-agent', "the optional message is needed for Xen's own id"],
  ['D17', 'dom0-device-of-firmware-scmi', 'access-controllers of the example send nothing'],
  ['D19', 'dtdev-without-iommu', 'dtdev needs an IOMMU all the same'],
  ['v10-1', 'management-page-not-aligned', "the address of Xen's own page is not checked"],
  ['v10-2', 'agent-listed-twice-in-two-cell-list', 'discovered ids are not compared'],
  ['v8-2', 'agent-255-listed', '255 is taken in the list'],
  ['v11-T3', 'agent-id-missing', 'an agent id that is not given is 0'],
] as const;

for (const [id, name, what] of disagreements) {
  test(`${name}: ${what}`, t => {
    const entry = matrix.rows.find(row => row.claim.id === id)?.entries.find(each => each.scenario === name);
    t.deepEqual([...new Set(entry?.boards.values())], ['breaks']);
    t.true(entry?.breaks.every(({ why }) => why.length > 0));
  });
}

test('the matrix has a column for each board type that runs the series, and a line for each test', t => {
  t.deepEqual(
    matrix.boardTypes,
    boardTypes
      .filter(
        ({ xen, emulator, lineage }) =>
          xen.mediator === 'multi-agent' && emulator === undefined && lineage.length === 1,
      )
      .map(({ type }) => type),
  );
  const lines = claimMatrixText(matrix).split('\n');
  t.regex(lines[0] ?? '', /^ {8}SCENARIO +rcar-v4h-white-hawk {2}rpi5$/);
  t.true(lines.includes("D9      Xen writes function id and page of Dom0's agent into Dom0's tree"));
  t.true(lines.some(line => /^ {8}dom0-doorbell-not-rewritten +breaks +breaks$/.test(line)));
  t.true(lines.some(line => /^ {8}permissions-not-in-firmware +breaks +-$/.test(line)));
  t.true(lines.some(line => /^ {8}cannot be seen: /.test(line)));
});

test('docs/claims.md is what `scmi-hil scenarios --matrix --markdown` writes', t => {
  const page = readFileSync(path.join(projectDirectory, 'docs', 'claims.md'), 'utf8');
  t.is(page, claimMatrixMarkdown(matrix));
});

test('scenarios --matrix prints it, as text and as JSON', async t => {
  const cwd = projectDirectory;
  t.is((await scmiHil(['scenarios', '--matrix'], { cwd })).out, claimMatrixText(matrix));
  const { out } = await scmiHil(['scenarios', '--matrix', '--json'], { cwd });
  const { boardTypes: columns, statements } = JSON.parse(out) as {
    readonly boardTypes: readonly string[];
    readonly statements: readonly { readonly id: string; readonly scenarios: readonly object[] }[];
  };
  t.deepEqual(columns, matrix.boardTypes);
  t.deepEqual(
    statements.map(({ id }) => id),
    claims.map(({ id }) => id),
  );
  t.like(
    statements.find(({ id }) => id === 'D9'),
    {
      scenarios: [
        {
          scenario: 'dom0-doorbell-not-rewritten',
          boards: { rpi5: 'breaks', 'rcar-v4h-white-hawk': 'breaks' },
        },
      ],
    },
  );
});

test('scenarios --markdown without the matrix is refused', async t => {
  const { code, err } = await scmiHil(['scenarios', '--markdown'], { cwd: projectDirectory });
  t.is(code, 2);
  t.regex(err, /scmi-hil scenarios --matrix --markdown/);
});

function* predictions(board: BoardType) {
  for (const scenario of scenarios) {
    if (fitsBoardType(scenario.document, board))
      yield { scenario, prediction: predictOn(scenario, board.type) };
  }
}

function predictOn(scenario: ScenarioFile, type: string) {
  const board = loadBoardType(type);
  const options = { directory: board.dom0.directory, dom0KernelIsAdded: true };
  return predict(loadScenario(scenario.file, board), options);
}
