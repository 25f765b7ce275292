/** Cuts a line from the left; code that uses it reads in the order of the line. Holds no copies: `rest()` is a slice. */
export class Cursor {
  readonly text: string;
  at: number;

  constructor(text: string, at = 0) {
    this.text = text;
    this.at = at;
  }

  /** Everything up to the next `delimiter`, which is skipped. Undefined (and nothing consumed) if it does not occur. */
  until(delimiter: string): string | undefined {
    const end = this.text.indexOf(delimiter, this.at);
    if (end < 0) return undefined;
    const cut = this.text.slice(this.at, end);
    this.at = end + delimiter.length;
    return cut;
  }

  /** Skips `expected` if it comes next. */
  skip(expected: string): boolean {
    if (!this.text.startsWith(expected, this.at)) return false;
    this.at += expected.length;
    return true;
  }

  take(length: number): string {
    const cut = this.text.slice(this.at, this.at + length);
    this.at += cut.length;
    return cut;
  }

  rest(): string {
    return this.at === 0 ? this.text : this.text.slice(this.at);
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }
}
