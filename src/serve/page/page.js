/**
 * The live page: boards and runs, or one run with its consoles, the states of its machines, and its expectations as
 * they are met. All text of a board goes into text nodes or the terminal, never into markup.
 */

// Served by this program (src/serve/page-files.ts).
import { Terminal } from './xterm.js';

/**
 * @typedef {import('./types.d.ts').Board} Board
 * @typedef {import('./types.d.ts').Chart} Chart
 * @typedef {import('./types.d.ts').Command} Command
 * @typedef {import('./types.d.ts').Lab} Lab
 * @typedef {import('./types.d.ts').Message} Message
 * @typedef {import('./types.d.ts').Row} Row
 * @typedef {import('./types.d.ts').Run} Run
 * @typedef {import('./types.d.ts').Runs} Runs
 * @typedef {import('./types.d.ts').State} State
 */

/** Milliseconds between two looks at boards and runs. */
const interval = 2000;
/** Lines of a terminal, events: what a page that is open for a day keeps. */
const keptLines = 5000;
const keptEvents = 500;

/** @type {Readonly<Record<string, string>>} */
const outcomeWords = { infrastructure: 'infrastructure error' };
const wordsOf = (/** @type {string} */ outcome) => outcomeWords[outcome] ?? outcome.replaceAll('-', ' ');

/**
 * The element of index.html with this id, which is of this class.
 * @template {HTMLElement} Type
 * @param {string} id
 * @param {new () => Type} kind
 */
function element(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

const find = (/** @type {string} */ id) => element(id, HTMLElement);
const input = (/** @type {string} */ id) => element(id, HTMLInputElement);
const select = (/** @type {string} */ id) => element(id, HTMLSelectElement);

/**
 * Makes an element; texts become text nodes.
 * @param {string} name
 * @param {Readonly<Record<string, string>>} properties
 * @param {(Node | string)[]} inside
 */
function make(name, properties = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

/** @param {string} address */
async function get(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(await response.text());
  return await response.json();
}

/**
 * @param {string} address
 * @param {unknown} body
 */
async function post(address, body) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? response.statusText);
  return answer;
}

/**
 * Puts rows into a table's body where they changed: a focus or a selection stays.
 * @param {string} table
 * @param {readonly HTMLElement[]} rows
 */
function setRows(table, rows) {
  const body = element(table, HTMLTableElement).tBodies[0];
  if (body === undefined) return;
  const old = [...body.rows];
  for (const [index, row] of rows.entries()) {
    const before = old[index];
    if (before === undefined) body.append(row);
    else if (before.outerHTML !== row.outerHTML) before.replaceWith(row);
  }
  for (const row of old.slice(rows.length)) row.remove();
}

const link = (/** @type {Run} */ run) =>
  make('a', { href: `#/run/${encodeURIComponent(run.name)}` }, run.scenario);

// Overview.

/** @type {HTMLInputElement[]} */
const boxes = [...document.querySelectorAll('input[name=outcome]')].filter(
  box => box instanceof HTMLInputElement,
);

/** @type {Runs | undefined} */
let runs;

async function refresh() {
  /** @type {[Lab, Runs]} */
  const [lab, known] = await Promise.all([get('/api/lab'), get('/api/runs')]);
  runs = known;
  document.body.classList.toggle('controls', lab.control);
  find('where').textContent = `${lab.lab}, runs in ${known.directory}`;
  showBoards(lab, known);
  showRuns(known);
  if (lab.control) await showCommands(lab);
}

/**
 * @param {Lab} lab
 * @param {Runs} runs
 */
