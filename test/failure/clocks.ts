/** Wall clocks of the places of a world, which can be set wrong. */
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Clocks {
  readonly #dir = mkdtempSync(join(tmpdir(), 'postern-clocks-'));

  constructor() {
    // Servers give up root.
    chmodSync(this.#dir, 0o755);
  }

  /** In the environment of the programs whose clocks these are. */
  get environment(): Readonly<Record<string, string>> {
    const preload = new URL('wrong-clock.preload.ts', import.meta.url).href;
    return { NODE_OPTIONS: `--import=${preload}`, POSTERN_WRONG_CLOCKS: this.#dir };
  }

  /** Makes the clock of a place wrong by so many milliseconds: ahead, or behind when they are negative. */
  set(place: string, ahead: number): void {
    const path = join(this.#dir, place);
    writeFileSync(`${path}.new`, String(ahead), { mode: 0o644 });
    renameSync(`${path}.new`, path);
  }

  /** Every clock is right again. */
  right(...places: readonly string[]): void {
    for (const place of places) this.set(place, 0);
  }

  close(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
