/** YAML bodies as values. Slow: a megabyte takes about a second, and some texts far longer. */
import { isScalar, LineCounter, parseDocument, visit } from 'yaml';

/** Aliases can make a small text a huge value. */
const MAX_ALIASES = 100;
const MAX_NAMED = 64;

export interface YAMLText {
  readonly value: unknown;
  /** The keys that stand twice in one mapping, by their lines. */
  readonly duplicates: readonly string[];
}

/** Reads a text. Throws an Error that says what is wrong. */
export function parseYAMLText(text: string): YAMLText {
  const lines = new LineCounter();
  // The parser's own check of keys compares each with each, which takes minutes for a large mapping.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const [mistake] = document.errors;
  if (mistake !== undefined) throw new Error(`line ${lines.linePos(mistake.pos[0]).line}: ${mistake.message}`);
  const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
  const duplicates: string[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value) && duplicates.length < MAX_NAMED) {
          const name = JSON.stringify(String(key.value).slice(0, 64));
          duplicates.push(`line ${lines.linePos(key.range?.[0] ?? 0).line}: key ${name} already set in map`);
        }
        seen.add(key.value);
      }
    },
  });
  return { value, duplicates };
}