function showBoards({ boards }, { open }) {
  setRows(
    'boards',
    boards.map(({ name, type, title, virtual, heldBy, error }) => {
      const holder =
        heldBy === null
          ? '-'
          : `${heldBy.user}@${heldBy.host}, process ${heldBy.pid}, since ${heldBy.since.slice(0, 19)}: ${heldBy.command}`;
      const running = open.filter(run => run.board === name && run.running === true);
      const links = running.flatMap((run, index) => (index === 0 ? [link(run)] : [', ', link(run)]));
      const buttons = ['on', 'off', 'cycle'].map(action =>
        make(
          'button',
          {
            type: 'button',
            'data-board': name,
            'data-action': action,
            'aria-label': `power ${action} ${name}`,
          },
          action,
        ),
      );
      return make(
        'tr',
        {},
        make('th', { scope: 'row', title: title ?? '' }, name),
        make('td', {}, type ?? '-'),
        make('td', {}, holder),
        make('td', {}, ...(error === null ? (links.length > 0 ? links : ['-']) : [`wrong: ${error}`])),
        make('td', { class: 'control' }, ...(error === null && !virtual ? buttons : [])),
      );
    }),
  );
}

/** @param {Runs} runs */
function showRuns({ past, open, total }) {
  /** @type {Run[]} */
  const all = [
    ...open.map(run => ({ ...run, outcome: run.running === true ? 'running' : 'interrupted' })),
    ...past,
  ];
  setOptions('only-board', [...new Set(all.map(({ board }) => board))].toSorted());
  const wanted = input('search').value.toLowerCase();
  const board = select('only-board').value;
  const outcomes = new Set(boxes.filter(({ checked }) => checked).map(({ value }) => value));
  const shown = all.filter(
    run =>
      outcomes.has(run.outcome ?? '') &&
      (board === '' || run.board === board) &&
      [run.name, run.scenario, run.board, run.cause ?? ''].some(text => text.toLowerCase().includes(wanted)),
  );
  setRows(
    'runs',
    shown.map(run => {
      const { started, outcome = '', milliseconds, cause } = run;
      return make(
        'tr',
        {},
        make('td', {}, started.replace('T', ' ').slice(0, 19)),
        make('th', { scope: 'row' }, link(run)),
        make('td', {}, run.board),
        make('td', { class: outcome }, wordsOf(outcome)),
        make(
          'td',
          {},
          milliseconds === undefined || milliseconds === null ? '' : `${(milliseconds / 1000).toFixed(1)} s`,
        ),
        make('td', {}, cause ?? ''),
      );
    }),
  );
  const rest = total > past.length ? `; the newest ${past.length} of ${total} that are over` : '';
  find('count').textContent = `${shown.length} of ${all.length} runs${rest}`;
}

/**
 * @param {string} id
 * @param {readonly string[]} values
 */
function setOptions(id, values) {
  const list = select(id);
  const known = new Set([...list.options].map(({ value }) => value));
  for (const value of values) if (!known.has(value)) list.append(make('option', { value }, value));
}

/** @param {Lab} lab */
async function showCommands({ scenarios, boards }) {
  find('commands-section').hidden = false;
  setOptions(
    'board',
    boards.filter(({ error }) => error === null).map(({ name }) => name),
  );
  const list = find('scenarios');
  if (list.childElementCount === 0) list.append(...scenarios.map(value => make('option', { value })));
  /** @type {Command[]} */
  const commands = await get('/api/commands');
  const items = commands.map(({ id, commandLine, exitCode, output }) => {
    const state = exitCode === null ? 'running' : `exit status ${exitCode}`;
    const cancel = make(
      'button',
      { type: 'button', 'data-cancel': String(id), 'aria-label': `cancel ${commandLine}` },
      'cancel',
    );
    const lines = output.trimEnd().split('\n');
    return make(
      'li',
      {},
      `${commandLine}: ${state} `,
      ...(exitCode === null ? [cancel] : []),
      make('pre', { tabindex: '0', 'aria-label': `output of ${commandLine}` }, lines.slice(-12).join('\n')),
    );
  });
  const shown = find('commands');
  if (shown.textContent !== items.map(({ textContent }) => textContent).join(''))
    shown.replaceChildren(...items);
}

document.addEventListener('click', event => {
  const button = event.target instanceof Element ? event.target.closest('button') : null;
  const { board, action, cancel } = button?.dataset ?? {};
  if (board !== undefined && action !== undefined) attempt(() => post('/api/power', { board, action }));
  if (cancel !== undefined) attempt(() => post(`/api/commands/${cancel}/cancel`, {}));
});

