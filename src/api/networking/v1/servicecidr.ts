/**
 * networking.k8s.io/v1 ServiceCIDR: a range that cluster IPs are given from.
 * https://kubernetes.io/docs/reference/networking/virtual-ips/#ip-address-objects
 */
import { parseCIDR } from '../../../lib/ip.ts';
import { canonicalCIDRMistake } from '../../addresses.ts';
import { immutable, invalidValue, requiredValue } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { conditions } from '../../meta/v1.ts';
import { mistakeIn } from '../../meta/validation.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { list, object, string, type TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';

const fields = object(
  {
    spec: object({ cidrs: list(string(), 'One prefix, or one of each family. A second may be added; none changes.') }),
    status: object({ conditions }),
  },
  'A range that cluster IPs are given from.',
);
export type ServiceCIDR = Resource<TypeOf<typeof fields>>;

/** The range that the server makes from its options. */
export const DEFAULT_SERVICE_CIDR = 'kubernetes';
/** Keeps a range until no address of it is in use. */
export const SERVICE_CIDR_FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
/** Condition that says whether addresses are given from the range. */
export const SERVICE_CIDR_READY = 'Ready';

/** Whether addresses are given from the range. One of which nobody has said anything yet is. */
export function isReadyServiceCIDR({ metadata, status }: ServiceCIDR): boolean {
  const ready = status?.conditions?.find(({ type }) => type === SERVICE_CIDR_READY);
  return metadata.deletionTimestamp === undefined && (ready === undefined || ready.status === 'True');
}

function validateServiceCIDR({ spec }: ServiceCIDR, old: ServiceCIDR | undefined): readonly Cause[] {
  const { cidrs = [] } = spec ?? {};
  return old === undefined ? validateCIDRs(cidrs) : validateUpdate(cidrs, old.spec?.cidrs ?? []);
}

function validateCIDRs(cidrs: readonly string[]): readonly Cause[] {
  const field = 'spec.cidrs';
  if (cidrs.length === 0) return [requiredValue(field, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalidValue(field, cidrs, 'may only hold up to 2 values')];
  const mistakes = cidrs.flatMap((text, i) => mistakeIn(`${field}[${i}]`, text, canonicalCIDRMistake(text)));
  const [first, second] = cidrs.map((text) => parseCIDR(text)?.base.family);
  if (mistakes.length > 0 || first !== second) return mistakes;
  const why = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
  return [invalidValue(field, cidrs, why)];
}

/** A range of one family may become one of both; nothing else changes. */
function validateUpdate(cidrs: readonly string[], before: readonly string[]): readonly Cause[] {
  if (sameValue(cidrs, before)) return [];
  const isUpgrade = before.length === 1 && cidrs.length === 2;
  if (!isUpgrade && cidrs.length !== before.length) return [immutable('spec.cidrs', cidrs)];
  const changed = before.flatMap((text, i) => (text === cidrs[i] ? [] : [immutable(`spec.cidrs[${i}]`, cidrs[i])]));
  return changed.length > 0 ? changed : validateCIDRs(cidrs);
}

/** The finalizer is there from the first moment: no range goes before somebody has looked whether it is in use. */
function prepareServiceCIDR(range: ServiceCIDR, old: ServiceCIDR | undefined): ServiceCIDR {
  const prepared = withoutStatusOnCreate(range, old);
  if (old !== undefined) return prepared;
  const finalizers = [...new Set([...(range.metadata.finalizers ?? []), SERVICE_CIDR_FINALIZER])];
  return { ...prepared, metadata: { ...prepared.metadata, finalizers } };
}

export const ServiceCIDR = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
  generation: false,
  status: true,
  schema: fields,
  prepare: prepareServiceCIDR,
  validate: validateServiceCIDR,
  columns: [{ name: 'CIDRs', type: 'string', value: ({ spec }) => (spec?.cidrs ?? []).join(',') }],
});
