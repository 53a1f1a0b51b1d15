/** How many entries to ask for at a time, so that no message is large: it is decoded in one go. */

/** Bytes that a page is to have. */
const PAGE_BYTES = 1024 * 1024;

/** Entries of the first page, of whose sizes nothing is known, and the bounds of those that follow. */
const ENTRIES = { first: 64, least: 16, most: 1000 };

export class PageSize {
  next: number = ENTRIES.first;

  /** Learns from a page that came. */
  saw(page: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]): void {
    const bytes = page.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    const fitting = Math.floor((PAGE_BYTES * page.length) / Math.max(1, bytes));
    this.next = Math.min(ENTRIES.most, Math.max(ENTRIES.least, fitting));
  }
}