find('start').addEventListener('submit', event => {
  event.preventDefault();
  const scenario = input('scenario').value;
  const board = select('board').value;
  attempt(() => post('/api/runs', { scenario, board }));
});

/**
 * Does what was asked and shows what was refused.
 * @param {() => Promise<unknown>} act
 */
function attempt(act) {
  const refusal = find('refusal');
  refusal.textContent = '';
  act()
    .then(refresh)
    .catch((/** @type {unknown} */ error) => {
      refusal.textContent = error instanceof Error ? error.message : String(error);
    });
}

for (const id of ['search', 'only-board']) find(id).addEventListener('input', () => runs && showRuns(runs));
for (const box of boxes) {
  box.addEventListener('change', () => runs && showRuns(runs));
}

// One run.

/** @type {Promise<Chart[]>} */
const charts = get('/api/machines');
/** @type {AbortController | undefined} */
let watching;
/** @type {readonly Row[]} */
let rows = [];

/**
 * Follows a run until the page shows another one; a stream that breaks is taken up again.
 * @param {string} name
 */
async function watch(name) {
  watching?.abort();
  const { signal } = (watching = new AbortController());
  while (!signal.aborted) {
    const view = new RunView(name, await charts);
    try {
      if (await follow(name, view, signal)) return;
    } catch (error) {
      if (signal.aborted) return;
      find('connection').textContent =
        `connection lost: ${error instanceof Error ? error.message : String(error)}`;
    } finally {
      if (signal.aborted) view.close();
    }
    await new Promise(resolve => setTimeout(resolve, interval));
  }
}

/**
 * @param {string} name
 * @param {RunView} view
 * @param {AbortSignal} signal
 * @returns whether the run is over
 */
async function follow(name, view, signal) {
  const response = await fetch(`/api/runs/${encodeURIComponent(name)}/live`, { signal });
  if (!response.ok || response.body === null) throw new Error(await response.text());
  find('connection').textContent = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return false;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      /** @type {Message} */
      const message = JSON.parse(line);
      if (message.kind === 'end') return true;
      await view.take(message);
    }
  }
}

class RunView {
  /** @type {Map<string, Terminal>} */
  #terminals = new Map();
  /** @type {Map<string, HTMLElement>} */
  #charts = new Map();
  /** @type {readonly Chart[]} */
  #outlines;

  /**
   * @param {string} name
   * @param {readonly Chart[]} outlines
   */
  constructor(name, outlines) {
    this.#outlines = outlines;
    for (const id of ['charts', 'consoles', 'events']) find(id).replaceChildren();
    rows = [];
    showExpectations();
    find('sums').textContent = '';
    find('run-title').textContent = name;
    const address = `/runs/${encodeURIComponent(name)}`;
    find('run-links').replaceChildren(
      make('a', { href: `${address}/report` }, 'report'),
      ' ',
      make('a', { href: `${address}/files/recording.jsonl` }, 'recording'),
      ' ',
      make('a', { href: `${address}/files/console-main.log` }, 'console log'),
    );
  }

  /**
   * Resolves when the page has shown it: the server sends no faster than that.
   * @param {Message} message
   */
  async take(message) {
    if (message.kind === 'console') return this.#write(message.console, bytesOf(message.base64));
    if (message.kind === 'cut') {
      return this.#write(message.console, `(${message.bytes} bytes of before are in the console log)\r\n`);
    }
    if (message.kind === 'state') return this.#light(message.machine, message.state);
    if (message.kind === 'event') return this.#tell(message.t, message.text);
    if (message.kind === 'verdict') {
      ({ rows } = message);
      showExpectations();
      showSums(message.outcome);
    }
  }

