/** A call of the published API as data: where it is found, what it may say, and what it does. */
import type { OciCalls } from '../calls.ts';
import type { Check } from './checks.ts';
import type { Cloud } from './cloud.ts';

export type ServiceName = keyof OciCalls;

/** Path prefix of each service: the version of its API. */
export const VERSIONS: Readonly<Record<ServiceName, string>> = {
  network: '20160918',
  compute: '20160918',
  loadBalancer: '20170115',
  networkLoadBalancer: '20200501',
};

/** A request whose form is right. */
export interface Asked {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Answer {
  readonly body?: unknown;
  readonly etag?: string;
  readonly workRequestId?: string;
  readonly nextPage?: string;
  /** Seconds after which it is sensible to ask again. */
  readonly retryAfter?: number;
  /** Whether what was made is still there: its retry token is worth nothing afterwards. */
  readonly isThere?: () => boolean;
}

export interface Operation {
  readonly service: ServiceName;
  /** The method of the SDK. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Without the version; parameters stand in braces, named as in the SDK. */
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryParameter>>;
  readonly body?: Check<object>;
  readonly takesRetryToken?: boolean;
  readonly takesIfMatch?: boolean;
  /** Status of an answer that is no failure. */
  readonly status: 200 | 201 | 202 | 204;
  /** Where the SDK puts the body of the answer. */
  readonly answers?: string;
  /** The etag of what the path names, to be compared with If-Match. */
  readonly etag?: (cloud: Cloud, asked: Asked) => string | undefined;
  readonly handle: (cloud: Cloud, asked: Asked, page: PageSize) => Answer;
}

export interface QueryParameter {
  readonly required?: boolean;
  readonly check: Check<string>;
}

/** Items on a page where the request asks for no number, and the most that are given. */
export type PageSize = number;
