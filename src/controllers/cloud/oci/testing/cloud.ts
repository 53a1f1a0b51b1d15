/** What there is in the cloud that the tests see: one region, one compartment. */
import type { models as core } from 'oci-core';
import type { models as lb } from 'oci-loadbalancer';
import type { models as nlb } from 'oci-networkloadbalancer';
import type { Clock } from '../../../../host/clock.ts';
import type { Plain } from '../calls.ts';
import { Table } from './table.ts';
import { type Pace, WorkRequests } from './work.ts';

export type Vcn = Plain<core.Vcn>;
export type Subnet = Plain<core.Subnet>;
export type SecurityList = Plain<core.SecurityList>;
export type NetworkSecurityGroup = Plain<core.NetworkSecurityGroup>;
export type SecurityRule = Plain<core.SecurityRule>;
export type Instance = Plain<core.Instance>;
export type Vnic = Plain<core.Vnic>;
export type VnicAttachment = Plain<core.VnicAttachment>;
export type PublicIp = Plain<core.PublicIp>;
export type LoadBalancer = Plain<lb.LoadBalancer>;
export type NetworkLoadBalancer = Plain<nlb.NetworkLoadBalancer>;

type Tags = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** https://docs.oracle.com/en-us/iaas/Content/General/Concepts/servicelimits.htm */
export interface Limits {
  /** Of one direction. */
  readonly rulesPerSecurityList: number;
  readonly rulesPerNetworkSecurityGroup: number;
  readonly rulesPerNetworkSecurityGroupCall: number;
  /** For one load balancer or VNIC. */
  readonly networkSecurityGroups: number;
  readonly loadBalancers: number;
  readonly networkLoadBalancers: number;
  readonly listeners: number;
  readonly backendSets: number;
  /** Of all backend sets of a load balancer. */
  readonly backends: number;
  readonly backendsPerNetworkBackendSet: number;
}

const LIMITS: Limits = {
  rulesPerSecurityList: 200,
  rulesPerNetworkSecurityGroup: 120,
  rulesPerNetworkSecurityGroupCall: 25,
  networkSecurityGroups: 5,
  loadBalancers: 50,
  networkLoadBalancers: 50,
  listeners: 16,
  backendSets: 16,
  backends: 512,
  backendsPerNetworkBackendSet: 512,
};

export interface CloudOptions {
  readonly clock: Clock;
  readonly pace: Pace;
  readonly limits?: Partial<Limits>;
  /** What an administrator allows of load balancers of both kinds together; undefined: no quota. */
  readonly quota?: number;
  /** How many lists a load balancer that was just made is missing from, as lists may be behind; none unless said. */
  readonly lag?: number;
  /** Whether load balancers that were deleted are still shown, as DELETED; unless said, those of layer 7 are. */
  readonly showsDeleted?: boolean;
}

export const REGION = 'xx-test-1';
export const TENANCY = `ocid1.tenancy.oc1..${'a'.repeat(60)}`;

export class Cloud {
  readonly vcns = new Table<Vcn>();
  readonly subnets = new Table<Subnet>();
  readonly securityLists = new Table<SecurityList>();
  readonly networkSecurityGroups = new Table<NetworkSecurityGroup>();
  /** By the id of the group. */
  readonly securityRules = new Map<string, readonly SecurityRule[]>();
  readonly instances = new Table<Instance>();
  readonly vnics = new Table<Vnic>();
  readonly vnicAttachments = new Table<VnicAttachment>();
  readonly publicIps = new Table<PublicIp>();
  readonly loadBalancers = new Table<LoadBalancer>();
  readonly networkLoadBalancers = new Table<NetworkLoadBalancer>();
  readonly work: WorkRequests;
  readonly limits: Limits;
  readonly showsDeleted: { readonly loadBalancers: boolean; readonly networkLoadBalancers: boolean };
  /** Tests change it while they run. */
  quota: number | undefined;
  readonly tenancyId = TENANCY;
  readonly compartmentId: string;
  readonly #clock: Clock;
  readonly #lag: number;
  /** How many lists have passed since each was made. */
  readonly #listed = new Map<string, number>();
  #ids = 0;
  #addresses = 0;

  constructor({ clock, pace, limits, quota, showsDeleted, lag = 0 }: CloudOptions) {
    this.#clock = clock;
    this.work = new WorkRequests(clock, pace);
    this.limits = { ...LIMITS, ...limits };
    this.quota = quota;
    this.#lag = lag;
    this.showsDeleted = {
      loadBalancers: showsDeleted ?? true,
      networkLoadBalancers: showsDeleted ?? false,
    };
    this.compartmentId = this.newId('compartment');
  }

  now(): Date {
    return new Date(this.#clock.now());
  }

  /** Identifiers of things that belong to no region have none in them. */
  newId(type: string): string {
    this.#ids += 1;
    const region = type === 'compartment' ? '' : REGION;
    return `ocid1.${type}.oc1.${region}.${'a'.repeat(52)}${String(this.#ids).padStart(8, '0')}`;
  }

  /** What a tenancy gives to everything that is made in it, besides what it is given. */
  definedTags(given: Tags | null = {}): Tags {
    return { 'Oracle-Tags': { CreatedBy: 'postern', CreatedOn: this.now().toISOString() }, ...given };
  }

  /** Those that a list shows; each list is one more that has passed. */
  listed<T extends { readonly id: string }>(all: readonly T[]): readonly T[] {
    return all.filter(({ id }) => {
      const passed = this.#listed.get(id) ?? 0;
      this.#listed.set(id, passed + 1);
      return passed >= this.#lag;
    });
  }

  /** How far an address is from the first one that is given to load balancers; each its own. */
  nextAddress(): number {
    this.#addresses += 1;
    return this.#addresses;
  }

  /** A number that no other call gets. */
  next(): number {
    this.#ids += 1;
    return this.#ids;
  }
}
