/** What can be wrong with an input as a whole. It is a value with a sentence for the user; the rest of the inputs goes on. */

/** Short and fixed, so that it can be a metric label. */
export type InputProblemCode =
  | 'missing'
  | 'unreadable'
  | 'no_match'
  | 'no_logs'
  | 'not_a_file'
  | 'own_output'
  | 'too_deep'
  | 'too_many'
  | 'empty'
  | 'binary'
  | 'unsupported_compression'
  | 'archive'
  | 'truncated_compression'
  | 'damaged_compression'
  | 'malformed_json'
  | 'incomplete_json'
  | 'read_failed'
  | 'replaced'
  | 'spool_failed'
  | 'duplicate';

export interface InputProblem {
  readonly code: InputProblemCode;
  /** The path as the user gave it or as it was found below a folder that they gave. */
  readonly path: string;
  /** One sentence or two: what is wrong and what to do. Without the path; it may hold no text from inside the file. */
  readonly message: string;
}

export function inputProblem(code: InputProblemCode, path: string, message: string): InputProblem {
  return { code, path, message };
}

/** The `code` of an error that the operating system or zlib raised (`ENOENT`, `Z_BUF_ERROR`); its name when it has none. */
export function errorCode(error: unknown): string {
  if (error instanceof Error) {
    return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  }
  return 'unknown error';
}

/** The problem of a path that the operating system refuses to stat, list, open or read. */
export function accessProblem(path: string, error: unknown): InputProblem {
  const code = errorCode(error);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return inputProblem('missing', path, 'does not exist: check the spelling, or whether log rotation has moved it.');
    case 'EACCES':
    case 'EPERM':
      return inputProblem(
        'unreadable',
        path,
        'may not be read by this user: run as a member of the group that owns the logs (often `adm`), or copy the file first.',
      );
    case 'ELOOP':
      return inputProblem('unreadable', path, 'is a symbolic link that leads back to itself: name the real file.');
    case 'ENAMETOOLONG':
    case 'ERR_INVALID_ARG_VALUE':
      return inputProblem('missing', path, 'cannot be a path on this system: check the spelling.');
    default:
      return inputProblem('read_failed', path, `cannot be read (${code}): check the disk, then run again.`);
  }
}
