import type { Line } from '../processors/event.ts';

export interface LineOptions {
  readonly message: string;
  readonly program?: string;
  readonly pid?: number;
  readonly host?: string;
  /** UTC epoch ms of the envelope's stamp; without it the record has no envelope. */
  readonly at?: number;
}

/** A line as the envelope stage hands it over, for tests of parsers. */
export function lineOf(options: LineOptions): Line {
  return {
    source: 0,
    offset: 0,
    raw: options.message,
    flaw: undefined,
    stamp: options.at === undefined ? undefined : { at: options.at, precisionMs: 1000, zoned: false },
    host: options.host,
    program: options.program,
    pid: options.pid,
    message: options.message,
  };
}
