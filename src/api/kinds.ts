/** Every kind that is served. The order is that of discovery. */
import { Deployment } from './apps/v1/deployment.ts';
import { ReplicaSet } from './apps/v1/replicaset.ts';
import { SelfSubjectReview, TokenReview } from './authentication/v1/reviews.ts';
import {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from './authorization/v1/reviews.ts';
import { Job } from './batch/v1/job.ts';
import { CertificateSigningRequest } from './certificates/v1/certificatesigningrequest.ts';
import { Lease } from './coordination/v1/lease.ts';
import { Binding } from './core/v1/binding.ts';
import { ConfigMap } from './core/v1/configmap.ts';
import { Endpoints } from './core/v1/endpoints.ts';
import { Event } from './core/v1/event.ts';
import { Namespace } from './core/v1/namespace.ts';
import { Node } from './core/v1/node.ts';
import { Pod } from './core/v1/pod.ts';
import { ReplicationController } from './core/v1/replicationcontroller.ts';
import { Secret } from './core/v1/secret.ts';
import { Service } from './core/v1/service.ts';
import { ServiceAccount } from './core/v1/serviceaccount.ts';
import { EndpointSlice } from './discovery/v1/endpointslice.ts';
import type { Kind } from './kind.ts';
import { VirtualMachine } from './kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from './kubevirt/v1/virtualmachineinstance.ts';
import { VirtualMachineInstanceReplicaSet } from './kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { BFDProfile, BGPAdvertisement, BGPPeer, Community, OldBGPPeer } from './metallb/v1beta1/bgp.ts';
import { IPAddressPool } from './metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from './metallb/v1beta1/l2advertisement.ts';
import { MetalLB } from './metallb/v1beta1/metallb.ts';
import { ServiceL2Status } from './metallb/v1beta1/servicel2status.ts';
import { IPAddress } from './networking/v1/ipaddress.ts';
import { ServiceCIDR } from './networking/v1/servicecidr.ts';
import { PodDisruptionBudget } from './policy/v1/poddisruptionbudget.ts';
import { ClusterRole } from './rbac/v1/clusterrole.ts';
import { ClusterRoleBinding } from './rbac/v1/clusterrolebinding.ts';
import { Role } from './rbac/v1/role.ts';
import { RoleBinding } from './rbac/v1/rolebinding.ts';

/** A kind whose object type is not known: what generic code handles. */
// biome-ignore lint/suspicious/noExplicitAny: kinds of different object types have no other common type.
export type AnyKind = Kind<any>;

export const KINDS: readonly AnyKind[] = [
  Namespace,
  Node,
  Pod,
  Service,
  Endpoints,
  ReplicationController,
  Event,
  Secret,
  ConfigMap,
  ServiceAccount,
  Binding,
  Deployment,
  ReplicaSet,
  Job,
  EndpointSlice,
  Lease,
  PodDisruptionBudget,
  TokenReview,
  SelfSubjectReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  LocalSubjectAccessReview,
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  CertificateSigningRequest,
  IPAddress,
  ServiceCIDR,
  VirtualMachine,
  VirtualMachineInstance,
  VirtualMachineInstanceReplicaSet,
  // First, as v1beta2 is the version that clients of this group are to prefer.
  BGPPeer,
  OldBGPPeer,
  BGPAdvertisement,
  BFDProfile,
  Community,
  IPAddressPool,
  L2Advertisement,
  ServiceL2Status,
  MetalLB,
];

/** The kinds that there can be objects of. */
export const HELD_KINDS: readonly AnyKind[] = KINDS.filter(({ refused, called }) => refused === undefined && !called);
