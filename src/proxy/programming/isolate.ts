/**
 * Applying what a kernel takes and finding out what it refuses: one Service with rules that no kernel takes must not keep
 * all the others waiting.
 */
import { type Changes, type FrontendChange, isEmpty } from '../mode.ts';

/** Why a Service is not in the kernel as it should be. */
export interface Refusal {
  readonly service: string;
  readonly error: Error;
}

const NOTHING = { added: [], removed: [] } as const;

/**
 * Applies changes by halves until every Service's are either in the kernel or known to be refused: with n Services and r
 * refused ones, about r * log2(n) transactions. Throws what refuses those that belong to no Service. `apply` does all or
 * nothing.
 */
export async function applyApart(
  changes: Changes,
  apply: (part: Changes) => Promise<void>,
): Promise<readonly Refusal[]> {
  const common = { ...changes, frontends: [] };
  if (!isEmpty(common)) await apply(common);
  const services = [...byService(changes.frontends)];
  return services.length === 0 ? [] : applyHalf(services, apply);
}

async function applyHalf(
  services: readonly (readonly [string, readonly FrontendChange[]])[],
  apply: (part: Changes) => Promise<void>,
): Promise<readonly Refusal[]> {
  try {
    const frontends = services.flatMap(([, own]) => own);
    await apply({ frontends, virtualAddresses: NOTHING, nodeAddresses: NOTHING });
    return [];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const [first] = services;
    if (services.length === 1 && first !== undefined) return [{ service: first[0], error }];
    const middle = Math.ceil(services.length / 2);
    // One after the other: a mode takes one call at a time.
    const refused = await applyHalf(services.slice(0, middle), apply);
    return [...refused, ...(await applyHalf(services.slice(middle), apply))];
  }
}

function byService(frontends: readonly FrontendChange[]): ReadonlyMap<string, readonly FrontendChange[]> {
  const services = new Map<string, FrontendChange[]>();
  for (const change of frontends) {
    const own = services.get(change.service);
    if (own === undefined) services.set(change.service, [change]);
    else own.push(change);
  }
  return services;
}
