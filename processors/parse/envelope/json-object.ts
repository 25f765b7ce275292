/** A JSON object's own properties; undefined if the text is no JSON object. Keys come from input: read them with `own`, never by `in`. */
export function jsonObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The value of an own property, so that `__proto__` and friends never reach the prototype. */
export function own(record: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(record, key)?.value;
}
