/** From the load balancer that is to the one that should be, in an order in which it never leads anybody wrong. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { LoadBalancerRequest, Shape } from '../request.ts';
import { isOurs } from './certificates.ts';
import type {
  ActualLoadBalancer,
  BackendSet,
  DesiredBackendSet,
  DesiredLoadBalancer,
  IpVersion,
  Listener,
  Step,
  Tls,
} from './model.ts';

/**
 * A listener comes after the backend set that it leads to, and goes before it; one that takes another's port comes after that has
 * gone. First of all comes what needs nothing else, as nodes that come and go are not to wait for what OCI may refuse. What cannot
 * be changed is in {@link unchangeable}.
 */
export function stepsTo(desired: DesiredLoadBalancer, actual: ActualLoadBalancer): readonly Step[] {
  const sets = compare(desired.backendSets, actual.backendSets, sameBackendSet);
  const listeners = compare(desired.listeners, actual.listeners, sameListener);
  const families = familiesSteps(desired.ipVersion, actual.ipVersion);
  const certificates = missingCertificates(desired, actual);
  const needsNothing = ({ tls }: BackendSet) => !certificates.some(({ name }) => name === tls?.certificate);
  const update = (backendSet: DesiredBackendSet): Step => ({ kind: 'update-backend-set', backendSet });
  return [
    ...sets.updated.filter(needsNothing).map(update),
    ...families.before,
    ...groupsStep(desired, actual),
    ...certificates,
    ...sets.created.map((backendSet): Step => ({ kind: 'create-backend-set', backendSet })),
    ...sets.updated.filter((set) => !needsNothing(set)).map(update),
    ...listeners.deleted.map((name): Step => ({ kind: 'delete-listener', name })),
    ...listeners.updated.map((listener): Step => ({ kind: 'update-listener', listener })),
    ...listeners.created.map((listener): Step => ({ kind: 'create-listener', listener })),
    ...sets.deleted.map((name): Step => ({ kind: 'delete-backend-set', name })),
    ...needlessCertificates(desired, actual),
    ...shapeStep(desired.shape, actual.shape),
    ...families.after,
    ...tagsStep(desired, actual),
  ];
}

/** What the Service asks for now and a load balancer cannot become, in words: it goes on as it is. */
export function unchangeable(
  { internal, reservedAddress, assignedAddresses, shape, subnets }: LoadBalancerRequest,
  actual: ActualLoadBalancer,
): readonly string[] {
  const named = subnets.filter(({ annotated }) => annotated).map(({ id }) => id);
  const advice = 'which cannot be changed: delete the Service and make it anew';
  const reserved = actual.addresses.find(({ isReserved, isPublic }) => isReserved && isPublic)?.address;
  const assigned = Object.values(assignedAddresses).filter(
    (address) => !actual.addresses.some((one) => one.address === address),
  );
  return [
    ...(internal === actual.internal ? [] : [`it is ${actual.internal ? 'internal' : 'public'}, ${advice}`]),
    ...(named.length === 0 || actual.subnets.some((id) => named.includes(id))
      ? []
      : [`it is in ${actual.subnets.join(', ')}, ${advice}`]),
    ...(reservedAddress === reserved ? [] : [`its reserved address is ${reserved ?? 'none'}, ${advice}`]),
    ...(assigned.length === 0 ? [] : [`it has not the address ${assigned.join(', ')}, ${advice}`]),
    ...(actual.shape?.name === 'flexible' && shape !== undefined && shape.name !== 'flexible'
      ? [`its shape is flexible, and becomes ${shape.name} only as flexible with that bandwidth`]
      : []),
  ];
}

interface Compared<T> {
  readonly created: readonly T[];
  readonly updated: readonly T[];
  readonly deleted: readonly string[];
}

