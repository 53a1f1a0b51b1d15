/**
 * Trees of chains that lead to a frontend in a few steps, however many there are: iptables has no look-up, but a rule may
 * compare any bits of an address. Each level tells sixteen branches apart by four bits, least significant first for
 * addresses, of which neighbours share the most significant ones.
 */
import { type IPFamily, mustParseIP, printIP } from '../../lib/ip.ts';
import type { Match, Rule } from '../../netfilter/iptables/model.ts';
import type { TransportProtocol } from '../../netfilter/model.ts';

/** One step: a rule in the chain `from` that leads to the chain `to`. */
export interface Step {
  readonly from: string;
  /** Orders it among the steps of its chain. */
  readonly key: string;
  readonly rule: Rule;
  readonly to: string;
}

/** Levels of a tree of addresses: 4096 leaves. */
const LEVELS = 3;
/** A leaf of a tree of ports has sixteen ports. */
const PORT_LEVELS = 3;

/** The steps from the root to the leaf for an address, which is the source or the destination of what comes there. */
export function addressSteps(root: string, of: 'source' | 'destination', ip: string, levels = LEVELS): Step[] {
  const { family, value } = mustParseIP(ip);
  const steps: Step[] = [];
  let from = root;
  let digits = '';
  for (let level = 0; level < levels; level++) {
    const shift = BigInt(4 * level);
    const mask = 0xfn << shift;
    const digit = ((value & mask) >> shift).toString(16);
    digits = `${digit}${digits}`;
    const to = `${root}-${digits}`;
    const address = `${text(family, value & mask)}/${text(family, mask)}`;
    steps.push({
      from,
      key: digit,
      rule: { matches: [{ kind: of, address }], target: { kind: 'goto', chain: to } },
      to,
    });
    from = to;
  }
  return steps;
}

const text = (family: IPFamily, value: bigint): string => printIP({ family, value });

/** The steps from the root to the leaf for a port. */
export function portSteps(root: string, protocol: TransportProtocol, port: number): Step[] {
  const first = `${root}-${protocol.toUpperCase()}`;
  const steps = [step(root, protocol, { kind: 'protocol', protocol }, first)];
  let from = first;
  for (let level = 1; level <= PORT_LEVELS; level++) {
    const size = 16 ** (4 - level);
    const start = port - (port % size);
    const digits = start.toString(16).padStart(4, '0').slice(0, level);
    const to = `${first}-${digits}`;
    const ports = { first: start, last: start + size - 1 };
    steps.push(step(from, digits, { kind: 'protocol', protocol, ports }, to));
    from = to;
  }
  return steps;
}

const step = (from: string, key: string, match: Match, to: string): Step => ({
  from,
  key,
  rule: { matches: [match], target: { kind: 'goto', chain: to } },
  to,
});
