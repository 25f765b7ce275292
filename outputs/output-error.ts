/** Codes of errors that the outside world causes while documents are written or read back; also metric labels. */
export const OUTPUT_ERROR_CODES = [
  'OUTPUT_FULL', // no space, or quota reached, where the NDJSON files go
  'OUTPUT_FAILED', // any other failure of a file or folder
  'STORE_FULL', // no space, or quota reached, where the store is
  'STORE_MISSING', // there is no such file
  'STORE_FOREIGN', // a file, but not a store of ours
  'STORE_NEWER', // made by a newer imapwhy
  'STORE_CORRUPT', // damaged
  'STORE_BUSY', // another process holds it for too long
  'STORE_READ_ONLY', // no permission to write
  'STORE_FAILED', // any other failure
  'INDEX_REFUSED', // the index will never take a document
  'INDEX_UNAVAILABLE', // the index did not answer before the output was closed
] as const;

export type OutputErrorCode = (typeof OUTPUT_ERROR_CODES)[number];

/** The message says what failed, where, and what to do; `cause` is the error of the system. */
export class OutputError extends Error {
  readonly code: OutputErrorCode;

  constructor(code: OutputErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'OutputError';
    this.code = code;
  }
}

/** The `code` of an error of Node (`ENOSPC`), or an empty string. */
export function systemCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
