/** What people and machines do in a random history: plain data, so that a history can be printed and played again. */
import { type Random, randomBelow } from '../../../src/lib/random.ts';

export type Type = 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
export type Family = 'IPv4' | 'IPv6';
export type FamilyPolicy = 'SingleStack' | 'PreferDualStack' | 'RequireDualStack';
export type TrafficPolicy = 'Cluster' | 'Local';
export type TargetPort = number | 'http';
export type Distribution = 'PreferClose' | 'PreferSameNode';
export type RangeName = keyof typeof RANGES;
export type Zone = 'east' | 'west';
export type Mistake =
  | 'stale'
  | 'unknown-field'
  | 'mapping'
  | 'several'
  | 'broken'
  | 'media'
  | 'precondition'
  | 'other-address';

/** What a new Service asks for. */
export interface Wanted {
  readonly type: Type;
  readonly clusterIP?: string;
  readonly ipFamilyPolicy?: FamilyPolicy;
  readonly ipFamilies?: readonly Family[];
  readonly externalTrafficPolicy?: TrafficPolicy;
  readonly nodePort?: number;
  /** The value of the label that it selects by; none: no selector. */
  readonly app?: string;
  readonly targetPort: TargetPort;
  readonly publishNotReadyAddresses: boolean;
  readonly trafficDistribution?: Distribution;
}

export type ServiceAction =
  | { readonly act: 'create'; readonly name: string; readonly spec: Wanted; readonly dryRun: boolean }
  | { readonly act: 'type'; readonly name: string; readonly type: Type }
  | { readonly act: 'family-policy'; readonly name: string; readonly policy: FamilyPolicy }
  | { readonly act: 'traffic-policy'; readonly name: string; readonly policy: TrafficPolicy }
  | { readonly act: 'node-port'; readonly name: string; readonly nodePort: number }
  | { readonly act: 'distribution'; readonly name: string; readonly distribution: Distribution | undefined }
  /** Only of Services that have a selector already. */
  | { readonly act: 'selector'; readonly name: string; readonly app: string }
  /** A PUT that names the type and what it selects, and no more. */
  | { readonly act: 'replace'; readonly name: string }
  | { readonly act: 'delete'; readonly name: string }
  | { readonly act: 'wrong'; readonly name: string; readonly mistake: Mistake };

export interface PodState {
  readonly app: string;
  readonly ready: boolean;
  readonly failed: boolean;
}

export type Action =
  | ServiceAction
  | { readonly act: 'pod'; readonly pod: number; readonly state: PodState }
  | { readonly act: 'pod-ends'; readonly pod: number }
  | { readonly act: 'pod-gone'; readonly pod: number }
  /** A node comes, or moves to another zone. */
  | { readonly act: 'node'; readonly node: string; readonly zone: Zone }
  | { readonly act: 'node-gone'; readonly node: string }
  | { readonly act: 'slice-lost'; readonly name: string }
  | { readonly act: 'add-range' | 'remove-range'; readonly range: RangeName }
  | { readonly act: 'restart' };

/** Small, so that they are used up again and again. The first is the API's own, with families of both kinds. */
export const RANGES = {
  kubernetes: ['10.0.0.0/29', 'fd00::/125'],
  more4: ['10.0.1.0/29'],
  more6: ['fd00:1::/125'],
} as const;
export const NODE_PORTS = { first: 30000, last: 30005 };
export const NODES = ['n0', 'n1'];
const APPS = ['a', 'b', 'c'];
const TYPES: readonly Type[] = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'];
const FAMILY_POLICIES: readonly FamilyPolicy[] = ['SingleStack', 'PreferDualStack', 'RequireDualStack'];
const TRAFFIC_POLICIES: readonly TrafficPolicy[] = ['Cluster', 'Local'];
const FAMILIES = [['IPv4'], ['IPv6'], ['IPv4', 'IPv6'], ['IPv6', 'IPv4']] as const;
/** Free and taken ones, of every range, and some that no range has. */
const ADDRESSES = ['None', '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.7', '10.0.1.2', 'fd00::2', 'fd00:1::3'];
const ASKED_PORTS = [30000, 30001, 30002, 30006];
const MISTAKES: readonly Mistake[] = [
  'stale',
  'unknown-field',
  'mapping',
  'several',
  'broken',
  'media',
  'precondition',
  'other-address',
];
const SERVICES = 16;
const PODS = 8;

export function randomHistory(random: Random, length: number): readonly Action[] {
  return Array.from({ length }, () => randomAction(random));
}

function randomAction(random: Random): Action {
  const of = <T>(all: readonly T[]): T => all[randomBelow(random, all.length)] as T;
  const name = `s${randomBelow(random, SERVICES)}`;
  const pod = randomBelow(random, PODS);
  const make: readonly (readonly [weight: number, action: () => Action])[] = [
    [12, () => ({ act: 'create', name, spec: randomWanted(random), dryRun: random() < 0.1 })],
    [4, () => ({ act: 'type', name, type: of(TYPES) })],
    [3, () => ({ act: 'family-policy', name, policy: of(FAMILY_POLICIES) })],
    [2, () => ({ act: 'traffic-policy', name, policy: of(TRAFFIC_POLICIES) })],
    [2, () => ({ act: 'node-port', name, nodePort: of(ASKED_PORTS) })],
    [1, () => ({ act: 'distribution', name, distribution: of([undefined, 'PreferClose', 'PreferSameNode']) })],
    [1, () => ({ act: 'selector', name, app: of(APPS) })],
    [2, () => ({ act: 'replace', name })],
    [4, () => ({ act: 'delete', name })],
    [4, () => ({ act: 'wrong', name, mistake: of(MISTAKES) })],
    [8, () => ({ act: 'pod', pod, state: { app: of(APPS), ready: random() < 0.7, failed: random() < 0.1 } })],
    [2, () => ({ act: 'pod-ends', pod })],
    [1, () => ({ act: 'pod-gone', pod })],
    [2, () => ({ act: 'node', node: of(NODES), zone: of(['east', 'west']) })],
    [1, () => ({ act: 'node-gone', node: of(NODES) })],
    [1, () => ({ act: 'slice-lost', name })],
    [2, () => ({ act: 'add-range', range: of(['more4', 'more6']) })],
    [2, () => ({ act: 'remove-range', range: of(['more4', 'more6']) })],
    [1, () => ({ act: 'restart' })],
  ];
  return of(make.flatMap(([weight, action]) => Array.from({ length: weight }, () => action)))();
}

function randomWanted(random: Random): Wanted {
  const of = <T>(all: readonly T[]): T => all[randomBelow(random, all.length)] as T;
  const maybe = <T>(chance: number, value: () => T): T | undefined => (random() < chance ? value() : undefined);
  const asked = {
    clusterIP: maybe(0.3, () => of(ADDRESSES)),
    ipFamilyPolicy: maybe(0.5, () => of(FAMILY_POLICIES)),
    ipFamilies: maybe(0.4, () => of(FAMILIES)),
    externalTrafficPolicy: maybe(0.15, () => of(TRAFFIC_POLICIES)),
    nodePort: maybe(0.2, () => of(ASKED_PORTS)),
    app: maybe(0.8, () => of(APPS)),
    trafficDistribution: maybe(0.3, () => of<Distribution>(['PreferClose', 'PreferSameNode'])),
  };
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  const always = { type: of(TYPES), targetPort: of([8080, 'http'] as const), publishNotReadyAddresses: random() < 0.2 };
  return { ...always, ...given };
}