function compare<T extends { readonly name: string }, Actual extends { readonly name: string }>(
  desired: readonly T[],
  actual: readonly Actual[],
  same: (desired: T, actual: Actual) => boolean,
): Compared<T> {
  const present = new Map(actual.map((one) => [one.name, one]));
  const wanted = new Set(desired.map(({ name }) => name));
  return {
    created: desired.filter(({ name }) => !present.has(name)),
    updated: desired.filter((one) => {
      const found = present.get(one.name);
      return found !== undefined && !same(one, found);
    }),
    deleted: actual.map(({ name }) => name).filter((name) => !wanted.has(name)),
  };
}

function sameBackendSet({ tls, ...desired }: BackendSet, { tls: now, ...actual }: BackendSet): boolean {
  return sameTls(tls, now) && isDeepStrictEqual(desired, actual);
}

/** What the Service says nothing of stays as it is. */
function sameListener(desired: Listener, actual: Listener): boolean {
  const { idleTimeout = actual.idleTimeout, proxyProtocol = actual.proxyProtocol, tls, ...rest } = desired;
  const { idleTimeout: idle, proxyProtocol: version, tls: now, ...others } = actual;
  const isSame = idleTimeout === idle && (proxyProtocol || false) === (version || false) && sameTls(tls, now);
  return isSame && isDeepStrictEqual(rest, others);
}

/** TLS that an administrator has set where the Service asks for none stays. */
function sameTls(desired: Tls | undefined, actual: Tls | undefined): boolean {
  if (desired === undefined) return actual === undefined || !isOurs(actual.certificate);
  if (actual === undefined || desired.certificate !== actual.certificate) return false;
  const { cipherSuite = actual.cipherSuite, protocols = actual.protocols } = desired;
  return cipherSuite === actual.cipherSuite && isDeepStrictEqual(protocols, actual.protocols);
}

function missingCertificates(desired: DesiredLoadBalancer, actual: ActualLoadBalancer) {
  const missing = desired.certificates.filter((name) => !actual.certificates.includes(name));
  return missing.map((name) => ({ kind: 'create-certificate', name }) as const);
}

function needlessCertificates(desired: DesiredLoadBalancer, actual: ActualLoadBalancer): readonly Step[] {
  const needless = actual.certificates.filter((name) => isOurs(name) && !desired.certificates.includes(name));
  return needless.map((name) => ({ kind: 'delete-certificate', name }));
}

/** Addresses of a family come before its listeners, and go after them: from one to the other it is by way of both. */
function familiesSteps(
  desired: IpVersion,
  actual: IpVersion,
): { readonly before: readonly Step[]; readonly after: readonly Step[] } {
  const to = (ipVersion: IpVersion): Step => ({ kind: 'update-ip-version', ipVersion });
  if (desired === actual) return { before: [], after: [] };
  const before = actual === 'IPV4_AND_IPV6' ? [] : [to('IPV4_AND_IPV6')];
  return { before, after: desired === 'IPV4_AND_IPV6' ? [] : [to(desired)] };
}

function groupsStep({ groups }: DesiredLoadBalancer, actual: ActualLoadBalancer): readonly Step[] {
  return sameSet(groups, actual.groups) ? [] : [{ kind: 'update-groups', groups }];
}

/** OCI turns no flexible shape into a fixed one. */
function shapeStep(desired: Shape | undefined, actual: Shape | undefined): readonly Step[] {
  if (desired === undefined || isDeepStrictEqual(desired, actual)) return [];
  if (actual?.name === 'flexible' && desired.name !== 'flexible') return [];
  return [{ kind: 'update-shape', shape: desired }];
}

/** Ours alone: others are put on it when it is made, and are the administrator's from then on. */
function tagsStep({ tags }: DesiredLoadBalancer, { freeformTags }: ActualLoadBalancer): readonly Step[] {
  const ours = Object.entries(tags.freeform).filter(([key]) => key.startsWith('postern.dev/'));
  if (ours.every(([key, value]) => freeformTags[key] === value)) return [];
  return [{ kind: 'update-tags', freeform: { ...freeformTags, ...Object.fromEntries(ours) } }];
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}
