/** Load balancers of Services, made, changed and removed one step at a time; whatever takes long is asked about again later. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../../host/clock.ts';
import type { Logger } from '../../../../host/log.ts';
import type { Ensured } from '../../provider.ts';
import { isTokenUsedUp } from '../calls.ts';
import type { LoadBalancerRequest, LoadBalancerType } from '../request.ts';
import type { BalancerSummary, Balancers, CreateOptions, FoundBalancer } from './balancers.ts';
import type { Certificates } from './certificates.ts';
import { stepsTo } from './diff.ts';
import { type Finder, finderOf } from './find.ts';
import type { ActualLoadBalancer, DesiredLoadBalancer } from './model.ts';
import {
  isOnItsWay,
  lookAfter,
  mayBeUnseen,
  type Pending,
  type Progress,
  ProgressBook,
  restAfter,
  retryToken,
} from './progress.ts';
import { isBusy, isRefusal } from './refusal.ts';
import { type Remover, removerOf } from './remover.ts';
import { stepName } from './step-name.ts';

/** After which something that is going on by itself is looked at again, in milliseconds. */
const BUSY = 5000;

export type Waiting = Extract<Ensured, { kind: 'waiting' }>;
export type Refused = Extract<Ensured, { kind: 'refused' }>;

export type Sought =
  | { readonly kind: 'none' }
  | { readonly kind: 'found'; readonly balancer: FoundBalancer; readonly warnings: readonly string[] }
  | Waiting;

/** A Service whose load balancers are to go. */
export interface Leaving {
  readonly uid: string;
  /** Milliseconds since 1970; NaN where it is not known. */
  readonly created: number;
  /** Whether its load balancer was all that it was to be, and so was seen. */
  readonly wasReady: boolean;
}

export interface KeeperOptions {
  readonly balancers: Readonly<Record<LoadBalancerType, Balancers>>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** OCI could not make or change a load balancer. The message has OCI's own reasons. */
export class LoadBalancerWorkError extends Error {
  override readonly name = 'LoadBalancerWorkError';
}

export class LoadBalancerKeeper {
  readonly #balancers: Readonly<Record<LoadBalancerType, Balancers>>;
  readonly #finders: Readonly<Record<LoadBalancerType, Finder>>;
  readonly #remover: Remover;
  readonly #now: () => number;
  readonly #log: Logger;
  readonly #book = new ProgressBook();
  readonly #started: { readonly date: number; readonly steady: number };

  constructor({ balancers, clock, log }: KeeperOptions) {
    this.#balancers = balancers;
    this.#log = log;
    this.#now = () => clock.steady();
    this.#started = { date: clock.now(), steady: clock.steady() };
    this.#finders = { lb: finderOf(balancers.lb, this.#now), nlb: finderOf(balancers.nlb, this.#now) };
    this.#remover = removerOf({ balancers, finders: this.#finders, log });
  }

  /**
   * The Service's load balancer, when nothing is being done to it. One that could not be made is removed; that, and what else could
   * not be done since the last time, rejects with a {@link LoadBalancerWorkError}.
   */
  async seek(request: LoadBalancerRequest): Promise<Sought> {
    const { uid, type } = request;
    const progress = this.#book.of(uid);
    const failure = await this.#settle(progress);
    if (typeof failure === 'object') return failure;
    const others = await this.#removeOthers(request, progress);
    if (others !== undefined) return others;
    const sought = await this.#read(uid, type, progress, failure);
    if (failure !== undefined) throw new LoadBalancerWorkError(failure);
    return sought;
  }

