/** The files of a run where the board fetches them, and what is seen of its fetching. */
import { fromCallback } from 'xstate';
import type { HandedOver } from '../../../machines/deploy.ts';
import { fileTable, lookUp } from '../../lab/drivers/tftp/files.ts';
import type { TftpEvent } from '../../lab/drivers/tftp/tftp.ts';
import type { RunParts } from '../run-parts.ts';

/** Puts the files where the board will fetch them. */
export async function offerFiles(parts: RunParts, signal: AbortSignal): Promise<void> {
  const { options, transfers } = parts;
  const { board, deployment, recorder } = options;
  const { address, prefixes } = board.network;
  if (!board.tftp.observes) followOnConsole(parts);
  const offered = await board.tftp.serve({
    name: board.name,
    ...(address !== undefined && { clients: [address] }),
    prefixes,
    files: deployment.files,
    onEvent: (transfer: TftpEvent) => {
      const { kind, ...data } = transfer;
      recorder.record('tftp', { kind: 'tftp', data: { event: kind, ...data } });
      transfers.send({ type: 'transfer', transfer });
    },
    onStranger: ({ client, file, code, why }) =>
      recorder.record('tftp', { kind: 'tftp', data: { event: 'stranger', client, file, code, why } }),
    onNote: text => recorder.record('tftp', { kind: 'note', data: { text } }),
  });
  // The machine may have gone on without them.
  if (signal.aborted) await offered[Symbol.asyncDispose]();
  else parts.offered = offered;
}

/** Files that the board fetches until it is handed over; then they are taken away. */
export function serve(parts: RunParts) {
  return fromCallback<HandedOver, undefined>(({ sendBack }) => {
    const stops = [parts.transfers.listen(sendBack), parts.attempts.listen(sendBack)];
    return () => {
      for (const stop of stops) stop();
      void parts.watched.work(async () => parts.offered?.[Symbol.asyncDispose]());
    };
  });
}

/** The server does not tell what it is asked for: the board's own console does. */
function followOnConsole({ options, transfers, console }: RunParts): void {
  const { board, deployment, recorder } = options;
  const table = fileTable(board.name, deployment.files, board.network.prefixes);
  const text = `${board.tftp.address} does not tell what it is asked for: transfers are read off the console`;
  recorder.record('run', { kind: 'note', data: { text } });
  console.transfers.listen(seen => {
    const found = lookUp(table, seen.file);
    const transfer = found.kind === 'found' ? { ...seen, file: found.name } : seen;
    const { kind, ...data } = transfer;
    recorder.record('console', { kind: 'tftp', data: { event: kind, ...data } });
    transfers.send({ type: 'transfer', transfer });
  });
}
