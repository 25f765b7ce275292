import type { WrittenDocument } from './output.ts';

/** How an output gets the JSON of a document. */
export type TextOf = (document: object) => string;

export const textOf: TextOf = (document) => JSON.stringify(document);

/**
 * For outputs that write the same batch: each document becomes JSON once. Make one for each batch and let it go with the batch: texts that are
 * kept with their documents (a WeakMap) all reach the old generation of the heap.
 */
export function sharedTexts(): TextOf {
  const texts = new Map<object, string>();
  return (document) => {
    const known = texts.get(document);
    if (known !== undefined) return known;
    const text = JSON.stringify(document);
    texts.set(document, text);
    return text;
  };
}

/** Of a document that may have been written already. */
export function writtenText(document: WrittenDocument): string {
  if (typeof document === 'string') return document;
  return Buffer.isBuffer(document) ? document.toString('utf8') : JSON.stringify(document);
}
