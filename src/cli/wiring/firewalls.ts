/** The firewalls that a machine may have, and how each is opened. */
import { type FirewallBackend, FirewallError } from '../../firewall/backend.ts';
import { type Candidate, chooseFirewall, isFiltering } from '../../firewall/choose.ts';
import { isFirewalldRunning, openFirewalld, removeEnforced } from '../../firewall/firewalld/firewalld.ts';
import { iptablesFirewall } from '../../firewall/iptables/iptables-firewall.ts';
import { readIptablesRuleset } from '../../firewall/iptables/read-ruleset.ts';
import { nftablesFirewall } from '../../firewall/nftables/nftables-firewall.ts';
import { isOfIptables, readRuleset } from '../../firewall/nftables/read-ruleset.ts';
import { noFirewall } from '../../firewall/none.ts';
import { removeTriesTable } from '../../firewall/verify/untranslated.ts';
import type { Logger } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import { type Iptables, IptablesError } from '../../netfilter/iptables/iptables.ts';
import { installedIptables, openIptables } from '../../netfilter/iptables/kernel.ts';
import { BRIDGE } from '../../network/bridge.ts';
import { UserError } from '../errors.ts';
import type { FirewallName } from '../firewall-options.ts';
import { openNftIfAny } from './proxy-modes.ts';

/** Where the firewall is. */
export interface FirewallPlace {
  /** The interface that clients come by. */
  readonly lanInterface: string;
  /** Zones of firewalld that are opened besides that of the interface. */
  readonly firewallZones?: readonly string[];
  readonly log: Logger;
  /** Default: its own, as a look at all rules keeps others waiting. Whoever gives it closes it. */
  readonly nft?: NftRunner;
}

/** The firewalls of this machine, in the order in which they are looked for. */
export class Firewalls {
  readonly #place: FirewallPlace;
  readonly #closing = new AbortController();
  #own: Promise<NftRunner | undefined> | undefined;

  constructor(place: FirewallPlace) {
    this.#place = place;
  }

  /** Throws {@link UserError} when the named one is not on this machine, or has no zones although some are to be opened. */
  async open(name: FirewallName): Promise<FirewallBackend> {
    const backend = await this.#open(name);
    const { firewallZones: zones = [] } = this.#place;
    if (zones.length === 0 || backend.name === 'firewalld' || name === 'none') return backend;
    throw new UserError(
      `the zones ${zones.join(', ')} cannot be opened: only firewalld has zones, and the firewall here is ${backend.name}`,
      'Leave out --firewall-zones, or start firewalld.',
    );
  }

  async #open(name: FirewallName): Promise<FirewallBackend> {
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
    const tries = this.#nft().then((nft) => nft && removeTriesTable(nft));
    const results = await Promise.allSettled([...this.#candidates().map((one) => one.remove()), tries]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await (await this.#own)?.close();
  }

  /** What others are made by comes before them; tables of an administrator's own before what programs make by iptables. */
  #candidates(): readonly Candidate[] {
    return [this.#firewalld(), this.#nftables(), this.#iptables()];
  }

  #firewalld(): Candidate {
    const { lanInterface, firewallZones: zones = [], log } = this.#place;
    const open = async () => {
      const nft = await this.#nft();
      const parts = { interfaces: [lanInterface], zones, guests: BRIDGE, log, signal: this.#closing.signal };
      return openFirewalld({ ...parts, ...(nft === undefined ? {} : { nft }) });
    };
    // The bus may reach a firewalld that filters elsewhere: in another network namespace than ours.
    const isInUse = async () => (await this.#hasRulesOfFirewalld()) && (await isFirewalldRunning());
    return {
      ...{ name: 'firewalld', isInUse },
      open,
      remove: async () => {
        if (await isInUse()) return (await open()).remove();
        const nft = await this.#nft();
        if (nft !== undefined) await removeEnforced(nft);
      },
    };
  }

  async #hasRulesOfFirewalld(): Promise<boolean> {
    const nft = await this.#nft();
    // By the names that it gives, with nftables and with iptables.
    if (nft === undefined) return false;
    return (
      /^table inet firewalld$/m.test(await nft.list('list tables')) ||
      /INPUT_ZONES/.test(await nft.list('list chains ip'))
    );
  }

  #nftables(): Candidate {
    return {
      name: 'nftables',
      isInUse: async () => {
        const nft = await this.#nft();
        return nft !== undefined && isFiltering(await readRuleset(nft, (table) => !isOfIptables(table)));
      },
      open: async () => {
        const nft = await this.#nft();
        if (nft === undefined) throw new FirewallError('this kernel has no nftables');
        return nftablesFirewall({ nft, interface: this.#place.lanInterface, guests: BRIDGE });
      },
      remove: async () => {
        const nft = await this.#nft();
        if (nft !== undefined) await nftablesFirewall({ nft }).remove();
      },
    };
  }

  #iptables(): Candidate {
    const installed = async () => {
      const [first, ...others] = await installedIptables();
      return first === undefined ? undefined : ([first, ...others] as const);
    };
    const open = async (iptables: readonly [Iptables, ...Iptables[]]) => {
      const nft = await this.#nft();
      const between = { interface: this.#place.lanInterface, guests: BRIDGE };
      return iptablesFirewall({ iptables, ...between, ...(nft === undefined ? {} : { nft }) });
    };
    return {
      name: 'iptables',
      isInUse: async () => {
        const all = (await installed()) ?? [];
        for (const one of all) if (isFiltering(await readIptablesRuleset(one))) return true;
        return false;
      },
      open: async () => {
        try {
          return await open(await openIptables());
        } catch (error) {
          if (!(error instanceof IptablesError)) throw error;
          throw new FirewallError(error.message, { cause: error });
        }
      },
      remove: async () => {
        const iptables = await installed();
        if (iptables !== undefined) await (await open(iptables)).remove();
      },
    };
  }

  async #nft(): Promise<NftRunner | undefined> {
    if (this.#place.nft !== undefined) return this.#place.nft;
    this.#own ??= openNftIfAny(this.#place.log, 'no firewall of it is looked for');
    return this.#own;
  }
}

function missing(name: FirewallName, cause?: unknown): UserError {
  const remedy = 'Leave the choice to Postern with --firewall auto, or leave the firewall alone with --firewall none.';
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new UserError(`the firewall ${name} cannot be used on this machine${why}`, remedy, { cause });
}
