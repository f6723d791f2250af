/**
 * The live page's server: boards, runs that go on and runs that are over, of all users. It reads recordings and
 * the machine's holds; only with `control` it starts commands.
 */
import { createReadStream, statSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { Hono } from 'hono';
import { stream } from 'hono/streaming';
import { secureHeaders } from 'hono/secure-headers';
import { charts } from '../../machines/index.ts';
import { messageOf } from '../config/text.ts';
import type { LoadedLab } from '../lab/load-lab.ts';
import type { PastRun } from '../verdict/history/past-run.ts';
import { HistoryStore } from '../verdict/history/store.ts';
import { runFiles } from '../verdict/recording/run-directory.ts';
import { type Access, requireAccess } from './access.ts';
import { boardStates, openRuns } from './board-states.ts';
import { chartOutline } from './chart-outline.ts';
import { type JudgeRun, liveRun } from './live-run.ts';
import { pageFiles } from './page-files.ts';
import type { StartedCommands } from './started-commands.ts';

export interface ServeOptions {
  /** Full path of the directory of runs; it need not be there yet. */
  readonly runs: string;
  /** Reads the lab file anew: it may change while the page is open. */
  readonly lab: () => LoadedLab;
  readonly access: Access;
  readonly judge: JudgeRun;
  /** The HTML report of one run. */
  readonly report: (directory: string) => Promise<string | undefined>;
  readonly scenarios: () => readonly string[];
  /** Absent: the page only reads. */
  readonly control?:
    | { readonly commands: StartedCommands; readonly labArguments: readonly string[] }
    | undefined;
  /** Ends all streams. */
  readonly signal: AbortSignal;
}

const policy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  // The terminal makes its styles itself.
  styleSrc: ["'self'", "'unsafe-inline'"],
  connectSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** Past runs that a page lists. */
const listed = 500;

export function serveApp(options: ServeOptions): Hono {
  const { runs, access, judge, signal } = options;
  const app = new Hono();
  const common = { referrerPolicy: 'no-referrer', strictTransportSecurity: false };
  const ofPage = secureHeaders({ ...common, contentSecurityPolicy: policy });
  const ofReport = secureHeaders(common);
  // A report has a policy of its own in its head, by the hash of its script.
  app.use((context, next) => (isReport(context.req.path) ? ofReport : ofPage)(context, next));
  app.use(requireAccess(access));
  app.onError((error, context) => context.json({ error: messageOf(error) }, 500));
  app.notFound(context => context.json({ error: 'There is no such page.' }, 404));

  for (const { address, type, read } of pageFiles) {
    app.get(address, context =>
      context.body(read(), 200, { 'content-type': type, 'cache-control': 'no-cache' }),
    );
  }

  app.get('/api/lab', async context => {
    const lab = options.lab();
    return context.json({
      lab: lab.name,
      control: options.control !== undefined,
      scenarios: options.control === undefined ? [] : options.scenarios(),
      boards: await boardStates(lab),
    });
  });
  app.get('/api/machines', context =>
    context.json(charts.map(({ name, title, machine }) => ({ name, title, states: chartOutline(machine) }))),
  );
  app.get('/api/runs', async context => {
    const past = isDirectory(runs) ? pastRuns(runs) : [];
    return context.json({
      directory: runs,
      total: past.length,
      past: past.slice(0, listed),
      open: isDirectory(runs) ? await openRuns(runs) : [],
    });
  });
  app.get('/api/runs/:name/live', context => {
    const directory = runDirectory(runs, context.req.param('name'));
    if (directory === undefined) return context.json({ error: 'There is no such run.' }, 404);
    context.header('content-type', 'application/x-ndjson');
    context.header('x-content-type-options', 'nosniff');
    return stream(context, async output => {
      const gone = new AbortController();
      output.onAbort(() => gone.abort());
      const either = AbortSignal.any([gone.signal, signal]);
      for await (const message of liveRun(directory, judge, either)) {
        await output.write(`${JSON.stringify(message)}\n`);
      }
    });
  });
  app.get('/runs/:name/report', async context => {
    const directory = runDirectory(runs, context.req.param('name'));
    const page = directory === undefined ? undefined : await options.report(directory);
    if (page === undefined) return context.text('This run has nothing to report yet.\n', 404);
    return context.html(page);
  });
  app.get('/runs/:name/files/:file', context => {
    const directory = runDirectory(runs, context.req.param('name'));
    const file = context.req.param('file');
    const known = [runFiles.recording, runFiles.prediction, runFiles.verdict, runFiles.checksums];
    const isKnown = known.some(name => name === file) || /^console-[\w.-]+\.log$/.test(file);
    if (directory === undefined || !isKnown || !isFile(path.join(directory, file))) {
      return context.text('There is no such file.\n', 404);
    }
    const content = Readable.toWeb(createReadStream(path.join(directory, file)));
    return context.body(content as ReadableStream, 200, {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${file}"`,
    });
  });
  if (options.control !== undefined) addControl(app, options, options.control);
  return app;
}

function addControl(
  app: Hono,
  { runs, lab, scenarios }: ServeOptions,
  control: NonNullable<ServeOptions['control']>,
): void {
  const { commands, labArguments } = control;
  const known = (board: unknown) => {
    const { boards } = lab();
    return typeof board === 'string' && boards.has(board) ? board : undefined;
  };
  app.get('/api/commands', context => context.json(commands.list()));
  app.post('/api/runs', async context => {
    const { board, scenario } = await bodyOf(context.req.raw);
    const name = known(board);
    if (name === undefined) return context.json({ error: `There is no board ${String(board)}.` }, 400);
    if (typeof scenario !== 'string' || !scenarios().includes(scenario)) {
      return context.json({ error: `There is no scenario ${String(scenario)}.` }, 400);
    }
    const argv = ['run', scenario, '--board', name, '--runs', runs, ...labArguments];
    return context.json(commands.start(argv), 202);
  });
  app.post('/api/power', async context => {
    const { board, action } = await bodyOf(context.req.raw);
    const name = known(board);
    if (name === undefined) return context.json({ error: `There is no board ${String(board)}.` }, 400);
    if (action !== 'on' && action !== 'off' && action !== 'cycle') {
      return context.json({ error: 'The action is on, off or cycle.' }, 400);
    }
    const { id } = commands.start(['power', name, action, ...labArguments]);
    return context.json(await commands.ended(id));
  });
  app.post('/api/commands/:id/cancel', context => {
    const isThere = commands.cancel(Number(context.req.param('id')));
    return isThere ? context.json({}) : context.json({ error: 'There is no such command.' }, 404);
  });
}

async function bodyOf(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const value: unknown = await request.json().catch(() => undefined);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function pastRuns(directory: string): PastRun[] {
  using store = new HistoryStore(directory);
  return store.runs().toReversed();
}

function isReport(address: string): boolean {
  return /^\/runs\/[^/]+\/report$/.test(address);
}

/** The directory of a run by its name; undefined for a name that would lead elsewhere, and where there is none. */
function runDirectory(runs: string, name: string): string | undefined {
  if (!/^\w[\w.-]*$/.test(name)) return undefined;
  const directory = path.join(runs, name);
  return isFile(path.join(directory, runFiles.recording)) ? directory : undefined;
}

function isDirectory(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isFile(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isFile() === true;
}
