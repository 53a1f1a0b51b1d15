/** The simplest thing that says what a Service's addresses and ports should be, and what a request about it is answered. */
import type { Json } from '../../../src/apiserver/testing/server.ts';
import {
  type Distribution,
  type Family,
  type FamilyPolicy,
  type Mistake,
  NODE_PORTS,
  type ServiceAction,
  type TargetPort,
  type TrafficPolicy,
  type Type,
  type Wanted,
} from './actions.ts';
import { RangeModel } from './range-model.ts';

/** What a Service has. `undefined` in a list stands for one that is chosen. */
export interface Has {
  readonly type: Type;
  readonly policy: FamilyPolicy | undefined;
  readonly families: readonly Family[];
  readonly ips: readonly (string | undefined)[];
  /** None: no node port. An ExternalName Service has it written down and does not hold it. */
  readonly ports: readonly (number | undefined)[];
  readonly external: TrafficPolicy | undefined;
  /** The port for health checks, if there is one. */
  readonly health: readonly (number | undefined)[];
  readonly app: string | undefined;
  readonly target: TargetPort;
  readonly publish: boolean;
  readonly distribution: Distribution | undefined;
}

/** The answer to expect. */
export interface Expected {
  readonly code: number;
  readonly reason?: string;
  /** `field reason`, sorted. */
  readonly causes?: readonly string[];
  /** What the Service then has. */
  readonly has?: Has;
}

/** A Service that asks for nothing. */
const UNASKED: Wanted = { type: 'ClusterIP', targetPort: 80, publishNotReadyAddresses: false };
const NOTHING = { policy: undefined, families: [], ips: [], ports: [], external: undefined, health: [] };
const exhausted: Expected = { code: 500, reason: 'InternalError' };
const refused = (causes: readonly string[]): Expected => ({ code: 422, reason: 'Invalid', causes: [...causes].sort() });
const invalid = (field: string) => `${field} FieldValueInvalid`;
const forbidden = (field: string) => `${field} FieldValueForbidden`;
const NODE_PORT = 'spec.ports[0].nodePort';
const other = (family: Family): Family => (family === 'IPv4' ? 'IPv6' : 'IPv4');
const familyOf = (ip: string): Family => (ip.includes(':') ? 'IPv6' : 'IPv4');
const isExternal = (type: Type) => type === 'NodePort' || type === 'LoadBalancer';
const needsHealth = (type: Type, external: TrafficPolicy | undefined) =>
  type === 'LoadBalancer' && external === 'Local';

/** What nobody else can have. */
function heldBy({ type, ips, ports, health }: Has): readonly (string | number | undefined)[] {
  return type === 'ExternalName' ? [] : [...ips, ...ports, ...health];
}

/** The cluster is dual-stack and its primary family is IPv4. */
export class ServiceModel {
  readonly services = new Map<string, Has>();
  readonly ranges = new RangeModel();

  expected(action: ServiceAction): Expected {
    const old = this.services.get(action.name);
    if (action.act === 'create') {
      const made = created(action.spec);
      const fit = Array.isArray(made) ? refused(made) : this.#fit(made as Has, 201);
      // Whether the name is taken is asked last.
      return fit.code === 201 && old !== undefined ? { code: 409, reason: 'AlreadyExists' } : fit;
    }
    if (action.act === 'wrong') return afterMistake(action.mistake, old);
    // A PUT makes what is not there.
    if (old === undefined && action.act === 'replace') return this.#fit(created(UNASKED) as Has, 201);
    if (old === undefined) return { code: 404, reason: 'NotFound' };
    if (action.act === 'delete') return { code: 200 };
    const next = changed(old, action);
    return Array.isArray(next) ? refused(next) : this.#fit(next as Has, 200, old);
  }

  /** Takes note of an answer that was as expected. `found`: what the Service was said to have. */
  settle(action: ServiceAction, { code }: Expected, found: Has | undefined): void {
    if (action.act === 'create' && action.dryRun) return;
    if (found !== undefined) this.services.set(action.name, found);
    else if (action.act === 'delete' && code === 200) this.services.delete(action.name);
    this.ranges.release(this.taken());
  }

  /** Every address and port that somebody has. The API's own Service has the first of all. */
  taken(): ReadonlySet<unknown> {
    const all = [...this.services.values()].flatMap(heldBy);
    return new Set([...all.filter((value) => value !== 'None'), '10.0.0.1']);
  }

