/**
 * The HTML report: one file that works offline. A matrix of scenarios and boards; of each run the first failure, every
 * expectation with its reason and its line on the console, the console by talker, a time line, the states of the
 * machines, versions and hashes.
 *
 * All text of a run is escaped, and the page's policy lets no script run but its own (by its hash), nor load anything.
 */
import { createHash } from 'node:crypto';
import type { Judgement } from '../verify/verdict.ts';
import { firstFailure } from './first-failure.ts';
import { htmlScript } from './html-script.ts';
import { htmlStyle } from './html-style.ts';
import { imageWords } from './images.ts';
import { type LeftOut, leftOutLines } from './left-out.ts';
import { printable } from './printable.ts';
import type { Moment, RecordedRun, ReportedConsole, ReportedLine } from './recorded-run.ts';
import { isFailure, outcomeOf, type RunOutcome, type Strictness } from './run-report.ts';

const outcomeWords: Readonly<Record<RunOutcome, string>> = {
  met: 'met',
  failed: 'failed',
  infrastructure: 'infrastructure error',
  interrupted: 'interrupted',
};

/** @returns the document, with every run in the order given */
export function renderHtml(
  runs: readonly RecordedRun[],
  strictness: Strictness,
  leftOut: readonly LeftOut[] = [],
): string {
  const hash = createHash('sha256').update(htmlScript).digest('base64');
  const style = createHash('sha256').update(htmlStyle).digest('base64');
  const policy = `default-src 'none'; script-src 'sha256-${hash}'; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'`;
  const started = runs.map(({ report }) => report.started).toSorted()[0] ?? '';
  const counts = Object.keys(outcomeWords).map(
    outcome =>
      [
        outcome as RunOutcome,
        runs.filter(({ report }) => outcomeOf(report, strictness) === outcome).length,
      ] as const,
  );
  const sum = counts
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcomeWords[outcome]}`);
  const title = `scmi-hil: ${runs.length} run${runs.length === 1 ? '' : 's'}: ${sum.join(', ')}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>${escape(title)}</title><style>${htmlStyle}</style></head>
