/** Work that a service has accepted and does later: its life, and what it does when it ends. */
import type { Clock } from '../../../../host/clock.ts';

export type WorkState = 'ACCEPTED' | 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED';

export interface WorkError {
  readonly code: string;
  readonly message: string;
}

/**
 * When work ends: after somebody has looked at it or at what it is about so many times, after so many milliseconds of the
 * clock, or when the test says so.
 */
export type Pace =
  | { readonly kind: 'polls'; readonly count: number }
  | { readonly kind: 'time'; readonly milliseconds: number }
  | { readonly kind: 'manual' };

export interface WorkRequest {
  readonly id: string;
  readonly service: 'loadBalancer' | 'networkLoadBalancer';
  /** As the service names it: `CreateListener`, `CREATE_LISTENER`. */
  readonly type: string;
  /** Id of the load balancer. */
  readonly target: string;
  readonly compartmentId: string;
  readonly timeAccepted: Date;
  readonly timeStarted?: Date;
  readonly timeFinished?: Date;
  readonly state: WorkState;
  readonly errors: readonly WorkError[];
}

interface Effects {
  /** What is so once the work has succeeded. A throw is the work's failure. */
  readonly succeed: () => unknown;
  readonly fail: () => unknown;
}

export class WorkRequests {
  readonly #clock: Clock;
  readonly #pace: Pace;
  readonly #requests = new Map<string, WorkRequest>();
  readonly #running = new Map<string, Effects & { polls: number }>();
  readonly #failures: { type: string; error: WorkError }[] = [];

  constructor(clock: Clock, pace: Pace) {
    this.#clock = clock;
    this.#pace = pace;
  }

  get(id: string): WorkRequest | undefined {
    return this.#requests.get(id);
  }

  /** What is done with a load balancer at present: one thing at a time. */
  running(target: string): WorkRequest | undefined {
    for (const id of this.#running.keys()) {
      const request = this.#requests.get(id);
      if (request?.target === target) return request;
    }
    return undefined;
  }

  /** The next work of this type (`*`: of any) will be accepted, and then fail. */
  failNext(type: string, error: WorkError): void {
    this.#failures.push({ type, error });
  }

  accept(
    asked: Pick<WorkRequest, 'id' | 'service' | 'type' | 'target' | 'compartmentId'>,
    effects: Effects,
  ): WorkRequest {
    const request: WorkRequest = { ...asked, timeAccepted: new Date(this.#clock.now()), state: 'ACCEPTED', errors: [] };
    this.#requests.set(request.id, request);
    this.#running.set(request.id, { ...effects, polls: 0 });
    if (this.#pace.kind === 'polls' && this.#pace.count === 0) this.finish(request.id);
    return request;
  }

  /** Somebody looks at all work, or at that of one load balancer. */
  look(target?: string): void {
    for (const [id, work] of [...this.#running]) {
      const request = this.#requests.get(id);
      if (request === undefined || (target !== undefined && request.target !== target)) continue;
      work.polls += 1;
      if (this.#isDue(request, work.polls)) this.finish(id);
      else if (request.state === 'ACCEPTED') this.#requests.set(id, { ...request, ...this.#started() });
    }
  }

  /** Ends one, at once. It fails where the test had asked for that, or says so here. */
  finish(id: string, error?: WorkError): void {
    const work = this.#running.get(id);
    const request = this.#requests.get(id);
    if (work === undefined || request === undefined) throw new Error(`no work ${id} is under way`);
    this.#running.delete(id);
    const failure = error ?? this.#takeFailure(request.type);
    if (failure === undefined) work.succeed();
    else work.fail();
    this.#requests.set(id, {
      ...this.#started(),
      ...request,
      state: failure === undefined ? 'SUCCEEDED' : 'FAILED',
      timeFinished: new Date(this.#clock.now()),
      errors: failure === undefined ? [] : [failure],
    });
  }

  finishAll(): void {
    for (const id of [...this.#running.keys()]) this.finish(id);
  }

  /** A load balancer went as if by somebody's hand: nothing is done with it any more. */
  abandon(target: string): void {
    for (const id of [...this.#running.keys()]) {
      if (this.#requests.get(id)?.target === target) this.#running.delete(id);
    }
  }

  #isDue(request: WorkRequest, polls: number): boolean {
    if (this.#pace.kind === 'polls') return polls > this.#pace.count;
    if (this.#pace.kind === 'manual') return false;
    return this.#clock.now() >= request.timeAccepted.getTime() + this.#pace.milliseconds;
  }

  #started() {
    return { state: 'IN_PROGRESS', timeStarted: new Date(this.#clock.now()) } as const;
  }

  #takeFailure(type: string): WorkError | undefined {
    const index = this.#failures.findIndex((failure) => failure.type === type || failure.type === '*');
    return index < 0 ? undefined : this.#failures.splice(index, 1)[0]?.error;
  }
}
