/**
 * Texts that outlive their line. A piece cut from a line keeps the whole chunk that the line was cut from in memory; what a session, a
 * reputation or an index holds is therefore a copy.
 */

/** Shorter pieces are copied by the engine anyway (V8, SlicedString::kMinLength). */
const SHARED_LENGTH_MIN = 13;
const POOL_MAX = 100_000;
/** Longer texts (a path that somebody made up) are not pooled: the pool stays small whatever comes. */
const POOLED_LENGTH_MAX = 200;
const pool = new Map<string, string>();

/** A copy that keeps nothing else alive; for texts that are rarely said twice, like session ids. */
export function detach(text: string): string {
  if (text.length < SHARED_LENGTH_MIN) return text;
  // A concatenation that is read is written out anew, and the collector then drops the parts.
  const copy = text.slice(0, 1) + text.slice(1);
  copy.charCodeAt(1);
  return copy;
}

/** The one copy of a text that is said again and again: addresses, users, programs. A cache only: forgetting it changes no result. */
export function keep(text: string): string {
  if (text.length > POOLED_LENGTH_MAX) return detach(text);
  const known = pool.get(text);
  if (known !== undefined) return known;
  if (pool.size >= POOL_MAX) pool.clear();
  const copy = detach(text);
  pool.set(copy, copy);
  return copy;
}

export function keepMaybe(text: string | undefined): string | undefined {
  return text === undefined ? undefined : keep(text);
}

export function detachMaybe(text: string | undefined): string | undefined {
  return text === undefined ? undefined : detach(text);
}

/** What a line was: `dovecot.login/logged-in`. There are few, so each is made once. */
interface Kind {
  readonly dataset: string;
  readonly action: string;
}

const kinds = new Map<string, Map<string, string>>();
const kindsByName = new Map<string, Kind>();

/** `dataset/action` */
export function kindOf(dataset: string, action: string): string {
  let actions = kinds.get(dataset);
  if (!actions) {
    actions = new Map();
    kinds.set(dataset, actions);
  }
  let name = actions.get(action);
  if (name === undefined) {
    name = `${dataset}/${action}`;
    actions.set(action, name);
  }
  return name;
}

/** The parts of what `kindOf` has made. */
export function kindNamed(name: string): Kind {
  let kind = kindsByName.get(name);
  if (kind === undefined) {
    const [dataset = '', action = ''] = name.split('/', 2);
    kind = { dataset, action };
    kindsByName.set(name, kind);
  }
  return kind;
}
