import { ENGLISH } from './en.ts';
import type { Language, Words } from './words.ts';
import { CHINESE } from './zh.ts';

export { LANGUAGES, type Language, type Words } from './words.ts';

/** The message catalogue. */
export const WORDS: Readonly<Record<Language, Words>> = { en: ENGLISH, zh: CHINESE };
