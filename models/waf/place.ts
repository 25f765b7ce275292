import { createHash } from 'node:crypto';

/** Where a rule stops requests: the rule, the path, and the part of the request that it looked at. One row of the review. */
export interface Place {
  readonly rule: string;
  /** As sent, percent-encoded; empty where the log does not say. */
  readonly path: string;
  /** `ARGS:body`; empty where the log does not say. */
  readonly target: string;
}

export const placeKey = (p: Place): string => `${p.rule}\u0000${p.path}\u0000${p.target}`;

/** A short name for a place, the same on every run: for a person to type, and for a page's address. */
export const placeId = (p: Place): string => createHash('sha256').update(placeKey(p)).digest('hex').slice(0, 10);

export const samePlace = (a: Place, b: Place): boolean =>
  a.rule === b.rule && a.path === b.path && a.target === b.target;