  close() {
    for (const terminal of this.#terminals.values()) terminal.dispose();
  }

  /**
   * @param {string} console
   * @param {Uint8Array | string} data
   * @returns {Promise<void>}
   */
  #write(console, data) {
    let terminal = this.#terminals.get(console);
    if (terminal === undefined) {
      terminal = new Terminal({
        cols: 120,
        rows: 24,
        scrollback: keptLines,
        disableStdin: true,
        convertEol: true,
        screenReaderMode: true,
        // A board's links open nothing.
        linkHandler: { activate: () => undefined },
      });
      this.#terminals.set(console, terminal);
      const place = make('div', { class: 'terminal', role: 'region', 'aria-label': `console ${console}` });
      find('consoles').append(make('h4', {}, console), place);
      terminal.open(place);
    }
    const open = terminal;
    return new Promise(resolve => open.write(data, resolve));
  }

  /**
   * @param {string} machine
   * @param {string} state
   */
  #light(machine, state) {
    let chart = this.#charts.get(machine);
    if (chart === undefined) {
      const outline = this.#outlines.find(({ name }) => name === machine);
      chart = make(
        'div',
        { class: 'chart', title: outline?.title ?? '' },
        make('strong', {}, machine),
        stateList(outline?.states ?? []),
      );
      this.#charts.set(machine, chart);
      find('charts').append(chart);
    }
    for (const item of chart.querySelectorAll('li')) {
      const own = item.getAttribute('data-path') ?? '';
      const isLit = state === own || state.startsWith(`${own}.`);
      item.classList.toggle('lit', isLit);
      if (isLit) item.classList.add('visited');
      item.toggleAttribute('aria-current', isLit);
    }
  }

  /**
   * @param {number} t milliseconds
   * @param {string} text
   */
  #tell(t, text) {
    const list = find('events');
    const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 20;
    list.append(make('li', {}, make('i', {}, `${(t / 1000).toFixed(1)} s`), text));
    while (list.childElementCount > keptEvents) list.firstElementChild?.remove();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }
}

/**
 * @param {readonly State[]} states
 * @returns {HTMLElement}
 */
function stateList(states) {
  const items = states.map(({ name, path, states: inner }) =>
    make(
      'li',
      { 'data-path': path },
      make('span', {}, name),
      ...(inner.length > 0 ? [stateList(inner)] : []),
    ),
  );
  return make('ul', {}, ...items);
}

function showExpectations() {
  const wanted = select('shown').value;
  const isShown = (/** @type {Row} */ { outcome }) =>
    wanted === '' ||
    outcome === wanted ||
    (wanted === 'failures' && (outcome === 'missed' || outcome === 'contradicted'));
  setRows(
    'expectations',
    rows
      .filter(isShown)
      .map(({ source, text, outcome, because, seen }) =>
        make(
          'tr',
          {},
          make('td', { class: outcome }, wordsOf(outcome)),
          make('td', { class: 'text' }, `${source}: ${text}`),
          make('td', { class: 'text' }, seen ?? ''),
          make('td', {}, because),
        ),
      ),
  );
}

/** @param {string} outcome */
function showSums(outcome) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const row of rows) counts.set(row.outcome, (counts.get(row.outcome) ?? 0) + 1);
  const sums = [...counts].map(([name, count]) => `${count} ${wordsOf(name)}`);
  find('sums').textContent = `${wordsOf(outcome)}: ${sums.join(', ')}`;
  document.title = `${wordsOf(outcome)}: ${find('run-title').textContent ?? ''}`;
}

find('shown').addEventListener('change', showExpectations);

/** @param {string} base64 */
function bytesOf(base64) {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0));
}

// Which of the two is shown.

function navigate() {
  const [, name] = /^#\/run\/(.+)$/.exec(location.hash) ?? [];
  find('overview').hidden = name !== undefined;
  find('run').hidden = name === undefined;
  if (name === undefined) {
    watching?.abort();
    document.title = 'scmi-hil';
    return;
  }
  void watch(decodeURIComponent(name));
  find('run-title').focus();
}

addEventListener('hashchange', navigate);
navigate();

async function keepFresh() {
  for (;;) {
    try {
      if (!find('overview').hidden && document.visibilityState === 'visible') {
        await refresh();
        find('connection').textContent = '';
      }
    } catch (error) {
      find('connection').textContent =
        `connection lost: ${error instanceof Error ? error.message : String(error)}`;
    }
    await new Promise(resolve => setTimeout(resolve, interval));
  }
}

void keepFresh();
