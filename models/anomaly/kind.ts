/** What a number is: it decides how a deviation is measured. */
export const KINDS = ['value', 'count', 'ratio', 'duration'] as const;
export type Kind = (typeof KINDS)[number];