  /** Asks OCI to make it. */
  async create(
    request: LoadBalancerRequest,
    desired: DesiredLoadBalancer,
    options: Omit<CreateOptions, 'token'>,
  ): Promise<Waiting> {
    const { uid, type, namespace, service } = request;
    const progress = this.#book.of(uid);
    const rest = this.#rest(progress, desired);
    if (rest !== undefined) return rest;
    const token = retryToken(uid, type, progress.attempt);
    const wasAsked = isOnItsWay(progress, this.#now());
    try {
      progress.asked = { type, at: this.#now() };
      const work = await this.#balancers[type].create(desired, { ...options, token });
      this.#log.info({ service: `${namespace}/${service}`, type, work }, 'a load balancer is being made');
      return this.#await(progress, { work, type, isCreation: true, what: 'the load balancer is being made', looks: 0 });
    } catch (error) {
      if (!wasAsked && isRefusal(error)) progress.asked = undefined;
      if (!isTokenUsedUp(error)) throw error;
      // The same token with another request: the first one is still to be seen.
      if (!wasAsked) progress.attempt++;
      return { kind: 'waiting', why: 'the load balancer is about to be made', after: BUSY };
    }
  }

  /** Asks for the first change that is missing; undefined: there is none. */
  async change(
    { uid, type, namespace, service }: LoadBalancerRequest,
    desired: DesiredLoadBalancer,
    { found: { actual, apply }, certificates }: { readonly found: FoundBalancer; readonly certificates: Certificates },
  ): Promise<Waiting | undefined> {
    const [step] = stepsTo(desired, actual);
    const progress = this.#book.of(uid);
    if (step === undefined) {
      Object.assign(progress, { failure: undefined, failures: 0, busy: 0 });
      return undefined;
    }
    const rest = this.#rest(progress, desired);
    if (rest !== undefined) return rest;
    try {
      const what = stepName(step);
      const work = await apply(step, certificates);
      progress.busy = 0;
      this.#log.info({ service: `${namespace}/${service}`, type, id: actual.id, work }, what);
      return this.#await(progress, { work, type, isCreation: false, what, looks: 0 });
    } catch (error) {
      if (!isBusy(error)) throw error;
      return {
        kind: 'waiting',
        why: 'the load balancer is busy',
        after: error.retryAfter ?? lookAfter(progress.busy++),
      };
    }
  }

  /** What failed of late is not asked for again at once, unless something else is wanted now. */
  #rest(progress: Progress, desired: DesiredLoadBalancer): Waiting | undefined {
    const { failure } = progress;
    progress.desired = desired;
    const now = this.#now();
    if (failure === undefined || now >= failure.until || !isDeepStrictEqual(failure.desired, desired)) return undefined;
    return { kind: 'waiting', why: failure.why, after: failure.until - now };
  }

  /** Removes all that there are of a Service. When none is left, resolves with the subnets that they were in, as far as is known. */
  async remove({
    uid,
    created,
    wasReady,
  }: Leaving): Promise<
    { readonly kind: 'left'; readonly after: number } | { readonly kind: 'none'; readonly subnets: readonly string[] }
  > {
    const progress = this.#book.of(uid);
    const types: readonly LoadBalancerType[] = ['lb', 'nlb'];
    const found = (await Promise.all(types.map((type) => this.#remover.all(uid, type)))).flat();
    progress.subnets = [...new Set([...progress.subnets, ...found.flatMap(({ subnets }) => subnets)])];
    // After a removal that is begun and taken back, it is looked for anew.
    Object.assign(progress, { id: undefined, pending: undefined, isOnly: false });
    if (found.length > 0) Object.assign(progress, { asked: undefined, isSeen: true });
    const now = this.#now();
    // The run before this one may have asked for it, and heard no answer.
    const isUnsure =
      !wasReady && !progress.isSeen && created <= this.#started.date && mayBeUnseen(this.#started.steady, now);
    return found.length > 0 || isOnItsWay(progress, now) || isUnsure
      ? { kind: 'left', after: lookAfter(progress.busy++) }
      : { kind: 'none', subnets: progress.subnets };
  }

  /** Nothing of the Service is known any more. */
  forget(uid: string): void {
    this.#book.forget(uid);
  }

  /** How what is under way goes: it goes on; it has failed, in words; or it has ended well, or there is nothing. */
  async #settle(progress: Progress): Promise<Waiting | string | undefined> {
    const { pending } = progress;
    if (pending === undefined) return undefined;
    const work = await this.#balancers[pending.type].work(pending.work);
    if (work?.kind === 'running') return this.#await(progress, { ...pending, looks: pending.looks + 1 });
    progress.pending = undefined;
    if (pending.isCreation) Object.assign(progress, { attempt: progress.attempt + 1, asked: undefined });
    if (pending.isCreation && work?.kind === 'done') progress.id = work.loadBalancer;
    if (work?.kind !== 'failed') return undefined;
    const why = `${pending.what}: ${work.why}`;
    const { desired } = progress;
    if (desired !== undefined) progress.failure = { desired, why, until: this.#now() + restAfter(progress.failures++) };
    return why;
  }

  #await(progress: Progress, pending: Pending): Waiting {
    progress.pending = pending;
    return { kind: 'waiting', why: pending.what, after: lookAfter(pending.looks) };
  }

  /** A Service has load balancers of one type: those of the other go first, as they may have the address that this one wants. */
  async #removeOthers({ uid, type }: LoadBalancerRequest, progress: Progress): Promise<Waiting | undefined> {
    if (progress.isOnly) return undefined;
    const left = await this.#remover.all(uid, type === 'lb' ? 'nlb' : 'lb');
    const isComing = progress.asked?.type !== type && isOnItsWay(progress, this.#now());
    if (left.length > 0 || isComing)
      return { kind: 'waiting', why: 'its load balancer of the other type is being removed', after: BUSY };
    progress.isOnly = true;
    return undefined;
  }

  async #read(uid: string, type: LoadBalancerType, progress: Progress, failure: string | undefined): Promise<Sought> {
    const balancers = this.#balancers[type];
    const known = progress.id === undefined ? undefined : await balancers.read(progress.id);
    if (known !== undefined && known.actual.state !== 'DELETED' && known.actual.type === type)
      return this.#judge(known, progress, failure, []);
    progress.id = undefined;
    // What is not the way to go on, as it failed or is going, is looked at when there is no other.
    const all = await this.#finders[type].find(uid);
    const [first, ...rest] = all.toSorted((a, b) => Number(isLost(a)) - Number(isLost(b)));
    const balancer = first && (await balancers.read(first.id));
    if (balancer === undefined || balancer.actual.state === 'DELETED') return { kind: 'none' };
    // While there are others, people are told.
    if (rest.length === 0) progress.id = balancer.actual.id;
    const others = rest.map(({ id }) => `there is another load balancer of this Service: delete ${id}`);
    return this.#judge(balancer, progress, failure, others);
  }

  async #judge(
    balancer: FoundBalancer,
    progress: Progress,
    failure: string | undefined,
    warnings: readonly string[],
  ): Promise<Sought> {
    Object.assign(progress, { asked: undefined, isSeen: true });
    const { actual } = balancer;
    const { id, type, state } = actual;
    if (isUnmade(actual)) {
      await this.#remover.one(type, id);
      progress.id = undefined;
      throw new LoadBalancerWorkError(
        failure ?? `the load balancer ${id} could not be made: it is removed, and made anew`,
      );
    }
    if (state === 'ACTIVE' || state === 'FAILED') return { kind: 'found', balancer, warnings };
    const why = { CREATING: 'being made', UPDATING: 'busy', DELETING: 'being deleted', DELETED: 'deleted' }[state];
    return { kind: 'waiting', why: `the load balancer ${id} is ${why}`, after: BUSY };
  }
}

/**
 * A load balancer that has failed was never there. A network load balancer also fails by a change that could not be made, and
 * serves on: only one without an address was never there.
 */
function isUnmade({ type, state, addresses }: ActualLoadBalancer): boolean {
  return state === 'FAILED' && (type === 'lb' || addresses.length === 0);
}

const isLost = ({ state }: BalancerSummary): boolean => state === 'FAILED' || state === 'DELETING';
