/** What we ask of Oracle Cloud Infrastructure: the calls of its SDK that we use, as plain data. */
import type { ComputeClient, VirtualNetworkClient } from 'oci-core';
import type { LoadBalancerClient } from 'oci-loadbalancer';
import type { NetworkLoadBalancerClient } from 'oci-networkloadbalancer';

/** A type of the SDK as it is on the wire: nothing is written to, and enumerations are their strings. */
export type Plain<T> = T extends string
  ? `${T}`
  : T extends Date
    ? T
    : T extends readonly (infer U)[]
      ? readonly Plain<U>[]
      : T extends object
        ? { readonly [K in keyof T]: Plain<T[K]> }
        : T;

type Calls<Client, Names extends keyof Client> = {
  readonly [Name in Names]: Client[Name] extends (request: infer Request) => Promise<infer Response>
    ? (request: Plain<Request>) => Promise<Plain<Response>>
    : never;
};

/** https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/ */
export type NetworkCalls = Calls<
  VirtualNetworkClient,
  | 'addNetworkSecurityGroupSecurityRules'
  | 'createNetworkSecurityGroup'
  | 'deleteNetworkSecurityGroup'
  | 'getPublicIpByIpAddress'
  | 'getSecurityList'
  | 'getSubnet'
  | 'getVcn'
  | 'getVnic'
  | 'listNetworkSecurityGroupSecurityRules'
  | 'listNetworkSecurityGroups'
  | 'listSubnets'
  | 'removeNetworkSecurityGroupSecurityRules'
  | 'updateNetworkSecurityGroupSecurityRules'
  | 'updateSecurityList'
>;

/** https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/Instance/ */
export type ComputeCalls = Calls<ComputeClient, 'getInstance' | 'listVnicAttachments'>;

/** https://docs.oracle.com/en-us/iaas/api/#/en/loadbalancer/20170115/ */
export type LoadBalancerCalls = Calls<
  LoadBalancerClient,
  | 'createBackendSet'
  | 'createCertificate'
  | 'createListener'
  | 'createLoadBalancer'
  | 'deleteBackendSet'
  | 'deleteCertificate'
  | 'deleteListener'
  | 'deleteLoadBalancer'
  | 'getLoadBalancer'
  | 'getWorkRequest'
  | 'listLoadBalancers'
  | 'updateBackendSet'
  | 'updateListener'
  | 'updateLoadBalancer'
  | 'updateLoadBalancerShape'
  | 'updateNetworkSecurityGroups'
>;

/** https://docs.oracle.com/en-us/iaas/api/#/en/networkloadbalancer/20200501/ */
export type NetworkLoadBalancerCalls = Calls<
  NetworkLoadBalancerClient,
  | 'createBackendSet'
  | 'createListener'
  | 'createNetworkLoadBalancer'
  | 'deleteBackendSet'
  | 'deleteListener'
  | 'deleteNetworkLoadBalancer'
  | 'getNetworkLoadBalancer'
  | 'getWorkRequest'
  | 'listNetworkLoadBalancers'
  | 'listWorkRequestErrors'
  | 'updateBackendSet'
  | 'updateListener'
  | 'updateNetworkLoadBalancer'
  | 'updateNetworkSecurityGroups'
>;

/** Every call fails with an {@link OciError}, and with nothing else; what can be asked again is asked again by the caller. */
export interface OciCalls {
  readonly network: NetworkCalls;
  readonly compute: ComputeCalls;
  readonly loadBalancer: LoadBalancerCalls;
  readonly networkLoadBalancer: NetworkLoadBalancerCalls;
}

export interface OciErrorDetails {
  /** The HTTP status; undefined when there was no answer. */
  readonly status?: number;
  /**
   * The code that goes with it, such as `NotAuthorizedOrNotFound`. Without an answer: `Timeout` or `Unreachable`, when what was asked may
   * have been done all the same; `NotSent`, when it was not.
   */
  readonly code: string;
  /** What support asks for. */
  readonly requestId?: string;
  /** Milliseconds, where the answer says when to ask again (Retry-After). */
  readonly retryAfter?: number;
}

/** OCI refuses, or does not answer. https://docs.oracle.com/en-us/iaas/Content/API/References/apierrors.htm */
export class OciError extends Error {
  readonly status: number | undefined;
  readonly code: string;
  readonly requestId: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(message: string, { status, code, requestId, retryAfter }: OciErrorDetails, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OciError';
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

/** Objects that may not be seen and such that are not there are one answer: 404. */
export function isNotFound(error: unknown): error is OciError {
  return error instanceof OciError && error.status === 404;
}

/** For the `catch` of a call about what may be gone by now, where that is an answer too. */
export function ignoreNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** Somebody has changed the object since it was read. */
export function isOutOfDate(error: unknown): error is OciError {
  return error instanceof OciError && error.status === 412;
}

/** The retry token has made something that is there no more: another one is needed. https://docs.oracle.com/en-us/iaas/Content/API/References/apierrors.htm */
export function isTokenUsedUp(error: unknown): boolean {
  return error instanceof OciError && error.code === 'InvalidatedRetryToken';
}
