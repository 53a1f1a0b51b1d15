/**
 * Keys that stand twice in one mapping of a JSON text. The parser keeps the last of them and says nothing, so a manifest
 * would lose what its author wrote first.
 */

/** No answer names more. */
const MAX_NAMED = 64;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_MAPPING, CLOSE_MAPPING, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];

/** A mapping or list that the scan is inside of. */
interface Frame {
  /** The keys so far; undefined in a list. */
  readonly keys: Set<string> | undefined;
  /** Where the scan is in it. */
  at: string | number;
  expectsKey: boolean;
}

/** The paths of such keys, as in `spec.ports[0].port`. The text must be well-formed JSON; its nesting may be of any depth. */
export function duplicateKeys(text: string): readonly string[] {
  const found: string[] = [];
  const frames: Frame[] = [];
  for (let i = 0; i < text.length && found.length < MAX_NAMED; i++) {
    const top = frames.at(-1);
    switch (text.charCodeAt(i)) {
      case OPEN_MAPPING:
        frames.push({ keys: new Set(), at: '', expectsKey: true });
        break;
      case OPEN_LIST:
        frames.push({ keys: undefined, at: 0, expectsKey: false });
        break;
      case CLOSE_MAPPING:
      case CLOSE_LIST:
        frames.pop();
        break;
      case COMMA:
        if (top?.keys !== undefined) top.expectsKey = true;
        else if (top !== undefined) top.at = Number(top.at) + 1;
        break;
      case QUOTE: {
        const end = endOfText(text, i);
        if (top?.expectsKey && !enter(top, keyOf(text, i, end))) found.push(pathOf(frames));
        i = end;
      }
    }
  }
  return found;
}

/** Notes a key; false when it was there before. */
function enter(frame: Frame, key: string): boolean {
  frame.at = key;
  frame.expectsKey = false;
  if (frame.keys?.has(key)) return false;
  frame.keys?.add(key);
  return true;
}

/** The index of the quote that ends the text which begins at `start`. */
function endOfText(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    if (code === BACKSLASH) i++;
  }
  return text.length;
}

/** Two spellings of a key are one key. */
function keyOf(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  return raw.includes('\\') ? (JSON.parse(text.slice(start, end + 1)) as string) : raw;
}

/** Only as much of a deep path as a person reads. */
function pathOf(frames: readonly Frame[]): string {
  const parts = frames.slice(0, MAX_NAMED).map(({ at }) => (typeof at === 'number' ? `[${at}]` : `.${at}`));
  return parts.join('').replace(/^\./, '').slice(0, 256);
}
