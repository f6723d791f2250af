/** Where in a device tree something is wrong: a flattened tree has an offset, source text a line and column. */
export interface DtErrorPlace {
  readonly file?: string | undefined;
  /** Byte offset in the flattened tree, counted from its header. */
  readonly offset?: number | undefined;
  /** Line of the source, counted from 1. */
  readonly line?: number | undefined;
  /** Column of the source in UTF-16 units, counted from 1. */
  readonly column?: number | undefined;
}

/** A device tree (flattened, source or overlay) that cannot be read, written or applied. */
export class DtError extends Error {
  override readonly name = 'DtError';
  readonly file: string | undefined;
  readonly offset: number | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;

  /**
   * @param problem what is wrong, without the place
   * @param place where; the message begins with it (`host.dts:12:5: ...`, `host.dtb: offset 0x38: ...`)
   */
  constructor(problem: string, place: DtErrorPlace = {}) {
    super([...describePlace(place), problem].join(': '));
    this.file = place.file;
    this.offset = place.offset;
    this.line = place.line;
    this.column = place.column;
  }
}

function describePlace({ file, offset, line, column }: DtErrorPlace): string[] {
  if (line !== undefined)
    return [`${file ?? 'device tree source'}:${line}${column === undefined ? '' : `:${column}`}`];
  const named = file === undefined ? [] : [file];
  return offset === undefined ? named : [...named, `offset 0x${offset.toString(16)}`];
}
