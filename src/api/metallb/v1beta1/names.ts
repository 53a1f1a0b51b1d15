/** Names that MetalLB's objects agree on. */

/** Where the load balancer's own objects are, as in MetalLB's manifests. */
export const METALLB_NAMESPACE = 'metallb-system';
/** The Secret beside them that heartbeats are signed with, which the first announcer makes. */
export const HEARTBEAT_SECRET_NAME = 'postern-l2-heartbeat';
/** The only name that the MetalLB object may have: so there is one at most. */
export const METALLB_NAME = 'metallb';

/** Labels of a ServiceL2Status, as MetalLB sets them, so that those of a node or a Service can be selected. */
export const L2_STATUS_NODE_LABEL = 'metallb.io/node';
export const L2_STATUS_SERVICE_NAME_LABEL = 'metallb.io/service-name';
export const L2_STATUS_SERVICE_NAMESPACE_LABEL = 'metallb.io/service-namespace';

/** Reasons of Events that announcers record on Services: another host has an address of theirs, or no longer. The messages begin with it. */
export const ADDRESS_CONFLICT = 'AddressConflict';
export const ADDRESS_CONFLICT_OVER = 'AddressConflictOver';
