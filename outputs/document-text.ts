const texts = new WeakMap<object, string>();

/** A document as JSON. The text is kept with the object, because more than one output writes the same batch and documents never change. */
export function documentText(document: object): string {
  const known = texts.get(document);
  if (known !== undefined) return known;
  const text = JSON.stringify(document);
  texts.set(document, text);
  return text;
}
