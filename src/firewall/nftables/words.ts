/** The words of a rule as `nft list` prints it, and the values among them. */

/** Words, quoted texts and braces: nft puts spaces between them. */
export const tokens = (text: string): readonly string[] => text.match(/"[^"]*"|[^\s"]+/g) ?? [];

/** What is left of a rule to read. */
export class Words {
  readonly #all: readonly string[];
  #at = 0;

  constructor(all: readonly string[]) {
    this.#all = all;
  }

  isAtEnd = (): boolean => this.#at >= this.#all.length;
  peek = (ahead = 0): string | undefined => this.#all[this.#at + ahead];
  skip(count = 1): void {
    this.#at += count;
  }

  /** Skips these words when they are the next. */
  take(...words: readonly string[]): boolean {
    if (!words.every((word, i) => this.peek(i) === word)) return false;
    this.skip(words.length);
    return true;
  }

  next(): string {
    return this.#all[this.#at++] ?? '';
  }
}

const NOT_VALUES: ReadonlySet<string> = new Set(['&', '|', '.', '<', '>', '<=', '>=', '==', 'vmap', 'map', 'set']);

/** One value, or several joined by commas, which are any of them: undefined for anything else. */
export function readValue(words: Words): readonly string[] | undefined {
  const text = words.peek() ?? '';
  // What is masked or looked up is not a value, and neither is the next part of a key. A verdict may follow.
  if (text === '' || text.startsWith('@') || NOT_VALUES.has(text)) return undefined;
  words.skip();
  return ['.', '&', '/'].includes(words.peek() ?? '') ? undefined : text.split(',');
}

/** The members of a set that stands in the rule. Undefined for keys of several parts. */
export function readList(words: Words): readonly string[] | undefined {
  const values: string[] = [];
  while (!words.isAtEnd()) {
    const word = words.next();
    if (word === '}') return values;
    if (word === '.') return undefined;
    values.push(word.replace(/,$/, ''));
  }
  return undefined;
}

/** Without the quotes around it. */
export const unquoted = (text: string): string => text.replace(/^"|"$/g, '');
