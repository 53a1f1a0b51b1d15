/**
 * Whether the cluster IPs of a Service, its families and its family policy fit together. Which addresses are free, and
 * which families the cluster has, the allocation knows. https://kubernetes.io/docs/concepts/services-networking/dual-stack/
 */
import { familyOf } from '../../../lib/ip.ts';
import { ipMistake } from '../../addresses.ts';
import { forbidden, invalidValue } from '../../field-errors.ts';
import { duplicates, mistakeIn } from '../../meta/validation.ts';
import type { Cause } from '../../status.ts';
import type { Service } from './service.ts';

type Spec = NonNullable<Service['spec']>;

/** One address of each family. */
const MAX_FAMILIES = 2;

export function validateClusterIPs(spec: Spec, old: Spec | undefined): readonly Cause[] {
  if (spec.type === 'ExternalName') return validateNone(spec);
  return [...validateList(spec), ...validateFamilies(spec), ...validatePolicy(spec, old)];
}

/** A Service of no address of its own, whose endpoints others name, has both families unless it says otherwise. */
export function isHeadlessWithoutSelector({ clusterIP, selector }: Spec): boolean {
  return clusterIP === 'None' && Object.keys(selector ?? {}).length === 0;
}

/** The policy of a Service that may be silent about it: that which it has, and for a new one the most modest. */
export function familyPolicyOf(spec: Spec, old: Spec | undefined): NonNullable<Spec['ipFamilyPolicy']> {
  const fallback = isHeadlessWithoutSelector(spec) ? 'RequireDualStack' : 'SingleStack';
  return spec.ipFamilyPolicy ?? old?.ipFamilyPolicy ?? fallback;
}

/** What may change while a Service has cluster IPs: a second one may come and go, the first stays. */
export function validateClusterIPsUpdate(spec: Spec, old: Spec): readonly Cause[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return [];
  const { clusterIPs = [], ipFamilies = [] } = spec;
  const isHeadless = spec.clusterIP === 'None';
  const wasHeadless = old.clusterIP === 'None';
  if (isHeadless && wasHeadless) return [];
  const why = 'may not change once set';
  const moved = (old.clusterIPs ?? []).flatMap((ip, i) =>
    clusterIPs[i] === undefined || clusterIPs[i] === ip ? [] : [invalidValue(`spec.clusterIPs[${i}]`, clusterIPs, why)],
  );
  const [first] = old.ipFamilies ?? [];
  const familyMoved = isHeadless === wasHeadless && first !== undefined && (ipFamilies[0] ?? first) !== first;
  return [...moved, ...(familyMoved ? [invalidValue('spec.ipFamilies[0]', ipFamilies, why)] : [])];
}

function validateNone(spec: Spec): readonly Cause[] {
  const why = 'may not be set for ExternalName services';
  return (['clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const)
    .filter((field) => spec[field] !== undefined && spec[field].length > 0)
    .map((field) => forbidden(`spec.${field}`, why));
}

function validateList({ clusterIP = '', clusterIPs = [], ipFamilies = [] }: Spec): readonly Cause[] {
  const field = 'spec.clusterIPs';
  const causes: Cause[] = [];
  if (clusterIPs.length === 0) return causes;
  if (clusterIP === '') causes.push(invalidValue(field, clusterIPs, 'must be empty when `clusterIP` is not specified'));
  else if (clusterIPs[0] !== clusterIP)
    causes.push(invalidValue(field, clusterIPs, 'first value must match `clusterIP`'));
  if (clusterIPs.includes('None')) {
    const alone = clusterIPs.length === 1;
    return alone ? causes : [...causes, invalidValue(field, clusterIPs, "'None' must be the first and only value")];
  }
  if (clusterIPs.length > MAX_FAMILIES) causes.push(invalidValue(field, clusterIPs, 'may only hold up to 2 values'));
  clusterIPs.forEach((ip, i) => {
    const family = ipFamilies[i];
    const found = familyOf(ip);
    causes.push(...mistakeIn(`${field}[${i}]`, ip, ipMistake(ip)));
    if (family !== undefined && found !== undefined && found !== family) {
      causes.push(
        invalidValue(`${field}[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``),
      );
    }
  });
  const [first, second] = clusterIPs.map(familyOf);
  if (second !== undefined && first === second) {
    causes.push(invalidValue(field, clusterIPs, 'may specify no more than one IP for each IP family'));
  }
  return causes;
}

function validateFamilies({ ipFamilies = [] }: Spec): readonly Cause[] {
  return duplicates(
    ipFamilies,
    (family) => family,
    (i) => `spec.ipFamilies[${i}]`,
  );
}

/** A second address or family comes with a policy that allows it, and goes with one that does not. */
function validatePolicy(spec: Spec, old: Spec | undefined): readonly Cause[] {
  const policy = familyPolicyOf(spec, old);
  const wrong = (why: string) => [invalidValue('spec.ipFamilyPolicy', policy, why)];
  const { clusterIPs = [], ipFamilies = [] } = spec;
  if (policy === 'SingleStack') {
    const needs = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
    return [
      ...(clusterIPs.length > 1 ? wrong(`${needs} cluster IPs are specified`) : []),
      ...(ipFamilies.length > 1 ? wrong(`${needs} IP families are specified`) : []),
    ];
  }
  return [
    ...(isReduced(clusterIPs, old?.clusterIPs)
      ? wrong("must be 'SingleStack' to release the secondary cluster IP")
      : []),
    ...(isReduced(ipFamilies, old?.ipFamilies)
      ? wrong("must be 'SingleStack' to release the secondary IP family")
      : []),
  ];
}

/** An empty list says nothing, so it takes nothing away. */
function isReduced(list: readonly string[], before: readonly string[] = []): boolean {
  return list.length > 0 && list.length < before.length;
}
