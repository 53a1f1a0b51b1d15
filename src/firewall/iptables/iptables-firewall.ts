/** The firewall of a host whose rules are those of iptables: a chain of ours, which all packets come to first. */
import { type Clock, systemClock } from '../../host/clock.ts';
import type { NftRunner } from '../../host/nft.ts';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import { rulesetGeneration } from '../../netfilter/iptables/fingerprint.ts';
import { type Iptables, IptablesError } from '../../netfilter/iptables/iptables.ts';
import { type Hook, inverse, isEmptyPatch, type TablePatch } from '../../netfilter/iptables/model.ts';
import {
  type Admission,
  admissionKey,
  type Changes,
  type FirewallBackend,
  FirewallError,
  type Opening,
  type PodPassage,
  type PodTraffic,
  sameAdmission,
  type Verdict,
} from '../backend.ts';
import { Guard } from '../enforce/guard.ts';
import { readingOf } from '../enforce/reading.ts';
import { glance } from '../glance.ts';
import { asked as askedOfNft } from '../nftables/asked.ts';
import { isOfIptables, readRuleset } from '../nftables/read-ruleset.ts';
import { sendMessages } from '../nftables/send.ts';
import type { Ruleset } from '../ruleset/model.ts';
import { podVerdict } from '../ruleset/pods.ts';
import { verdictsOf } from '../ruleset/verdict.ts';
import { hasPods, POD_PREFIX, podCount, podPatch } from './pods.ts';
import { readIptablesRuleset } from './read-ruleset.ts';
import { admissionsOf, CHAIN, HOOKS, rulesOf } from './rules.ts';

export interface IptablesFirewallOptions {
  /** Of every variant that is installed, the one that the host uses first, as `openIptables` tells. */
  readonly iptables: readonly [Iptables, ...Iptables[]];
  /**
   * Reads rules of plain nftables, which may drop what iptables accepts, and guards what is enforced. Default: these are not looked
   * at, and nothing can be enforced.
   */
  readonly nft?: NftRunner;
  /** What clients come by. Default: it is not known. */
  readonly interface?: string;
  /** What guests of this node come by. Default: it is not known. */
  readonly guests?: string;
  readonly clock?: Clock;
}

/** The table that guards what is enforced. */
const GUARD = 'postern-enforce-iptables';
/** Rules that come or go at once: an ordinary user's namespace takes some 208 KiB. */
const PIECE = 400;

export function iptablesFirewall(options: IptablesFirewallOptions): FirewallBackend {
  return new IptablesFirewall(options);
}

class IptablesFirewall implements FirewallBackend {
  readonly name = 'iptables';
  readonly enforces: boolean;
  readonly #used: Iptables;
  readonly #others: readonly Iptables[];
  readonly #nft: NftRunner | undefined;
  readonly #guard: Guard | undefined;
  readonly #clock: Clock;
  readonly #clients: Pick<IptablesFirewallOptions, 'interface'>;
  /** How many rules the chain of a family has by now. */
  readonly #counts = new Map<IPFamily, number>();
  /** How many rules there are for pods. */
  readonly #podCounts = new Map<IPFamily, number>();

