/** What both of OCI's load balancer services can do, in the words of neither. */
import { parseIP, printIP } from '../../../../lib/ip.ts';
import type { LoadBalancerType } from '../request.ts';
import type { Certificates } from './certificates.ts';
import type {
  ActualLoadBalancer,
  Backend,
  BalancerAddress,
  DesiredLoadBalancer,
  LifecycleState,
  Step,
} from './model.ts';

export interface BalancerSummary {
  readonly id: string;
  readonly name: string;
  readonly state: LifecycleState;
  /** When it was made, in milliseconds. */
  readonly created: number;
  readonly subnets: readonly string[];
  readonly freeformTags: Readonly<Record<string, string>>;
}

/** A load balancer as it was when it was read. */
export interface FoundBalancer {
  readonly actual: ActualLoadBalancer;
  /**
   * Asks for one change; resolves with the id of OCI's work request. It keeps what an administrator has set by hand. Rejects with
   * an OciError, out of date when anything has changed since. A certificate that is to be created is one of these.
   */
  apply(step: Step, certificates: Certificates): Promise<string>;
}

export type Work =
  | { readonly kind: 'running' }
  | { readonly kind: 'done'; readonly loadBalancer: string | undefined }
  | { readonly kind: 'failed'; readonly why: string };

export interface CreateOptions {
  /** The OCID of its reserved address. */
  readonly reservedIp?: string;
  /** Those that it names. */
  readonly certificates: Certificates;
  /** The same token twice makes one load balancer. */
  readonly token: string;
}

/** Every method rejects with an OciError, and with nothing else. */
export interface Balancers {
  readonly type: LoadBalancerType;
  /** All of the compartment, or those of a name. */
  list(name?: string): Promise<readonly BalancerSummary[]>;
  /** Undefined: there is none, any more. */
  read(id: string): Promise<FoundBalancer | undefined>;
  /** Resolves with the id of OCI's work request. */
  create(desired: DesiredLoadBalancer, options: CreateOptions): Promise<string>;
  remove(id: string): Promise<void>;
  /** Undefined: OCI knows nothing of it any more. */
  work(id: string): Promise<Work | undefined>;
}

/** Where a backend is: OCI names some by the instance alone. */
export function backendOf({
  ipAddress,
  targetId,
  port,
}: {
  readonly ipAddress?: string | undefined;
  readonly targetId?: string | undefined;
  readonly port: number;
}): Backend {
  const ip = parseIP(ipAddress ?? '');
  return { address: ip === undefined ? (targetId ?? ipAddress ?? '') : printIP(ip), port };
}

export function addressesOf(
  list: readonly {
    readonly ipAddress: string;
    readonly isPublic?: boolean | undefined;
    readonly reservedIp?: unknown;
  }[] = [],
): readonly BalancerAddress[] {
  return list.flatMap(({ ipAddress, isPublic = false, reservedIp }) => {
    const ip = parseIP(ipAddress);
    return ip === undefined ? [] : [{ address: printIP(ip), isPublic, isReserved: reservedIp != null }];
  });
}

/** A state that this program does not know is one to wait in. */
export function stateOf(state: string): LifecycleState {
  const known: readonly LifecycleState[] = ['CREATING', 'UPDATING', 'ACTIVE', 'FAILED', 'DELETING', 'DELETED'];
  return known.find((one) => one === state) ?? 'UPDATING';
}

export function timeOf(created: Date | string): number {
  return new Date(created).getTime();
}
