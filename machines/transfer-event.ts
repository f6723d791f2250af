/** A board's TFTP traffic as the machines see it: the server's events under one type. */
import type { TftpEvent } from '../src/lab/drivers/tftp/tftp.ts';

export type TransferEvent = { readonly type: 'transfer'; readonly transfer: TftpEvent };
