/** What a process knows of load balancers beyond what OCI says: nothing that is not found again without it. */
import { createHash } from 'node:crypto';
import type { LoadBalancerType } from '../request.ts';
import type { DesiredLoadBalancer } from './model.ts';

/** Something that OCI is doing for a Service. */
export interface Pending {
  /** Of the work request. */
  readonly work: string;
  readonly type: LoadBalancerType;
  /** A load balancer is being made, rather than changed. */
  readonly isCreation: boolean;
  /** For people. */
  readonly what: string;
  /** How often it was looked at. */
  readonly looks: number;
}

/** Work that OCI could not do, and for what. */
export interface Failure {
  readonly desired: DesiredLoadBalancer;
  readonly why: string;
  /** When it is asked for again, in milliseconds of the steady clock. */
  readonly until: number;
}

/** Of one Service. */
export interface Progress {
  /** The OCID of its load balancer, where it is known. */
  id?: string | undefined;
  pending?: Pending | undefined;
  /** What was asked for last. */
  desired?: DesiredLoadBalancer | undefined;
  failure?: Failure | undefined;
  /** How often in a row OCI could not do it. */
  failures: number;
  /** How often in a row it was busy. */
  busy: number;
  /** One was asked for that has not been seen yet; when, in milliseconds of the steady clock. */
  asked?: { readonly type: LoadBalancerType; readonly at: number } | undefined;
  /** Those that its load balancers were in, once they are being removed. */
  subnets: readonly string[];
  /** How many retry tokens are used up. */
  attempt: number;
  /** Whether there is surely none of the other type. */
  isOnly: boolean;
  /** Whether one was found since this process began: from then on, what lists say is believed. */
  isSeen: boolean;
}

/** By the Service's UID. */
export class ProgressBook {
  readonly #entries = new Map<string, Progress>();

  of(uid: string): Progress {
    const found = this.#entries.get(uid);
    if (found !== undefined) return found;
    const fresh: Progress = { attempt: 0, failures: 0, busy: 0, isOnly: false, isSeen: false, subnets: [] };
    this.#entries.set(uid, fresh);
    return fresh;
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }
}

/**
 * Two requests with one token make one load balancer, also when the first one's answer was lost together with the process that
 * asked. A token is used up once its load balancer has been made; a process that does not know how many are learns it one by one.
 * No longer than OCI takes: 64 characters.
 */
export function retryToken(uid: string, type: LoadBalancerType, attempt: number): string {
  return createHash('sha256').update(`postern ${type} ${uid} ${attempt}`).digest('hex');
}

const SOONEST = 2000;
const LATEST = 15_000;

/** When to look again after so many looks, in milliseconds: most work takes seconds, some a minute. */
export function lookAfter(looks: number): number {
  return Math.min(LATEST, Math.round(SOONEST * 1.5 ** looks));
}

/** How long a load balancer may take to be in OCI's lists, in milliseconds: generous, and nowhere written. */
const UNSEEN = 60_000;

/** Whether what was asked for then may be in no list yet. Both in milliseconds of one clock. */
export function mayBeUnseen(then: number, now: number): boolean {
  return now - then < UNSEEN;
}

/** Whether one may be on its way that is in no list yet: neither is another to be made, nor is all removed. */
export function isOnItsWay({ asked }: Progress, now: number): boolean {
  return asked !== undefined && mayBeUnseen(asked.at, now);
}

const FIRST_REST = 5000;
const LONGEST_REST = 300_000;

/** For how long work that failed so often is not asked for again, in milliseconds. What OCI makes and cannot finish is no bargain. */
export function restAfter(failures: number): number {
  return Math.min(LONGEST_REST, FIRST_REST * 2 ** Math.min(failures, 10));
}
