/**
 * The kernel's packet filter, as the programs of this node change it: nftables scripts in, one transaction each.
 * https://www.netfilter.org/projects/nftables/manpage.html describes the language.
 */

/** The oldest nft with everything we print, and the oldest kernel that takes it. Named in errors. */
export const NFT_NEEDS = 'nftables 1.0.1 or newer on Linux 5.13 or newer';

export interface NftRunner {
  /** Runs a script as one transaction: all of it takes effect at one moment, or none. Throws {@link NftError}. */
  run(script: string): Promise<void>;
  /**
   * Runs a `list` command and returns what it prints; set elements are left out. It reads them all the same, so it is slow
   * where there are many. Throws {@link NftError}.
   */
  list(command: string): Promise<string>;
  /**
   * Carries out netlink messages as one transaction, in their order, as a script would. They have at most `BATCH_LIMIT` bytes.
   * Throws {@link NftError}, whose script is empty.
   */
  send(messages: readonly Uint8Array[]): Promise<void>;
  /** Gives back what the runner holds. Waits for the script that runs. */
  close(): Promise<void>;
}

/** How much of a script an error's message shows; the whole of it is in `script`. */
const MESSAGE_LIMIT = 2000;

/** A script that was refused. Nothing of it took effect. */
export class NftError extends Error {
  // Not a plain property: a script can have megabytes, and logs print all plain properties of an error.
  readonly #script: string;
  /** What nft or the kernel said. */
  readonly stderr: string;

  constructor(script: string, stderr: string, options?: { cause?: unknown }) {
    super(`nft refused a script: ${explain(stderr).slice(0, MESSAGE_LIMIT)}`, options);
    this.name = 'NftError';
    this.#script = script;
    this.stderr = stderr;
  }

  /** The script as it was sent. */
  get script(): string {
    return this.#script;
  }

  /** The script is more than the kernel takes at once, as outside the initial user namespace. */
  get tooLong(): boolean {
    return /Message too long|No buffer space available/.test(this.stderr);
  }
}

/** Adds what to do where the kernel's own words do not say it. */
function explain(stderr: string): string {
  const text = stderr.trim();
  if (/Operation not permitted/.test(text)) return `${text} (needs root, or CAP_NET_ADMIN in this network namespace)`;
  if (/syntax error|Operation not supported|Protocol not supported/.test(text)) return `${text} (needs ${NFT_NEEDS})`;
  return text === '' ? 'it said nothing' : text;
}
