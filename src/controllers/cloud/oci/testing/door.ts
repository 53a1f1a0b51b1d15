/** The one way in, for requests over HTTPS and for calls from within the process: faults, the record, and the front behind it. */
import type { Cloud } from './cloud.ts';
import { Failure } from './failure.ts';
import { Faults, type How } from './faults.ts';
import { type Found, type Front, type WireAnswer, type WireRequest, wireAnswer, wireFailure } from './front.ts';
import { parsedJson } from './json.ts';
import type { ServiceName } from './operation.ts';

/** A request that has come. */
export interface Recorded {
  /** Undefined: the API has no such call. */
  readonly service: ServiceName | undefined;
  readonly call: string | undefined;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** As it came, but without what proves who asks. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** Of the answer; undefined: none was given. */
  readonly status: number | undefined;
  readonly code?: string;
}

/** What becomes of a request: `answer` is undefined when it is never answered. */
export interface Outcome {
  readonly answer: WireAnswer | undefined;
  readonly how?: How;
}

/** The most requests that are remembered: the oldest go first. */
const MOST_RECORDED = 10_000;

export class Door {
  readonly faults = new Faults();
  readonly #cloud: Cloud;
  readonly #front: Front;
  #recorded: Recorded[] = [];

  constructor(cloud: Cloud, front: Front) {
    this.#cloud = cloud;
    this.#front = front;
  }

  get requests(): readonly Recorded[] {
    return this.#recorded;
  }

  forget(): void {
    this.#recorded = [];
  }

  /** `admit` throws a {@link Failure} for those who may not come in. */
  enter(request: WireRequest, admit: () => void = () => undefined): Outcome {
    let found: Found | undefined;
    let outcome: Outcome;
    let code: string | undefined;
    try {
      admit();
      found = this.#front.find(request);
      outcome = this.#meet(found, request);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      code = error.code;
      outcome = { answer: wireFailure(error) };
    }
    const answer = outcome.answer && this.#withRequestId(request, outcome.answer);
    this.#record(request, found, { status: answer?.status, ...(code === undefined ? {} : { code }) });
    return { ...outcome, answer };
  }

  #meet(found: Found, request: WireRequest): Outcome {
    const how = this.faults.take(request, found);
    if (how === 'timeout' || how === 'drop') return { answer: undefined, how };
    if (typeof how === 'object') {
      const wait = how.retryAfter === undefined ? {} : { 'retry-after': String(how.retryAfter) };
      throw new Failure(how.status, how.code, how.message ?? `${how.code}, as the test wants it.`, wait);
    }
    const answer = wireAnswer(found.operation, this.#front.handle(found, request));
    if (how === undefined) return { answer };
    return { answer: how === 'half' ? answer : undefined, how };
  }

  /** https://docs.oracle.com/en-us/iaas/Content/API/Concepts/usingapi.htm: what the client gave comes first. */
  #withRequestId({ headers }: WireRequest, answer: WireAnswer): WireAnswer {
    const given = headers['opc-request-id'];
    const own = this.#cloud.next().toString(16).toUpperCase().padStart(32, '0');
    const id = given === undefined ? `${own}/${own}` : `${given}/${own}/${own}`;
    return { ...answer, headers: { ...answer.headers, 'opc-request-id': id, 'content-type': 'application/json' } };
  }

  #record(request: WireRequest, found: Found | undefined, outcome: Pick<Recorded, 'status' | 'code'>): void {
    const { authorization: _, ...headers } = request.headers;
    this.#recorded.push({
      service: found?.operation.service,
      call: found?.operation.name,
      method: request.method,
      target: request.target,
      path: found?.path ?? {},
      query: found?.query ?? {},
      headers,
      body: request.body === '' ? undefined : (parsedJson(request.body) ?? request.body),
      ...outcome,
    });
    if (this.#recorded.length > MOST_RECORDED) this.#recorded.shift();
  }
}
