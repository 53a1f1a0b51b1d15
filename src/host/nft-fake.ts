/** An NftRunner for tests: remembers what it was given, and fails when told to. */
import { NftError, type NftRunner } from './nft.ts';

export class FakeNft implements NftRunner {
  /** Every script that succeeded, in order. */
  readonly scripts: string[] = [];
  /** The same of batches of messages. */
  readonly batches: (readonly Uint8Array[])[] = [];
  /** What `list` answers, by command; other commands fail as for a table that is not there. */
  readonly listings = new Map<string, string>();
  #failures: string[] = [];
  #closed = false;

  /** The next script fails, and nft says this. */
  failNext(stderr: string): void {
    this.#failures.push(stderr);
  }

  async run(script: string): Promise<void> {
    this.#check(script);
    this.scripts.push(script);
  }

  async list(command: string): Promise<string> {
    this.#check(command);
    const listing = this.listings.get(command);
    if (listing === undefined) throw new NftError(command, 'Error: No such file or directory');
    return listing;
  }

  async send(messages: readonly Uint8Array[]): Promise<void> {
    this.#check('');
    this.batches.push(messages);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #check(script: string): void {
    if (this.#closed) throw new NftError(script, 'the runner is closed');
    const failure = this.#failures.shift();
    if (failure !== undefined) throw new NftError(script, failure);
  }
}
