/**
 * What the cloud provider's configuration file says; `config/read.ts` reads it. Its format is that of OCI's own cloud controller manager.
 * https://github.com/oracle/oci-cloud-controller-manager/blob/master/manifests/provider-config-example.yaml
 */
import type { Secret } from './config/secret.ts';

/** The security lists that are ours to change: those of load balancers and nodes, of load balancers alone, or none. */
export type SecurityListManagementMode = 'All' | 'Frontend' | 'None';

export const SECURITY_LIST_MANAGEMENT_MODES: readonly SecurityListManagementMode[] = ['All', 'Frontend', 'None'];

export type OciCredentials =
  | {
      readonly kind: 'api-key';
      readonly tenancy: string;
      readonly user: string;
      /** MD5 of the public key, `aa:bb:…`. */
      readonly fingerprint: string;
      /** RSA, in PEM, not encrypted. */
      readonly privateKey: Secret;
    }
  /** The instance that we run on speaks for us. https://docs.oracle.com/en-us/iaas/Content/Identity/Tasks/callingservicesfrominstances.htm */
  | { readonly kind: 'instance-principal' };

/** Where OCI is reached, other than where the region says. URLs without a path. */
export interface OciEndpoints {
  readonly core?: string | undefined;
  readonly loadBalancer?: string | undefined;
  readonly networkLoadBalancer?: string | undefined;
  /** Gives instance principals their tokens. */
  readonly auth?: string | undefined;
  /** Of the instance, with its path: `http://169.254.169.254/opc/v2/`. */
  readonly metadata?: string | undefined;
}

export interface RateLimit {
  /** Calls a second in the long run. */
  readonly qps: number;
  /** Calls that may come at once. */
  readonly bucket: number;
}

export interface OciConfig {
  readonly credentials: OciCredentials;
  /** Such as `eu-frankfurt-1`. Undefined: that of the instance. */
  readonly region: string | undefined;
  /** Where load balancers are made, and instances are looked for. */
  readonly compartment: string;
  readonly vcn: string | undefined;
  readonly loadBalancer: {
    /** Services of type LoadBalancer are not served. */
    readonly disabled: boolean;
    readonly subnet1: string | undefined;
    readonly subnet2: string | undefined;
    readonly securityListManagementMode: SecurityListManagementMode;
    /** The list to change, by the subnet whose rules it holds; of other subnets the oldest. */
    readonly securityLists: Readonly<Record<string, string>>;
  };
  /** Ours, not the cloud controller manager's. */
  readonly nodePorts?: {
    /** That bare node ports are opened in, in place of the security lists of nodes. */
    readonly networkSecurityGroups: readonly string[];
  };
  /** Given to each load balancer that we make. */
  readonly tags: {
    readonly freeform: Readonly<Record<string, string>>;
    readonly defined: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  /** Undefined: as fast as OCI takes them. */
  readonly rateLimits: { readonly read: RateLimit; readonly write: RateLimit } | undefined;
  readonly endpoints: OciEndpoints;
  /** In PEM: trusted besides those that the system trusts. */
  readonly ca: string | undefined;
  /** What was found and does nothing here, or has a newer name, for the log. */
  readonly warnings: readonly string[];
}
