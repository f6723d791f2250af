import { DriverError } from '../driver-error.ts';

/** A file was refused, or is not there as it was sent. The connection is as it was. */
export class NotWritten extends DriverError {
  /** The software under test writes no files. */
  readonly blames = 'lab';
}
