const KEY_LENGTH_MAX = 256;

/**
 * A short text of its own, fit to be kept for the whole run: cut to 256 code units and copied, because a slice of a line keeps the whole
 * line (and the chunk it came from) in memory. Lone surrogates become U+FFFD.
 */
export function ownText(text: string): string {
  return Buffer.from(clipKey(text), 'utf8').toString('utf8');
}

/** The same text without the copy: what a kept key is looked up by. */
export function clipKey(text: string): string {
  return (text.length > KEY_LENGTH_MAX ? text.slice(0, KEY_LENGTH_MAX) : text).toWellFormed();
}
