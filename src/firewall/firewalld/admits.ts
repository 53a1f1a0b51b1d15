/** Whether firewalld lets openings in: what its rules say of those who come by an interface, and what holds for all. Pure. */
import { admissionKey, type Opening, type Verdict } from '../backend.ts';
import { SOCKETS, verdictsOf, worse } from '../ruleset/verdict.ts';
import type { Ruleset } from './firewall-d1.ts';
import { POD_POLICIES } from './pod-objects.ts';
import { isOurs, richRules } from './rules.ts';
import { zoneRules } from './zone-rules.ts';
import type { Zones } from './zones.ts';

/** What one look at firewalld showed. */
export interface View {
  readonly zones: Zones;
  /** Whether firewalld judges what others' address translation forwards: `StrictForwardPorts`, since 2.3. */
  readonly strict: boolean;
  /**
   * The zone that the guests' bridge was put into; undefined when it is in none: firewalld forwards within a zone to interfaces
   * that were put there, and to no others.
   */
  readonly guests: string | undefined;
  /** Whether panic mode drops everything. */
  readonly panic: boolean;
}

/** Who comes, and what keeps from what is enforced those who may not. */
export interface Coming {
  readonly interface: string;
  /** The zone of that interface, in which what is ours was put. */
  readonly zone: string;
  /** The {@link admissionKey} of each opening that is guarded. */
  readonly guarded: ReadonlySet<string>;
}

const PANIC: Verdict = { kind: 'blocked', by: 'panic mode of firewalld' };

/** One verdict for each opening. */
export async function verdicts(
  { zones, strict, guests, panic }: View,
  openings: readonly Opening[],
  { interface: name, zone, guarded }: Coming,
): Promise<readonly Verdict[]> {
  if (panic) return openings.map(() => PANIC);
  const settings = zones.zones.get(zone)?.settings;
  const there = new Set(settings?.richRules.filter(isOurs));
  const isThere = (one: Opening) =>
    one.policy === 'enforce' ? guarded.has(admissionKey(one)) : richRules(one).every((rule) => there.has(rule));
  const { rules: ruleset } = zoneRules(zones, { ours: zone });
  const judged = await verdictsOf(openings, { isOurs: isThere, ruleset, interface: name, apart: true });
  if (!strict || settings === undefined) return judged;
  // Rules for ports of this machine do not see what is translated.
  const translated = forwarded(settings, guests, zones.policies);
  return openings.map((one, i) => {
    const own = judged[i] ?? translated;
    if (SOCKETS.has(one.kind) || one.sources?.length === 0) return own;
    return one.policy === 'enforce' && isThere(one) ? worse(translated, own) : translated;
  });
}

/** What becomes of translated packets when firewalld judges them. */
function forwarded(zone: Ruleset, guests: string | undefined, policies: readonly Ruleset[]): Verdict {
  if (guests === zone.name && zone.forward)
    return { kind: 'open-by-others', by: `forwarding within zone ${zone.name} of firewalld` };
  // Ours are for pods, and let in nobody else.
  const between = policies.find(
    (policy) => !POD_POLICIES.includes(policy.name) && isBetween(policy, zone.name, guests),
  );
  if (between !== undefined)
    return { kind: 'unknown', why: `policy ${between.name} of firewalld decides what is forwarded to guests` };
  return {
    kind: 'blocked',
    by: `StrictForwardPorts=yes in firewalld.conf, with no policy that lets zone ${zone.name} reach ${guests === undefined ? 'guests' : `zone ${guests}`}`,
  };
}

function isBetween({ ingressZones, egressZones }: Ruleset, from: string, to: string | undefined): boolean {
  const names = (zones: readonly string[], zone: string | undefined) =>
    zones.includes('ANY') || (zone === undefined ? zones.some((one) => one !== 'HOST') : zones.includes(zone));
  return names(ingressZones, from) && names(egressZones, to);
}
