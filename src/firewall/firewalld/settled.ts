/** Whether a reload of firewalld would change nothing that its administrator made for now only, or for later only. */
import { isDeepStrictEqual } from 'node:util';
import { variants } from './objects.ts';
import { POD_ZONE } from './pod-objects.ts';
import type { PodSettings } from './pod-settings.ts';

/** What a reload keeps as it is, or nobody notices. */
const KEPT: ReadonlySet<string> = new Set(['interfaces', 'version', 'short', 'description']);

/** The first zone or policy that a reload would change, such as `zone public`; undefined: none. Ours do not count. */
export async function unsettled(settings: PodSettings): Promise<string | undefined> {
  for (const kind of ['zone', 'policy'] as const) {
    for (const [name, { now, later }] of await settings.settings(kind)) {
      if (name === POD_ZONE || name.startsWith(`${POD_ZONE}-`)) continue;
      if (!isDeepStrictEqual(essence(now), essence(later))) return `${kind} ${name}`;
    }
  }
  return undefined;
}

/** What is not said is as its default. Lists are in no order. */
function essence(settings: unknown): readonly string[] | undefined {
  if (settings === undefined) return undefined;
  return Object.entries(variants(settings))
    .filter(([key, value]) => !KEPT.has(key) && !isDefault(value))
    .map(
      ([key, value]) =>
        `${key} ${JSON.stringify(Array.isArray(value) ? value.map((one) => JSON.stringify(one)).sort() : value)}`,
    )
    .sort();
}

const isDefault = (value: unknown): boolean =>
  value === false || value === '' || value === 'default' || (Array.isArray(value) && value.length === 0);
