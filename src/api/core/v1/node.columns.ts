/** Columns of `kubectl get nodes`, as Kubernetes prints them. */
import { ageColumn } from '../../age.ts';
import type { Column } from '../../kind.ts';
import { conditionStatus } from '../../print.ts';
import type { Node } from './node.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';

export const nodeColumns: readonly Column<Node>[] = [
  { name: 'Status', type: 'string', value: printStatus },
  { name: 'Roles', type: 'string', value: printRoles },
  ageColumn,
  { name: 'Version', type: 'string', value: ({ status }) => status?.nodeInfo?.kubeletVersion ?? '' },
  { name: 'Internal-IP', type: 'string', priority: 1, value: (node) => addressOf(node, 'InternalIP') },
  { name: 'External-IP', type: 'string', priority: 1, value: (node) => addressOf(node, 'ExternalIP') },
  { name: 'OS-Image', type: 'string', priority: 1, value: ({ status }) => status?.nodeInfo?.osImage || '<unknown>' },
  {
    name: 'Kernel-Version',
    type: 'string',
    priority: 1,
    value: ({ status }) => status?.nodeInfo?.kernelVersion || '<unknown>',
  },
  {
    name: 'Container-Runtime',
    type: 'string',
    priority: 1,
    value: ({ status }) => status?.nodeInfo?.containerRuntimeVersion || '<unknown>',
  },
];

/** The first address of a type that a node has; `<none>` without one. */
function addressOf({ status }: Node, type: string): string {
  return status?.addresses?.find((address) => address.type === type)?.address ?? '<none>';
}

function printStatus({ spec, status }: Node): string {
  const ready = conditionStatus(status?.conditions, 'Ready');
  const text = ready === 'True' ? 'Ready' : ready === '' ? 'Unknown' : 'NotReady';
  return spec?.unschedulable ? `${text},SchedulingDisabled` : text;
}

function printRoles({ metadata }: Node): string {
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) return [key.slice(ROLE_PREFIX.length)];
    return key === 'kubernetes.io/role' && value !== '' ? [value] : [];
  });
  return roles.length === 0 ? '<none>' : roles.sort().join(',');
}