<body><header><h1>${escape(title)}</h1><p class="soft">${escape(started)}</p></header>
<main>
<section aria-labelledby="matrix"><h2 id="matrix">Scenarios and boards</h2>${matrix(runs, strictness)}${leftOutList(leftOut)}</section>
<section aria-labelledby="runs"><h2 id="runs">Runs</h2>
<div class="filters"><label>Search names, expectations and consoles <input type="search" id="search"></label>
${counts.map(([outcome, count]) => `<label><input type="checkbox" name="outcome" value="${outcome}" checked> ${outcomeWords[outcome]} (${count})</label>`).join('\n')}
<span id="count" class="soft" role="status"></span></div>
${runs.map((run, index) => runSection(run, `r${index}`, strictness)).join('\n')}
</section></main><script>${htmlScript}</script></body></html>
`;
}

function matrix(runs: readonly RecordedRun[], strictness: Strictness): string {
  const boards = [...new Set(runs.map(({ report }) => report.verdict.board))];
  const scenarios = [...new Set(runs.map(({ report }) => report.verdict.scenario))];
  const cells = new Map<string, string>();
  for (const [index, { report }] of runs.entries()) {
    const { scenario, board } = report.verdict;
    const outcome = outcomeOf(report, strictness);
    const key = `${scenario}\0${board}`;
    const link = `<a class="${outcome}" href="#r${index}">${outcomeWords[outcome]}</a>`;
    cells.set(key, cells.has(key) ? `${cells.get(key) ?? ''}, ${link}` : link);
  }
  const rows = scenarios.map(
    scenario =>
      `<tr><th scope="row">${escape(scenario)}</th>${boards.map(board => `<td>${cells.get(`${scenario}\0${board}`) ?? '<span class="soft">not run</span>'}</td>`).join('')}</tr>`,
  );
  return `<div class="matrix" tabindex="0" role="region" aria-labelledby="matrix"><table><thead><tr><th scope="col">scenario</th>${boards.map(board => `<th scope="col">${escape(board)}</th>`).join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

function leftOutList(leftOut: readonly LeftOut[]): string {
  if (leftOut.length === 0) return '';
  const items = leftOutLines(leftOut).map(line => `<li>${escape(line)}</li>`);
  return `<details><summary>${leftOut.length} left out</summary><ul>${items.join('')}</ul></details>`;
}

function runSection(run: RecordedRun, id: string, strictness: Strictness): string {
  const { report } = run;
  const { scenario, board } = report.verdict;
  const outcome = outcomeOf(report, strictness);
  const counts = Object.entries(report.verdict.counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name.replaceAll('-', ' ')}`);
  const head = `<span class="${outcome}">${outcomeWords[outcome]}</span> <strong>${escape(scenario)}</strong> on ${escape(board)} <span class="soft">${(report.milliseconds / 1000).toFixed(1)} s, ${counts.join(', ')}</span>`;
  const places = evidencePlaces(run, id);
  const body = [
    `<p>${escape(report.title)}${report.claims.length === 0 ? '' : ` <span class="soft">[${escape(report.claims.join(' '))}]</span>`}</p>`,
    ...report.verdict.faults.map(
      ({ class: kind, what, hint }) =>
        `<p class="infrastructure"><strong>${escape(kind)}:</strong> ${escape(what)}${hint === undefined ? '' : `<br>hint: ${escape(hint)}`}</p>`,
    ),
    ...(report.verdict.notes ?? []).map(note => `<p class="soft">note: ${escape(note)}</p>`),
    firstFailureBox(report.verdict.judgements, strictness, places, id),
    timeLine(run.moments, report.milliseconds),
    expectationTable(report.verdict.judgements, places, id),
    ...run.consoles.map((each, index) => consoleSection(each, `${id}-c${index}`, places)),
    statesSection(run.states),
    imagesSection(run),
  ];
  return `<details class="run" id="${id}" data-outcome="${outcome}"><summary>${head}</summary><template><div>${body.join('\n')}</div></template></details>`;
}

/** Which line of a console is the evidence of which expectation. */
interface Places {
  /** By index of the judgement: id of the line. */
  readonly lineOf: ReadonlyMap<number, string>;
  /** By line: its id, and the judgements for which it is evidence. */
  readonly judgementsOf: ReadonlyMap<
    ReportedLine,
    { readonly id: string; readonly judgements: readonly number[] }
  >;
}

function evidencePlaces({ report, consoles }: RecordedRun, id: string): Places {
  const lineOf = new Map<number, string>();
  const judgementsOf = new Map<ReportedLine, { id: string; judgements: number[] }>();
  const byEvent = Map.groupBy(
    consoles.flatMap(({ lines }, console) =>
      lines.map((line, index) => ({ line, name: `${id}-c${console}l${index}` })),
    ),
    ({ line }) => line.event,
  );
  for (const [index, { seen }] of report.verdict.judgements.entries()) {
    if (seen === undefined) continue;
    const place = byEvent.get(seen.line)?.find(({ line }) => line.text.includes(seen.text.trim()));
    if (place === undefined) continue;
    lineOf.set(index, place.name);
    const known = judgementsOf.get(place.line);
    if (known === undefined) judgementsOf.set(place.line, { id: place.name, judgements: [index] });
    else known.judgements.push(index);
  }
  return { lineOf, judgementsOf };
}

function firstFailureBox(
  judgements: readonly Judgement[],
  strictness: Strictness,
  places: Places,
  id: string,
): string {
  const first = firstFailure(judgements, strictness);
  if (first === undefined) return '';
  const { expectation, outcome, why, seen } = first;
  const index = judgements.indexOf(first);
  const others = judgements.filter(each => each !== first && isFailure(each, strictness)).length;
  const rows: (readonly [string, string | undefined])[] = [
    ['expected', `<code>${escape(expectation.text)}</code>`],
    ['pattern', `<code>/${escape(expectation.pattern)}/</code>`],
    ['why', why === undefined ? undefined : escape(why)],
    [
      outcome === 'missed' ? 'nearest seen' : 'seen',
      seen === undefined ? undefined : seenCell(first, index, places),
    ],
    [
      'because',
      `${escape(expectation.reason.because)} <span class="soft">(${escape(expectation.reason.rule)})</span>`,
    ],
  ];
  return `<div class="first"><h3><a href="#${id}-e${index}">First failure</a>: <span class="${outcome}">${outcome}</span>${others === 0 ? '' : `, and ${others} that may follow from it`}</h3><dl>${rows.map(([name, value]) => (value === undefined ? '' : `<dt>${name}</dt><dd>${value}</dd>`)).join('')}</dl></div>`;
}

function seenCell({ seen }: Judgement, index: number, { lineOf }: Places): string {
  if (seen === undefined) return '';
  const text = `<code>${escape(seen.text)}</code>`;
  const place = lineOf.get(index);
  const where = seen.t === undefined ? `line ${seen.line}` : `${(seen.t / 1000).toFixed(2)} s`;
  return place === undefined
    ? `${text} <span class="soft">${where}, recording.jsonl:${seen.line}</span>`
    : `${text} <a href="#${place}">${where}</a>`;
}

function expectationTable(judgements: readonly Judgement[], places: Places, id: string): string {
  const rows = judgements.map((judgement, index) => {
    const { expectation, outcome, why } = judgement;
    const place = places.lineOf.get(index);
    const never = expectation.kind === 'absent' ? 'never: ' : '';
    const reason =
      why === undefined || outcome === 'met'
        ? expectation.reason.because
        : `${why}; expected because ${expectation.reason.because}`;
    const text = `${escape(expectation.source)}: ${never}${escape(expectation.text)}`;
    return `<tr id="${id}-e${index}"><td class="${outcome}">${outcome.replaceAll('-', ' ')}<td class="text">${place === undefined ? text : `<a href="#${place}">${text}</a>`}<td>${escape(reason)}`;
  });
  return `<h3>Expectations</h3><div class="scroll" tabindex="0" role="region" aria-label="Expectations"><table><thead><tr><th scope="col">verdict<th scope="col">expected<th scope="col">reason</thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

/** One letter by talker, for the style. */
const talkerClass = { eeprom: 'e', 'tf-a': 't', 'u-boot': 'u', xen: 'x', linux: 'l', unknown: 'n' } as const;

function consoleSection({ name, lines, leftOut }: ReportedConsole, id: string, places: Places): string {
  const half = leftOut === 0 ? -1 : lines.length / 2;
  const items = lines.map((line, index) => {
    const evidence = places.judgementsOf.get(line);
    const run = id.split('-', 1)[0] ?? '';
    const links = (evidence?.judgements ?? []).map(
      each => ` <a href="#${run}-e${each}" aria-label="expectation ${each + 1}">[${each + 1}]</a>`,
    );
    const talker = line.talker === 'linux' ? domainName(line.domid) : line.talker;
    const cut = index === half ? `<li class="soft">(${leftOut} lines left out)` : '';
    return `${cut}<li class=${talkerClass[line.talker]}${evidence === undefined ? '' : ` id=${evidence.id}`}><i>${(line.t / 1000).toFixed(2)}</i> <b>${talker}</b> ${escape(line.text)}${links.join('')}`;
  });
  return `<h3 id="${id}-h">Console ${escape(name)}</h3><p><label>Lines with <input type="search" data-console="${id}"></label></p><ol class="console" id="${id}" tabindex="0" aria-labelledby="${id}-h">${items.join('\n')}</ol>`;
}

function domainName(domid: number | undefined): string {
  return domid === undefined ? 'linux' : `dom${domid}`;
}

const lanes: readonly Moment['lane'][] = ['power', 'files', 'boot', 'steps', 'faults'];
const laneHeight = 26;
const chartWidth = 1000;
const chartLeft = 70;

/** When power, files, milestones of the boot, steps and faults were, as a drawing and as a list. */
function timeLine(moments: readonly Moment[], milliseconds: number): string {
  if (moments.length === 0) return '';
  const end = Math.max(milliseconds, ...moments.map(({ t }) => t), 1);
  const x = (t: number) => chartLeft + (t / end) * (chartWidth - chartLeft - 20);
  const height = lanes.length * laneHeight + 24;
  const marks = moments.map(
    ({ t, lane, text }) =>
      `<rect class="${lane}" x="${x(t).toFixed(1)}" y="${lanes.indexOf(lane) * laneHeight + 6}" width="4" height="16"><title>${(t / 1000).toFixed(2)} s: ${escape(text)}</title></rect>`,
  );
  const names = lanes.map(
    (lane, index) =>
      `<text x="6" y="${index * laneHeight + 18}">${lane}</text><line x1="${chartLeft}" x2="${chartWidth - 20}" y1="${index * laneHeight + 26}" y2="${index * laneHeight + 26}"/>`,
  );
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    share =>
      `<text x="${x(end * share).toFixed(1)}" y="${height - 4}" text-anchor="${share === 1 ? 'end' : 'start'}">${((end * share) / 1000).toFixed(1)} s</text>`,
  );
  const items = moments.map(({ t, text }) => `<li><i>${(t / 1000).toFixed(2)} s</i> ${escape(text)}`);
  return `<h3>Time line</h3><svg viewBox="0 0 ${chartWidth} ${height}" role="img" aria-label="Time line, listed below">${names.join('')}${marks.join('')}${ticks.join('')}</svg><details><summary>as a list</summary><ol class="console">${items.join('\n')}</ol></details>`;
}

function statesSection(states: readonly string[]): string {
  if (states.length === 0) return '';
  return `<details><summary>States of the machines (${states.length})</summary><ol>${states.map(state => `<li>${escape(state)}`).join('\n')}</ol></details>`;
}

function imagesSection({ report, header }: RecordedRun): string {
  const images = Object.entries(report.images ?? {}).map(
    ([name, image]) => `<tr><th scope="row">${escape(name)}<td class="text">${escape(imageWords(image))}`,
  );
  const files = Object.entries(header?.files ?? {}).map(
    ([name, hash]) => `<tr><th scope="row">${escape(name)}<td class="text">SHA-256 ${escape(hash)}`,
  );
  const facts = [
    header === undefined
      ? undefined
      : `board type ${header.boardType}${header.virtual ? ', virtual: the model at the other end' : ''}`,
    header?.controller,
    header?.mutant === undefined ? undefined : `with the bug ${header.mutant}`,
    report.directory === null ? undefined : `files: ${report.directory}`,
  ].filter(each => each !== undefined);
  return `<details><summary>Versions and hashes</summary><ul>${facts.map(each => `<li>${escape(each)}`).join('')}</ul><table>${[...images, ...files].join('\n')}</table></details>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that no browser takes for markup, with control characters spelt out. */
function escape(text: string): string {
  return printable(text).replace(/[&<>"']/g, each => entities[each] ?? each);
}
