/** Brings one Service in line with what it is to have: decides, claims, writes and tells. */
import { Service } from '../../api/core/v1/service.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../host/clock.ts';
import { type IPAddress, printIP } from '../../lib/ip.ts';
import type { Ensured } from '../cloud/provider.ts';
import type { Contests } from '../contests.ts';
import { equal } from '../equal.ts';
import { type Assignment, assign, type Question, whyGivenUp } from './assign.ts';
import type { Claims } from './claims.ts';
import { currentAddresses, deprecatedAnnotations } from './request.ts';
import { ALLOCATION_FAILED, isMarked, released, served } from './status.ts';

export interface ServeParts {
  readonly client: Client;
  readonly clock: Clock;
  readonly claims: Claims;
  readonly events: EventRecorder;
  /** The Service as it is known now, when it is ours. */
  readonly latest: (key: string) => Service | undefined;
  /** To be called when something became free. */
  readonly freed: () => void;
  readonly contests: Contests;
}

/** Gives a Service its addresses, or says why it has none. `question` is what is decided on. */
export async function serve(key: string, service: Service, question: Question, parts: ServeParts): Promise<Ensured> {
  const { client, clock, claims, contests, latest, freed } = parts;
  const { book, current, request } = question;
  const assignment = assign(question);
  const addresses = assignment.kind === 'assigned' ? assignment.addresses : [];
  // Claimed before it is written: what is being written must not be given to another. What is given up stays claimed
  // until the write is answered, so that no two Services have it even for a moment.
  claims.set(request.tenant, [...current, ...addresses]);
  const lost = currentAddresses(service).filter((ip) => book.poolOf(ip) === undefined);
  const next = served(service, assignment, { lost, now: clock.now() });
  if (!equal(withModes(next), withModes(service))) {
    const outcome = printOutcome(assignment);
    const wait = contests.wait(key, outcome, clock.steady());
    if (wait > 0) return { kind: 'waiting', why: 'somebody else writes its addresses', after: wait };
    await claims.writing(key, () => client.updateStatus(Service, next));
    const isContested = contests.wrote(key, outcome, clock.steady());
    if (isContested && !sameAddresses(service, addresses)) tellOfContest(service, parts.events);
    else tell(service, question, assignment, parts.events);
  }
  // It may have been deleted, or have ceased to be ours, while we wrote; its key is queued again then.
  if (claims.set(request.tenant, latest(key) === undefined ? [] : addresses)) freed();
  return assignment.kind === 'refused'
    ? { kind: 'refused', reason: ALLOCATION_FAILED, why: assignment.message }
    : { kind: 'ready', ingress: next.status?.loadBalancer?.ingress ?? [] };
}

/** Takes us out of a Service that is not ours; of one of another's class only when it says that it was ours. */
export async function release(service: Service, { client, events }: ServeParts): Promise<void> {
  const isBalancer = service.spec?.type === 'LoadBalancer';
  if (!isMarked(service) && (isBalancer || currentAddresses(service).length === 0)) return;
  await client.updateStatus(Service, released(service));
  const addresses = currentAddresses(service);
  if (!isBalancer || addresses.length === 0) return;
  const why = 'its spec.loadBalancerClass and that of the MetalLB object differ, so that it is not ours to serve';
  events.event(service, 'Normal', 'ClearAssignment', `current IP ${quoted(addresses)} is given up: ${why}`);
}

/** Events for the people who look with `kubectl describe service`, of the reasons that MetalLB gives. */
function tell(service: Service, question: Question, assignment: Assignment, events: EventRecorder): void {
  for (const name of deprecatedAnnotations(service)) {
    events.event(service, 'Warning', 'deprecatedAnnotation', `Service uses deprecated annotation ${name}`);
  }
  const before = currentAddresses(service).map(printIP);
  const after = assignment.kind === 'assigned' ? assignment.addresses.map(printIP) : [];
  for (const ip of currentAddresses(service).filter((each) => !after.includes(printIP(each)))) {
    const why = whyGivenUp(question, ip);
    events.event(service, 'Normal', 'ClearAssignment', `current IP ${quoted([ip])} is given up: ${why}`);
  }
  if (assignment.kind === 'refused') {
    const { namespace, name } = service.metadata;
    const text = `Failed to allocate IP for "${namespace}/${name}": ${assignment.message}`;
    events.event(service, 'Warning', ALLOCATION_FAILED, text);
    return;
  }
  const { addresses, missing, mistake } = assignment;
  const added = addresses.filter((ip) => !before.includes(printIP(ip)));
  if (added.length > 0) {
    const what = added.length < addresses.length ? 'additional IP' : 'IP';
    events.event(service, 'Normal', 'IPAllocated', `Assigned ${what} ${quoted(added)}`);
  }
  if (missing) {
    events.event(
      service,
      'Normal',
      'AdditionalAssignFailed',
      `cannot assign additional IP in PreferDualStack: ${missing}`,
    );
  }
  if (mistake) events.event(service, 'Warning', 'LoadBalancerFailed', `invalid requested loadbalancer IPs: ${mistake}`);
}

function printOutcome(assignment: Assignment): string {
  if (assignment.kind === 'refused') return assignment.message;
  const { pool, addresses, missing = '', mistake = '' } = assignment;
  return [pool, ...addresses.map(printIP), missing, mistake].join(' ');
}

function sameAddresses(service: Service, addresses: readonly IPAddress[]): boolean {
  return equal(currentAddresses(service).map(printIP), addresses.map(printIP));
}

function tellOfContest(service: Service, events: EventRecorder): void {
  const theirs = currentAddresses(service);
  const what = theirs.length === 0 ? 'takes them away' : `gives it ${quoted(theirs)}`;
  const remedy = 'let one load balancer serve it: name its class in spec.loadBalancerClass';
  events.event(
    service,
    'Warning',
    'Contested',
    `somebody else writes the addresses of this Service, and ${what}: ${remedy}`,
  );
}

/** As MetalLB prints lists of addresses. */
function quoted(addresses: readonly IPAddress[]): string {
  return `[${addresses.map((ip) => JSON.stringify(printIP(ip))).join(' ')}]`;
}

/** What we write, for comparison: a server older than Kubernetes 1.29 does not keep `ipMode`, and without it is VIP meant. */
function withModes({ metadata, status }: Service): unknown {
  const ingress = (status?.loadBalancer?.ingress ?? []).map((each) => ({ ...each, ipMode: each.ipMode ?? 'VIP' }));
  return { annotations: metadata.annotations, conditions: status?.conditions ?? [], ingress };
}
