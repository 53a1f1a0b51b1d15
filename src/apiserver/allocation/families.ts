/**
 * Which families a Service gets cluster IPs of. Pure. Follows
 * https://kubernetes.io/docs/concepts/services-networking/dual-stack/#services and what an API server does; what can be
 * judged without knowing the cluster, validation has judged.
 */
import { familyPolicyOf, isHeadlessWithoutSelector } from '../../api/core/v1/service.cluster-ips.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { invalidValue } from '../../api/field-errors.ts';
import type { Cause } from '../../api/status.ts';
import { familyOf, type IPFamily } from '../../lib/ip.ts';

export type Spec = NonNullable<Service['spec']>;
type Policy = NonNullable<Spec['ipFamilyPolicy']>;

export type Families =
  | { readonly ok: true; readonly ipFamilies: readonly IPFamily[]; readonly ipFamilyPolicy: Policy }
  | { readonly ok: false; readonly causes: readonly Cause[] };

/** `cluster`: the families of the Service ranges, the primary first. `old` is undefined unless it had families. */
export function desiredFamilies(given: Spec, old: Spec | undefined, cluster: readonly IPFamily[]): Families {
  const ipFamilyPolicy = familyPolicyOf(given, old);
  const spec = { ...given, ipFamilies: keptFamilies(given, old, ipFamilyPolicy) };
  const inferred = ofAddresses(spec, cluster);
  if (inferred.causes.length > 0) return { ok: false, causes: inferred.causes };
  // Its endpoints are somebody else's to name, of whatever family: the cluster need not have both.
  const isOpen = isHeadlessWithoutSelector(spec);
  const causes = isOpen ? [] : unmet(ipFamilyPolicy, inferred.families, cluster);
  if (causes.length > 0) return { ok: false, causes };
  const families = inferred.families.length > 0 ? inferred.families : cluster.slice(0, 1);
  // A Service that prefers both families and was made when the cluster had one keeps what it has.
  const isSettled =
    ipFamilyPolicy === 'PreferDualStack' && old?.ipFamilyPolicy === ipFamilyPolicy && sameLists(spec, old);
  const wantsOther = ipFamilyPolicy !== 'SingleStack' && !isSettled && (isOpen || cluster.length > 1);
  return { ok: true, ipFamilyPolicy, ipFamilies: wantsOther ? withOther(families) : families };
}

/** An update that is silent about families means those that the Service has. */
function keptFamilies({ ipFamilies = [] }: Spec, old: Spec | undefined, policy: Policy): readonly IPFamily[] {
  if (ipFamilies.length > 0) return ipFamilies;
  return old?.ipFamilies?.slice(0, policy === 'SingleStack' ? 1 : 2) ?? [];
}

/** The families that are named, and after them those of the addresses that are asked for beyond. */
function ofAddresses(
  { ipFamilies = [], clusterIPs = [] }: Spec,
  cluster: readonly IPFamily[],
): { readonly families: readonly IPFamily[]; readonly causes: readonly Cause[] } {
  const families: IPFamily[] = [...ipFamilies];
  const causes: Cause[] = [];
  for (const [i, ip] of clusterIPs.entries()) {
    const family = familyOf(ip);
    if (i < ipFamilies.length || family === undefined) continue;
    if (cluster.includes(family)) families.push(family);
    else causes.push(invalidValue(`spec.clusterIPs[${i}]`, clusterIPs, `${family} is not configured on this cluster`));
  }
  return { families, causes };
}

/** What the policy and the families ask for and the cluster does not have. */
function unmet(policy: Policy, families: readonly IPFamily[], cluster: readonly IPFamily[]): readonly Cause[] {
  const needsBoth = policy === 'RequireDualStack' && cluster.length < 2;
  const why = 'this cluster is not configured for dual-stack services';
  return [
    ...(needsBoth ? [invalidValue('spec.ipFamilyPolicy', policy, why)] : []),
    ...families.flatMap((family, i) =>
      cluster.includes(family) ? [] : [invalidValue(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster')],
    ),
  ];
}

function sameLists(spec: Spec, old: Spec): boolean {
  const isSame = (a: readonly string[] = [], b: readonly string[] = []) => a.join() === b.join();
  return isSame(spec.clusterIPs, old.clusterIPs) && isSame(spec.ipFamilies, old.ipFamilies);
}

function withOther(families: readonly IPFamily[]): readonly IPFamily[] {
  const [first, second] = families;
  return first === undefined || second !== undefined ? families : [first, first === 'IPv4' ? 'IPv6' : 'IPv4'];
}
