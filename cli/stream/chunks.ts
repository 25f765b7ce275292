/** Below what a broker takes as one record, with room for what surrounds it. */
export const RECORD_BYTES_MAX = 500_000;

/** Cuts a list so that no piece has more than RECORD_BYTES_MAX as JSON in UTF-8, each entry already written; one that is larger by itself goes alone. */
export function chunks(entries: readonly string[]): readonly (readonly string[])[] {
  const out: string[][] = [];
  let piece: string[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = Buffer.byteLength(entry) + 1;
    if (piece.length > 0 && bytes + size > RECORD_BYTES_MAX) {
      out.push(piece);
      piece = [];
      bytes = 0;
    }
    piece.push(entry);
    bytes += size;
  }
  if (piece.length > 0) out.push(piece);
  return out;
}

export const arrayOf = (entries: readonly string[]): string => `[${entries.join(',')}]`;
