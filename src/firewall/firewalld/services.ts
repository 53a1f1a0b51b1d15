/** What firewalld means by the services that its zones and policies name. */
import type { FirewallD1, Ruleset, ServiceDefinition } from './firewall-d1.ts';
import { parseRichRule } from './rich-rule.ts';
import { isOurs } from './rules.ts';

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
