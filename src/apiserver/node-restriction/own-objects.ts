/** What is a node's by its name or by what it says: leases, the state of announcements, the announcers' key. */
import { announcerLeaseName } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { HEARTBEAT_SECRET_NAME, L2_STATUS_NODE_LABEL, METALLB_NAMESPACE } from '../../api/metallb/v1beta1/names.ts';
import type { ServiceL2Status } from '../../api/metallb/v1beta1/servicel2status.ts';
import type { NodeWrite } from './node-restriction.ts';

export function restrictedLease({ node, name, old, next }: NodeWrite): string | undefined {
  const { namespace } = (next ?? old)?.metadata ?? {};
  const own = namespace === METALLB_NAMESPACE ? announcerLeaseName(node) : node;
  return name === own ? undefined : `can only access the node lease with the name ${JSON.stringify(own)}`;
}

/** The first announcer of a cluster makes the key; to change it is for others. */
export function restrictedSecret({ name, old, next }: NodeWrite): string | undefined {
  const isKey = name === HEARTBEAT_SECRET_NAME && next?.metadata.namespace === METALLB_NAMESPACE;
  return isKey && old === undefined ? undefined : 'agents of nodes make no Secret but that of heartbeats';
}

/** A node says only of itself that it announces. It may take away what another said: whoever announces after it tidies up. */
export function restrictedL2Status({ node, old, next }: NodeWrite): string | undefined {
  if (next === undefined) return undefined;
  const said = [old, next].flatMap((object) => [
    object?.metadata.labels?.[L2_STATUS_NODE_LABEL],
    (object as ServiceL2Status | undefined)?.status?.node,
  ]);
  const other = said.find((name) => name !== undefined && name !== '' && name !== node);
  return other === undefined ? undefined : `is about node ${JSON.stringify(other)}, not ${JSON.stringify(node)}`;
}