  constructor({ iptables: [used, ...others], nft, clock = systemClock, guests, ...clients }: IptablesFirewallOptions) {
    this.#clients = clients;
    this.#used = used;
    this.#others = others;
    this.#nft = nft;
    this.#clock = clock;
    this.enforces = nft !== undefined;
    const ways = [clients.interface, guests].flatMap((name) => (name === undefined ? [] : [[name]]));
    const read = async () => readingOf(await this.#ruleset(), ways);
    if (nft !== undefined) this.#guard = new Guard({ name: GUARD, nft, read });
  }

  load(openings: readonly Opening[]): Promise<void> {
    return asked(async () => {
      for (const other of this.#others) await removeFrom(other);
      await this.#send(await this.#guard?.load(openings));
      const patches: TablePatch[] = [];
      this.#counts.clear();
      for (const family of IP_FAMILIES) {
        const wanted = openings.filter((one) => one.family === family);
        if (wanted.length > 0 || (await this.#used.inUse(family)))
          patches.push(...(await this.#loadPatches(family, wanted)));
      }
      await this.#apply(patches);
      for (const family of new Set(patches.map((patch) => patch.family))) {
        this.#counts.set(family, openings.filter((one) => one.family === family).flatMap(rulesOf).length);
      }
    });
  }

  change(changes: Changes): Promise<void> {
    const { added, removed } = changes;
    const patches = IP_FAMILIES.map((family): TablePatch => {
      const hooks = (openings: readonly Opening[]) =>
        inChain(openings.filter((one) => one.family === family).flatMap(rulesOf));
      return { family, table: 'filter', chains: [], hooked: hooks(added), unhooked: hooks(removed) };
    });
    return asked(async () => {
      await this.#send(await this.#guard?.change(changes));
      await this.#apply(patches);
      for (const { family, hooked, unhooked } of patches) {
        this.#counts.set(family, (this.#counts.get(family) ?? 0) + hooked.length - unhooked.length);
      }
    });
  }

  letPods(traffic: PodTraffic | undefined): Promise<PodPassage> {
    return asked(async () => {
      for (const family of IP_FAMILIES) {
        if (!hasPods(family, traffic) && !(await this.#used.inUse(family))) continue;
        await this.#used.apply(podPatch(family, await this.#used.read(family, 'filter', POD_PREFIX), traffic));
        this.#podCounts.set(family, podCount(await this.#used.count(family, 'filter', POD_PREFIX)));
      }
      return { kind: 'done' };
    });
  }

  podVerdict(traffic: PodTraffic): Promise<Verdict> {
    return asked(async () => {
      let isOurs = true;
      for (const family of IP_FAMILIES.filter((one) => hasPods(one, traffic))) {
        const isThere = await this.#used.inUse(family);
        const patch = isThere && podPatch(family, await this.#used.read(family, 'filter', POD_PREFIX), traffic);
        isOurs &&= patch !== false && isEmptyPatch(patch);
      }
      return podVerdict(traffic, { isOurs, ruleset: await this.#ruleset(), ...this.#clients });
    });
  }

  current(): Promise<readonly Admission[]> {
    return asked(async () => {
      const found: Admission[] = [];
      for (const family of IP_FAMILIES) if (await this.#used.inUse(family)) found.push(...(await this.#read(family)));
      return [...found, ...((await this.#guard?.current()) ?? [])];
    });
  }

  verdicts(openings: readonly Opening[]): Promise<readonly Verdict[]> {
    return asked(async () => {
      const present = new Map((await this.current()).map((one) => [admissionKey(one), one]));
      const isOurs = (opening: Opening) => {
        const found = present.get(admissionKey(opening));
        return found !== undefined && sameAdmission(found, opening);
      };
      return verdictsOf(openings, { isOurs, ruleset: await this.#ruleset(), ...this.#clients });
    });
  }

  /** Others' rules come and go too, such as the proxy's: only then are ours looked for. */
  watch(changed: () => void, signal: AbortSignal): void {
    void glance(
      { clock: this.#clock, generation: () => this.#generation(), isOtherwise: () => this.#isGone() },
      changed,
      signal,
    );
  }

  remove(): Promise<void> {
    return asked(async () => {
      for (const iptables of [this.#used, ...this.#others]) await removeFrom(iptables);
      await this.#guard?.remove();
    });
  }

  /** Rules of ours that a family has, where the chain is jumped to: else they let in nobody. */
  async #read(family: IPFamily): Promise<readonly Admission[]> {
    const { chains, hooks } = await this.#used.read(family, 'filter', CHAIN);
    return HOOKS.every((hook) => hooks.some((one) => isSame(one, hook)))
      ? admissionsOf(chains.get(CHAIN) ?? [], family)
      : [];
  }

  /** Piece by piece, as kernels take only so much at once; what leads to the chain comes last. */
  async #loadPatches(family: IPFamily, openings: readonly Opening[]): Promise<readonly TablePatch[]> {
    const { chains, hooks } = await this.#used.read(family, 'filter', CHAIN);
    const there = chains.get(CHAIN);
    const missing = new Set(openings.flatMap(rulesOf));
    const removed = (there ?? []).filter((rule) => !missing.delete(rule));
    const empty = { family, table: 'filter' as const, chains: [], hooked: [], unhooked: [] };
    const made = there === undefined ? [{ chain: CHAIN, before: undefined, after: [] }] : [];
    return [
      { ...empty, chains: made, unhooked: hooks.filter((hook) => !HOOKS.some((one) => isSame(one, hook))) },
      ...pieces(inChain(removed)).map((unhooked) => ({ ...empty, unhooked })),
      ...pieces(inChain([...missing])).map((hooked) => ({ ...empty, hooked })),
      { ...empty, hooked: HOOKS.filter((hook) => !hooks.some((one) => isSame(one, hook))) },
    ];
  }

  /** Both families or none: each is a table of its own for the kernel. */
  async #apply(patches: readonly TablePatch[]): Promise<void> {
    const done: TablePatch[] = [];
    try {
      for (const patch of patches.filter((one) => !isEmptyPatch(one))) {
        await this.#used.apply(patch);
        done.push(patch);
      }
    } catch (error) {
      for (const patch of done.reverse()) await this.#used.apply(inverse(patch));
      throw error;
    }
  }

  async #ruleset(): Promise<Ruleset> {
    const own = await readIptablesRuleset(this.#used);
    if (this.#nft === undefined) return own;
    // What iptables keeps in nf_tables has been read as its own programs print it.
    return [...own, ...(await readRuleset(this.#nft, (table) => !isOfIptables(table)))];
  }

  /** Of the variant legacy, nftables know nothing. */
  async #generation(): Promise<number | undefined> {
    const rules = await this.#used.fingerprint();
    const tables = this.#guard?.isGuarding ? await rulesetGeneration() : 0;
    return rules === undefined || tables === undefined ? undefined : rules + tables * 2 ** 32;
  }

  async #send(messages: readonly Uint8Array[] = []): Promise<void> {
    if (this.#nft !== undefined) await sendMessages(this.#nft, messages);
  }

  /** Whether rules of ours are missing, by their number: cheap, however many there are. What is refused the next load tells. */
  async #isGone(): Promise<boolean> {
    try {
      for (const [family, count] of this.#counts) {
        const { chains, hooks } = await this.#used.count(family, 'filter', CHAIN);
        if ((chains.get(CHAIN) ?? 0) !== count || HOOKS.some(({ into }) => !hooks.has(into))) return true;
      }
      for (const [family, count] of this.#podCounts) {
        if (podCount(await this.#used.count(family, 'filter', POD_PREFIX)) !== count) return true;
      }
      const guard = this.#guard;
      if (guard === undefined) return false;
      return await askedOfNft(async () => (await guard.isDamaged()) || (await guard.isOutdated()));
    } catch (error) {
      if (error instanceof IptablesError || error instanceof FirewallError) return true;
      throw error;
    }
  }
}

const isSame = (a: Hook, b: Hook): boolean => a.into === b.into && a.rule === b.rule;

function pieces(hooks: readonly Hook[]): readonly (readonly Hook[])[] {
  const found: Hook[][] = [];
  for (let at = 0; at < hooks.length; at += PIECE) found.push(hooks.slice(at, at + PIECE));
  return found;
}

const inChain = (rules: readonly string[]): readonly Hook[] => rules.map((rule) => ({ into: CHAIN, rule }));

/** Takes our chains and the jumps to them out of both families, whichever run put them there. */
async function removeFrom(iptables: Iptables): Promise<void> {
  for (const family of IP_FAMILIES) {
    if (!(await iptables.inUse(family))) continue;
    const { chains, hooks } = await iptables.read(family, 'filter', CHAIN);
    const gone = [...chains].map(([chain, before]) => ({ chain, before, after: undefined }));
    await iptables.apply({ family, table: 'filter', chains: gone, hooked: [], unhooked: hooks });
    await iptables.apply(podPatch(family, await iptables.read(family, 'filter', POD_PREFIX), undefined));
  }
}

async function asked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await askedOfNft(call);
  } catch (cause) {
    if (cause instanceof IptablesError) throw new FirewallError(`iptables: ${cause.message}`, { cause });
    throw cause;
  }
}