  /** Whether somebody could be given an address or a port. */
  isFree(value: unknown): boolean {
    const isPort = typeof value === 'number';
    const exists = isPort ? value >= NODE_PORTS.first && value <= NODE_PORTS.last : this.ranges.has(String(value));
    return exists && !this.taken().has(value);
  }

  /** Refuses what is not there to be had. */
  #fit(next: Has, code: number, old?: Has): Expected {
    const held: readonly unknown[] = old === undefined ? [] : heldBy(old);
    const isKept = (value: unknown) => value === 'None' || held.includes(value);
    const isActive = next.type !== 'ExternalName';
    const asked = [...next.ports, ...next.health];
    const freePorts = range(NODE_PORTS.first, NODE_PORTS.last).filter(
      (port) => this.isFree(port) && !asked.includes(port),
    );
    const toChoose = next.families.filter((_, i) => i < next.ips.length && next.ips[i] === undefined);
    if (toChoose.some((family) => !this.ranges.addresses(family).some((ip) => this.isFree(ip)))) return exhausted;
    if (asked.filter((port) => port === undefined).length > freePorts.length) return exhausted;
    const isBad = (value: unknown) => value !== undefined && !isKept(value) && !this.isFree(value);
    const causes = [
      ...next.ips.filter(isBad).map(() => invalid('spec.clusterIPs')),
      ...(isActive ? next.ports : []).filter(isBad).map(() => invalid(NODE_PORT)),
    ];
    return causes.length > 0 ? refused(causes) : { code, has: next };
  }
}

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** What a new Service is to have, or the mistakes in what it asks for. */
function created(spec: Wanted): Has | readonly string[] {
  const { type, clusterIP, nodePort, ipFamilies, ipFamilyPolicy, externalTrafficPolicy } = spec;
  const plain = {
    app: spec.app,
    target: spec.targetPort,
    publish: spec.publishNotReadyAddresses,
    distribution: spec.trafficDistribution,
  };
  const misplaced = externalTrafficPolicy && !isExternal(type) ? [invalid('spec.externalTrafficPolicy')] : [];
  if (type === 'ExternalName') {
    const causes = [
      ...(clusterIP ? [forbidden('spec.clusterIPs')] : []),
      ...(ipFamilies ? [forbidden('spec.ipFamilies')] : []),
      ...(ipFamilyPolicy ? [forbidden('spec.ipFamilyPolicy')] : []),
      ...misplaced,
    ];
    return causes.length > 0 ? causes : { type, ...NOTHING, ...plain, ports: nodePort === undefined ? [] : [nodePort] };
  }
  const isHeadless = clusterIP === 'None';
  const policy = ipFamilyPolicy ?? (isHeadless && spec.app === undefined ? 'RequireDualStack' : 'SingleStack');
  const [first = clusterIP && !isHeadless ? familyOf(clusterIP) : 'IPv4'] = ipFamilies ?? [];
  const causes = [
    ...misplaced,
    ...(isHeadless && isExternal(type) ? [invalid('spec.clusterIPs[0]')] : []),
    ...(nodePort !== undefined && !isExternal(type) ? [forbidden(NODE_PORT)] : []),
    ...(policy === 'SingleStack' && (ipFamilies?.length ?? 0) > 1 ? [invalid('spec.ipFamilyPolicy')] : []),
    ...(clusterIP && !isHeadless && familyOf(clusterIP) !== first ? [invalid('spec.clusterIPs[0]')] : []),
  ];
  if (causes.length > 0) return causes;
  const families = policy === 'SingleStack' ? [first] : [first, other(first)];
  const ips = isHeadless ? ['None'] : families.map((_, i) => (i === 0 ? clusterIP : undefined));
  const external = isExternal(type) ? (externalTrafficPolicy ?? 'Cluster') : undefined;
  const health = needsHealth(type, external) ? [undefined] : [];
  return { type, policy, families, ips, ports: isExternal(type) ? [nodePort] : [], external, health, ...plain };
}

type Change = Exclude<ServiceAction, { act: 'create' | 'delete' | 'wrong' }>;

