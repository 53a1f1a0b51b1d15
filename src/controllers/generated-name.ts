/** Names that are completed by chance, as those that the API server completes. */
import { randomInt } from 'node:crypto';

/** No vowels, so no words; no digits that look like letters. */
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
/** What is left of the longest label. */
const PREFIX_MAX = 63 - SUFFIX_LENGTH;

/** The prefix with five letters after it, as metadata.generateName gives it. */
export function generatedName(prefix: string): string {
  const suffix = Array.from({ length: SUFFIX_LENGTH }, () => LETTERS[randomInt(LETTERS.length)]);
  return prefix.slice(0, PREFIX_MAX) + suffix.join('');
}

/** Digits as letters of the same alphabet: a hash that can stand in a name, as Kubernetes writes it. */
export function lettersOf(digits: string): string {
  return [...digits].map((digit) => LETTERS[digit.charCodeAt(0) % LETTERS.length]).join('');
}
