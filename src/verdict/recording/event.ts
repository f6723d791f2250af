/** The board's own console in a recording; further UARTs have the names that the lab gives them. */
export const mainConsole = 'main';

/** One line of `recording.jsonl`. `source` says who saw it, `kind` what it is, `data` carries the rest. */
export type RecordedEvent = { readonly t: number; readonly source: string } & RecordedData;

/**
 * Recorded events. `t` above is milliseconds since the run began.
 *
 * Bytes are `text` where they are valid UTF-8, so that a person can read them, else `base64`.
 */
export type RecordedData =
  | { readonly kind: 'run-started'; readonly data: RunHeader }
  | { readonly kind: 'state'; readonly data: { readonly machine: string; readonly state: string } }
  | {
      readonly kind: 'power';
      readonly data: { readonly action: 'on' | 'off' | 'confirmed' | 'failed'; readonly detail?: string };
    }
  | { readonly kind: 'received' | 'sent'; readonly data: { readonly console: string } & RecordedBytes }
  /** The console's adapter vanished, or is there again: what the board said between is not known. */
  | {
      readonly kind: 'line';
      readonly data: { readonly console: string; readonly state: 'away' | 'back'; readonly detail: string };
    }
  | { readonly kind: 'tftp'; readonly data: Readonly<Record<string, unknown>> & { readonly event: string } }
  | {
      readonly kind: 'milestone';
      readonly data: {
        readonly name: string;
        readonly domain?: string;
        readonly line?: string;
        /** The further UART that told it; absent: the board's console, or no console. */
        readonly console?: string;
      };
    }
  | {
      readonly kind: 'step';
      readonly data: {
        readonly index: number;
        readonly do: string;
        readonly phase: 'started' | 'finished';
        readonly detail?: string;
      };
    }
  | { readonly kind: 'command'; readonly data: { readonly domain: string; readonly command: string } }
  | {
      readonly kind: 'answer';
      readonly data: {
        readonly domain: string;
        readonly command: string;
        readonly status: number;
        readonly stdout: string;
        readonly stderr: string;
      };
    }
  /** A file was put into a domain; `bytes` is its size. */
  | {
      readonly kind: 'file';
      readonly data: {
        readonly domain: string;
        readonly path: string;
        readonly bytes: number;
        readonly by: 'sftp' | 'shell';
      };
    }
  | {
      readonly kind: 'fault';
      readonly data: {
        readonly class: 'infrastructure' | 'board' | 'interrupted' | 'controller';
        readonly what: string;
        readonly hint?: string;
      };
    }
  /** A log that was read at the end of a run; by `source`, over SSH or on the console. */
  | {
      readonly kind: 'log';
      readonly data: { readonly domain: string; readonly command: string; readonly text: string };
    }
  /** `retried`: what failed, and was tried again. */
  | { readonly kind: 'note'; readonly data: { readonly text: string; readonly retried?: true } }
  | {
      readonly kind: 'run-finished';
      readonly data: {
        readonly outcome: 'completed' | 'infrastructure' | 'interrupted';
        /** Absent in recordings of versions that did not measure it. */
        readonly cpu?: CpuTime;
      };
    };

/** Processor time of the controller's process during a run, in milliseconds; of all boards that run beside it too. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

export type RecordedBytes = { readonly text: string } | { readonly base64: string };

export interface RunHeader {
  readonly schema: 2;
  readonly started: string;
  readonly board: string;
  readonly boardType: string;
  readonly virtual: boolean;
  readonly scenario: string;
  /** The board ran with a bug on purpose; absent: without. */
  readonly mutant?: string | undefined;
  /** Names of the faults that the virtual lab had on purpose; absent: none. */
  readonly faults?: readonly string[] | undefined;
  readonly controller: string;
  /** Talkers of each UART beside the console, by its name; a UART without talkers is not judged. */
  readonly uarts?: Readonly<Record<string, readonly string[]>>;
  /** SHA-256 by name of each file that was deployed. */
  readonly files: Readonly<Record<string, string>>;
  /** Their sources, by the names of the lab; absent in recordings of older versions. */
  readonly images?: Readonly<Record<string, DeployedImage>>;
}

/** A file that the lab gave. */
export interface DeployedImage {
  readonly sha256: string;
  /** As its program tells it: `Xen 4.20.4-pre`, `Linux version 6.12.107 ...`. */
  readonly version?: string;
  /** Of Xen: its GNU build ID in hexadecimal. */
  readonly buildId?: string;
}

/** Where events go; a writer appends to disk, a test keeps them. */
export interface Recorder {
  record(source: string, event: RecordedData): void;
}