/** What a Service is to have after a change, or what is wrong with the change. */
function changed(old: Has, action: Change): Has | readonly string[] {
  switch (action.act) {
    case 'replace':
      // What it does not hold, nobody keeps for it.
      return withTraffic({
        ...old,
        ports: old.type === 'ExternalName' ? [] : old.ports,
        external: isExternal(old.type) ? 'Cluster' : undefined,
        publish: false,
        distribution: undefined,
      });
    case 'node-port':
      if (old.type === 'ClusterIP') return [forbidden(NODE_PORT)];
      if (old.health.includes(action.nodePort)) return [invalid('spec.healthCheckNodePort')];
      return { ...old, ports: [action.nodePort] };
    case 'family-policy':
      return withFamilyPolicy(old, action.policy);
    case 'traffic-policy':
      if (!isExternal(old.type)) return [invalid('spec.externalTrafficPolicy')];
      return withTraffic({ ...old, external: action.policy });
    case 'distribution':
      return { ...old, distribution: action.distribution };
    case 'selector':
      return { ...old, app: action.app };
    case 'type':
      return withType(old, action.type);
  }
}

/** A port for health checks comes and goes with what needs it. */
function withTraffic(next: Has): Has {
  if (!needsHealth(next.type, next.external)) return { ...next, health: [] };
  return next.health.length > 0 ? next : { ...next, health: [undefined] };
}

function withFamilyPolicy(old: Has, policy: FamilyPolicy): Has | readonly string[] {
  if (old.type === 'ExternalName') return [forbidden('spec.ipFamilyPolicy')];
  const [first = 'IPv4'] = old.families;
  const families = policy === 'SingleStack' ? [first] : [first, other(first)];
  return { ...old, policy, families, ips: old.ips[0] === 'None' ? old.ips : families.map((_, i) => old.ips[i]) };
}

function withType(old: Has, type: Type): Has | readonly string[] {
  if (type === old.type) return old;
  if (type === 'ExternalName') return { ...old, type, ...NOTHING };
  if (old.type === 'ExternalName') {
    const [nodePort] = old.ports;
    const { app, target, publish, distribution } = old;
    const asked = { ...(nodePort === undefined ? {} : { nodePort }), ...(app === undefined ? {} : { app }) };
    const made = created({ type, ...asked, targetPort: target, publishNotReadyAddresses: publish });
    return Array.isArray(made) ? made : { ...(made as Has), distribution };
  }
  if (old.ips[0] === 'None' && isExternal(type)) return [invalid('spec.clusterIPs[0]')];
  const ports = isExternal(type) ? (isExternal(old.type) ? old.ports : [undefined]) : [];
  return withTraffic({ ...old, type, ports, external: isExternal(type) ? (old.external ?? 'Cluster') : undefined });
}

/** What a request that is wrong whatever the cluster is like is answered; `old`: what the Service has that it is about. */
function afterMistake(mistake: Mistake, old: Has | undefined): Expected {
  const missing = { code: 404, reason: 'NotFound' };
  switch (mistake) {
    case 'stale':
    case 'precondition':
      return old === undefined ? missing : { code: 409, reason: 'Conflict' };
    case 'unknown-field':
    case 'mapping':
    case 'broken':
      return { code: 400, reason: 'BadRequest' };
    case 'media':
      return { code: 415, reason: 'UnsupportedMediaType' };
    case 'several':
      return refused([
        invalid('spec.ports[0].port'),
        'spec.sessionAffinity FieldValueNotSupported',
        invalid('spec.externalIPs[0]'),
        invalid('spec.clusterIPs[0]'),
      ]);
    case 'other-address': {
      if (old === undefined) return missing;
      if (old.type === 'ExternalName') return refused([forbidden('spec.clusterIPs')]);
      const isOtherFamily = old.families[0] === 'IPv6';
      return refused([
        invalid('spec.clusterIPs[0]'),
        ...(isOtherFamily ? [invalid('spec.clusterIPs[0]')] : []),
        ...(old.ips.length > 1 ? [invalid('spec.ipFamilyPolicy')] : []),
      ]);
    }
  }
}

/** What a Service of the API has, as the model says it. */
export function has({ spec }: Json): Has {
  return {
    type: spec.type,
    policy: spec.ipFamilyPolicy,
    families: spec.ipFamilies ?? [],
    ips: spec.clusterIPs ?? [],
    ports: spec.ports.flatMap(({ nodePort }: Json) => (nodePort === undefined ? [] : [nodePort])),
    external: spec.externalTrafficPolicy,
    health: spec.healthCheckNodePort === undefined ? [] : [spec.healthCheckNodePort],
    app: spec.selector?.app,
    target: spec.ports[0].targetPort,
    publish: spec.publishNotReadyAddresses ?? false,
    distribution: spec.trafficDistribution,
  };
}
