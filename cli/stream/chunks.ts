/** Below what a broker takes as one record, with room for what surrounds it. */
export const RECORD_BYTES_MAX = 500_000;

/** Cuts a list so that no piece is much longer than RECORD_BYTES_MAX as JSON, each entry already written; one that is longer by itself goes alone. */
export function chunks(entries: readonly string[]): readonly (readonly string[])[] {
  const out: string[][] = [];
  let piece: string[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (piece.length > 0 && bytes + entry.length > RECORD_BYTES_MAX) {
      out.push(piece);
      piece = [];
      bytes = 0;
    }
    piece.push(entry);
    bytes += entry.length;
  }
  if (piece.length > 0) out.push(piece);
  return out;
}

export const arrayOf = (entries: readonly string[]): string => `[${entries.join(',')}]`;
