/** Wrong use of a command: exit code 2, with a sentence that says what to write instead. */
export class UseError extends Error {
  override readonly name = 'UseError';
}
