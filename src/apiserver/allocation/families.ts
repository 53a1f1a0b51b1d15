/**
 * Which families a Service gets cluster IPs of. Pure. Follows
 * https://kubernetes.io/docs/concepts/services-networking/dual-stack/#services
 */
import type { Service } from '../../api/core/v1/service.ts';
import { invalidValue } from '../../api/field-errors.ts';
import type { Cause } from '../../api/status.ts';
import { familyOf, type IPFamily } from '../../lib/ip.ts';

export type Spec = NonNullable<Service['spec']>;
type Policy = NonNullable<Spec['ipFamilyPolicy']>;

export type Families =
  | { readonly ok: true; readonly ipFamilies: readonly IPFamily[]; readonly ipFamilyPolicy: Policy }
  | { readonly ok: false; readonly causes: readonly Cause[] };

/** `cluster`: the families of the Service ranges, the primary first. `old` is undefined unless it had cluster IPs. */
export function desiredFamilies(given: Spec, old: Spec | undefined, cluster: readonly IPFamily[]): Families {
  const spec = kept(given, old);
  const policy = policyOf(spec);
  const named = namedFamilies(spec);
  const causes = [...unknownFamilies(named, cluster), ...unmetPolicy(spec, policy, named, cluster)];
  if (causes.length > 0) return { ok: false, causes };
  const first = named[0] ?? cluster[0] ?? 'IPv4';
  if (policy === 'SingleStack') return { ok: true, ipFamilies: [first], ipFamilyPolicy: policy };
  // A Service that prefers both families and was made when the cluster had one keeps what it has.
  const settled = old !== undefined && old.ipFamilyPolicy === policy && (old.ipFamilies?.length ?? 0) > 0;
  const others = settled ? named.slice(1) : isOpen(spec) ? both(first) : cluster.filter((family) => family !== first);
  return { ok: true, ipFamilies: [first, ...others], ipFamilyPolicy: policy };
}

/** An update that is silent about families and policy means those that the Service has. */
function kept(spec: Spec, old: Spec | undefined): Spec {
  if (old === undefined) return spec;
  const ipFamilyPolicy = spec.ipFamilyPolicy ?? old.ipFamilyPolicy;
  const silent = spec.ipFamilies === undefined || spec.ipFamilies.length === 0;
  const ipFamilies = silent ? old.ipFamilies?.slice(0, ipFamilyPolicy === 'SingleStack' ? 1 : 2) : spec.ipFamilies;
  return {
    ...spec,
    ...(ipFamilyPolicy === undefined ? {} : { ipFamilyPolicy }),
    ...(ipFamilies === undefined ? {} : { ipFamilies }),
  };
}

function policyOf(spec: Spec): Policy {
  if (spec.ipFamilyPolicy !== undefined) return spec.ipFamilyPolicy;
  if (namedFamilies(spec).length > 1 || isOpen(spec)) return 'RequireDualStack';
  return 'SingleStack';
}

/** Headless and without a selector: its endpoints, of whatever family, are somebody else's to name. */
function isOpen({ clusterIP, selector }: Spec): boolean {
  return clusterIP === 'None' && Object.keys(selector ?? {}).length === 0;
}

function both(first: IPFamily): readonly IPFamily[] {
  return [first === 'IPv4' ? 'IPv6' : 'IPv4'];
}

/** The families that the spec names, by themselves or by the addresses that it asks for. */
function namedFamilies({ ipFamilies = [], clusterIPs = [] }: Spec): readonly IPFamily[] {
  const ofAddresses = clusterIPs.map(familyOf).filter((family) => family !== undefined);
  return ofAddresses.length > ipFamilies.length ? ofAddresses : ipFamilies;
}

function unknownFamilies(named: readonly IPFamily[], cluster: readonly IPFamily[]): readonly Cause[] {
  return named.flatMap((family, i) =>
    cluster.includes(family)
      ? []
      : [
          invalidValue(
            `spec.ipFamilies[${i}]`,
            family,
            `not configured on this cluster; it has ${cluster.join(' and ')}`,
          ),
        ],
  );
}

function unmetPolicy(
  spec: Spec,
  policy: Policy,
  named: readonly IPFamily[],
  cluster: readonly IPFamily[],
): readonly Cause[] {
  if (policy === 'RequireDualStack' && cluster.length < 2 && !isOpen(spec)) {
    return [invalidValue('spec.ipFamilyPolicy', policy, 'this cluster is not configured for dual-stack services')];
  }
  if (policy === 'SingleStack' && named.length > 1) {
    const why = 'must be RequireDualStack or PreferDualStack when multiple families are specified';
    return [invalidValue('spec.ipFamilyPolicy', policy, why)];
  }
  return [];
}
