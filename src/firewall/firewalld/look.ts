/** One look at firewalld: all that decides what a zone lets in. */
import type { View } from './admits.ts';
import type { FirewallD1, Ruleset, ServiceDefinition } from './firewall-d1.ts';
import { POD_POLICIES } from './pod-objects.ts';
import { parseRichRule } from './rich-rule.ts';
import { isOurs } from './rules.ts';

/** What decides for those who come by a zone; `guests` is the interface behind which guests are. */
export async function look(firewalld: FirewallD1, name: string, guests: string | undefined): Promise<View> {
  const [zone, policies, strict, panic, guestZone] = await Promise.all([
    firewalld.zone(name),
    firewalld.policies(),
    firewalld.isForwardingStrict(),
    firewalld.isPanicking(),
    guests === undefined ? undefined : firewalld.assignedZone(guests),
  ]);
  const services = await definitions(firewalld, [zone, ...policies].flatMap(servicesOf));
  // Ours are for pods, and let in nobody else.
  const others = policies.filter((policy) => !POD_POLICIES.includes(policy.name));
  return { zone, policies: others, services, strict, panic, guests: guestZone };
}

/** The services that its settings name. */
export function servicesOf({ services, richRules }: Ruleset): readonly string[] {
  const named = richRules.filter((text) => !isOurs(text)).map((text) => parseRichRule(text).element);
  return [...services, ...named.flatMap((element) => (element?.kind === 'service' ? [element.name] : []))];
}

/** What these services are, and those that they include; each is asked for once. */
export async function definitions(
  firewalld: FirewallD1,
  names: readonly string[],
): Promise<ReadonlyMap<string, ServiceDefinition>> {
  const found = new Map<string, ServiceDefinition>();
  for (let missing = [...new Set(names)]; missing.length > 0; ) {
    const next = await Promise.all(missing.map((name) => firewalld.service(name)));
    missing.forEach((name, i) => {
      const definition = next[i];
      if (definition !== undefined) found.set(name, definition);
    });
    missing = [...new Set(next.flatMap(({ includes }) => includes))].filter((name) => !found.has(name));
  }
  return found;
}
