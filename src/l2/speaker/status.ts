/** The ServiceL2Status of a Service that this node announces. Pure. */
import { createHash } from 'node:crypto';
import type { Node } from '../../api/core/v1/node.ts';
import { parseKey } from '../../api/meta/v1.ts';
import {
  L2_STATUS_NODE_LABEL,
  L2_STATUS_SERVICE_NAME_LABEL,
  L2_STATUS_SERVICE_NAMESPACE_LABEL,
  METALLB_NAMESPACE,
} from '../../api/metallb/v1beta1/names.ts';
import { ServiceL2Status } from '../../api/metallb/v1beta1/servicel2status.ts';
import type { AnnouncedStatus } from '../lan/messages.ts';

/** Longest value of a label. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
const LABEL_MAX = 63;

/** One name for a Service and a node, so that two runs of an announcer never make two objects. */
export function statusName(serviceKey: string, node: string): string {
  return `l2-${createHash('sha256').update(`${serviceKey}\0${node}`).digest('hex').slice(0, 32)}`;
}

/** The key of the Service that a status is about, by its labels and, where they are cut short, by what it says. */
export function serviceKeyOf({ metadata, status }: ServiceL2Status): string {
  const labels = metadata.labels ?? {};
  const namespace = status?.serviceNamespace ?? labels[L2_STATUS_SERVICE_NAMESPACE_LABEL];
  return `${namespace}/${status?.serviceName ?? labels[L2_STATUS_SERVICE_NAME_LABEL]}`;
}

/** The node that a status is of. */
export function nodeOf({ metadata, status }: ServiceL2Status): string {
  return status?.node ?? metadata.labels?.[L2_STATUS_NODE_LABEL] ?? '';
}

/** What is to be said of a Service; undefined: that this node announces none of its addresses. */
export function desiredStatus(
  serviceKey: string,
  announced: readonly AnnouncedStatus[],
  { nodeName, node }: { readonly nodeName: string; readonly node: Node | undefined },
): ServiceL2Status | undefined {
  if (announced.length === 0) return undefined;
  const { namespace = '', name } = parseKey(serviceKey);
  const interfaces = [...new Set(announced.flatMap((each) => each.interfaces))].sort();
  return {
    apiVersion: ServiceL2Status.apiVersion,
    kind: ServiceL2Status.kind,
    metadata: {
      name: statusName(serviceKey, nodeName),
      namespace: METALLB_NAMESPACE,
      labels: {
        [L2_STATUS_NODE_LABEL]: labelValue(nodeName),
        [L2_STATUS_SERVICE_NAME_LABEL]: labelValue(name),
        [L2_STATUS_SERVICE_NAMESPACE_LABEL]: labelValue(namespace),
      },
      // So that it goes with its node, should that never come back.
      ...(node?.metadata.uid === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid }] }),
    },
    spec: {},
    status: {
      node: nodeName,
      serviceName: name,
      serviceNamespace: namespace,
      interfaces: interfaces.map((each) => ({ name: each })),
    },
  };
}

/** A node's name may be longer than a label's value. */
function labelValue(text: string): string {
  return text.slice(0, LABEL_MAX).replace(/[^A-Za-z0-9]+$/, '');
}
