/** What the process and the thread that has the SDK tell each other: plain data. */
import { OciError, type OciErrorDetails } from '../calls.ts';
import type { OciCredentials, OciEndpoints } from '../config.ts';
import type { ServiceName } from './operations.ts';

/** Credentials as a thread can be given them: a Secret does not go through a structured clone, on purpose. */
export type ThreadCredentials =
  | (Omit<Extract<OciCredentials, { kind: 'api-key' }>, 'privateKey'> & { readonly privateKey: string })
  | Extract<OciCredentials, { kind: 'instance-principal' }>;

/** What the thread is started with: as much of the configuration as it needs. */
export interface ThreadData {
  readonly credentials: ThreadCredentials;
  readonly region: string | undefined;
  readonly endpoints: OciEndpoints;
  readonly ca: string | undefined;
}

export interface ToThread {
  readonly id: number;
  readonly service: ServiceName;
  readonly operation: string;
  readonly request: unknown;
  /** Milliseconds until the call has failed. */
  readonly limit: number;
}

/** An OciError without its class. */
export type Failure = OciErrorDetails & { readonly message: string };

export type FromThread =
  /** The SDK is loaded. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly response: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: Failure };

export function errorOf({ message, ...details }: Failure): OciError {
  return new OciError(message, details);
}
