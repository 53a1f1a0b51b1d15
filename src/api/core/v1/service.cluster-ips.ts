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

export function validateClusterIPs(spec: Spec): readonly Cause[] {
  if (spec.type === 'ExternalName') return validateNone(spec);
  return [...validateList(spec), ...validateFamilies(spec)];
}

/** What may change while a Service has cluster IPs: a second one may come and go, the first stays. */
export function validateClusterIPsUpdate(spec: Spec, old: Spec): readonly Cause[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return [];
  const { clusterIPs = [], ipFamilies = [] } = spec;
  const causes: Cause[] = [];
  old.clusterIPs?.forEach((ip, i) => {
    if (clusterIPs[i] === ip || (i > 0 && clusterIPs[i] === undefined)) return;
    causes.push(invalidValue(`spec.clusterIPs[${i}]`, clusterIPs, 'may not change once set'));
  });
  old.ipFamilies?.forEach((family, i) => {
    if (ipFamilies[i] === undefined || ipFamilies[i] === family) return;
    causes.push(invalidValue(`spec.ipFamilies[${i}]`, ipFamilies[i], 'may not change once set'));
  });
  return causes;
}

function validateNone(spec: Spec): readonly Cause[] {
  const why = 'may not be set for ExternalName services';
  return (['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const)
    .filter((field) => spec[field] !== undefined && spec[field].length > 0)
    .map((field) => forbidden(`spec.${field}`, why));
}

function validateList({ clusterIP = '', clusterIPs = [], ipFamilies = [], ipFamilyPolicy }: Spec): readonly Cause[] {
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
    const why = `may specify no more than one IP for each IP family, found both "${clusterIPs[0]}" and "${clusterIPs[1]}"`;
    causes.push(invalidValue(field, clusterIPs, why));
  }
  if (clusterIPs.length > 1 && ipFamilyPolicy === 'SingleStack') causes.push(needsDualStack('clusterIPs'));
  return causes;
}

function validateFamilies({ ipFamilies = [], ipFamilyPolicy }: Spec): readonly Cause[] {
  return [
    ...duplicates(
      ipFamilies,
      (family) => family,
      (i) => `spec.ipFamilies[${i}]`,
    ),
    ...(ipFamilies.length > 1 && ipFamilyPolicy === 'SingleStack' ? [needsDualStack('ipFamilies')] : []),
  ];
}

function needsDualStack(because: string): Cause {
  const why = `must be RequireDualStack or PreferDualStack when multiple '${because}' are specified`;
  return invalidValue('spec.ipFamilyPolicy', 'SingleStack', why);
}
