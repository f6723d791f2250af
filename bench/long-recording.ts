/**
 * Writes the recording of a long run, to measure what its verdict takes:
 * `node bench/long-recording.ts DIRECTORY MEGABYTES`, then `/usr/bin/time -v node bin/scmi-hil.js verify DIRECTORY`.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { emptyPrediction } from '../src/model/predict/prediction.ts';
import type { RecordedData } from '../src/verdict/recording/event.ts';
import { writePrediction } from '../src/verdict/recording/run-directory.ts';
import { RecordingWriter } from '../src/verdict/recording/writer.ts';

const [directory = '', megabytes = '100'] = process.argv.slice(2);
mkdirSync(path.resolve(directory), { recursive: true });
let t = 0;
using writer = new RecordingWriter(directory, {
  clock: () => (t += 0.125),
  onError: error => {
    throw error;
  },
});
const started: RecordedData = {
  kind: 'run-started',
  data: {
    schema: 2,
    started: new Date(0).toISOString(),
    board: 'long',
    boardType: 'rpi5',
    virtual: true,
    scenario: 'long',
    controller: 'bench',
    files: {},
  },
};
writer.record('run', started);
const said = (text: string) =>
  writer.record('console', { kind: 'received', data: { console: 'main', text } });
said('(XEN) Xen version 4.22 (bench) debug=y\r\n(XEN) Freed 400kB init memory.\r\n');
writer.record('console', { kind: 'milestone', data: { name: 'dom0-login' } });
const line = (index: number) =>
  `[${(index / 100).toFixed(6).padStart(12)}] a driver says what it does, again and again: ${index}\r\n`;
for (let bytes = 0, index = 0; bytes < Number(megabytes) * 1_000_000; ) {
  const text = Array.from({ length: 50 }, () => line(index++)).join('');
  bytes += text.length;
  said(text);
}
writer.record('run', { kind: 'run-finished', data: { outcome: 'completed' } });
await writePrediction(directory, emptyPrediction);
