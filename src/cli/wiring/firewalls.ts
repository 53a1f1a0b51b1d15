/** The firewalls that a machine may have, and how each is opened. */
import { type FirewallBackend, FirewallError } from '../../firewall/backend.ts';
import { type Candidate, chooseFirewall, isFiltering } from '../../firewall/choose.ts';
import { nftablesFirewall } from '../../firewall/nftables/nftables-firewall.ts';
import { readRuleset } from '../../firewall/nftables/read-ruleset.ts';
import { noFirewall } from '../../firewall/none.ts';
import type { Logger } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import { UserError } from '../errors.ts';
import type { FirewallName } from '../firewall-options.ts';
import { openNftIfAny } from './proxy-modes.ts';

/** Where the firewall is. */
export interface FirewallPlace {
  /** The interface that clients come by. */
  readonly lanInterface: string;
  readonly log: Logger;
  /** Default: its own, as a look at all rules keeps others waiting. Whoever gives it closes it. */
  readonly nft?: NftRunner;
}

/** The firewalls of this machine, in the order in which they are looked for. */
export class Firewalls {
  readonly #place: FirewallPlace;
  #nft: Promise<NftRunner | undefined> | undefined;

  constructor(place: FirewallPlace) {
    this.#place = place;
  }

  /** Throws {@link UserError} when the named one is not on this machine. */
  async open(name: FirewallName): Promise<FirewallBackend> {
    if (name === 'none') return noFirewall();
    const candidates = this.#candidates();
    if (name === 'auto') return chooseFirewall(candidates);
    const named = candidates.find((one) => one.name === name);
    try {
      if (named !== undefined) return await named.open();
    } catch (error) {
      if (!(error instanceof FirewallError)) throw error;
      throw missing(name, error);
    }
    throw missing(name);
  }

  /** All but the one that is used: an earlier run may have left something there. */
  others(used: FirewallBackend): readonly Pick<FirewallBackend, 'name' | 'remove'>[] {
    return this.#candidates().filter(({ name }) => name !== used.name);
  }

  /** Removes all that is ours from every one; where one fails the others are seen to before it is told. */
  async removeAll(): Promise<void> {
    const results = await Promise.allSettled(this.#candidates().map((one) => one.remove()));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async close(): Promise<void> {
    await (await this.#nft)?.close();
  }

  #candidates(): readonly Candidate[] {
    return [this.#nftables()];
  }

  #nftables(): Candidate {
    const nft = async () => this.#place.nft ?? this.#ownNft();
    return {
      name: 'nftables',
      isInUse: async () => {
        const runner = await nft();
        return runner !== undefined && isFiltering(await readRuleset(runner));
      },
      open: async () => {
        const runner = await nft();
        if (runner === undefined) throw new FirewallError('this kernel has no nftables');
        return nftablesFirewall({ nft: runner });
      },
      remove: async () => {
        const runner = await nft();
        if (runner !== undefined) await nftablesFirewall({ nft: runner }).remove();
      },
    };
  }

  #ownNft(): Promise<NftRunner | undefined> {
    this.#nft ??= openNftIfAny(this.#place.log, 'there is no firewall of it');
    return this.#nft;
  }
}

function missing(name: FirewallName, cause?: unknown): UserError {
  const remedy = 'Leave the choice to Postern with --firewall auto, or leave the firewall alone with --firewall none.';
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new UserError(`the firewall ${name} cannot be used on this machine${why}`, remedy, { cause });
}
