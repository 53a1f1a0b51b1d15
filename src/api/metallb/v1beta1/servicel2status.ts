/** metallb.io/v1beta1 ServiceL2Status: which node announces a Service's addresses, and where. https://metallb.io/apis/ */
import { invalidValue } from '../../field-errors.ts';
import { type Column, defineKind, type Resource } from '../../kind.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { list, object, string, type TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';

const fields = object(
  {
    spec: object({}),
    status: object({
      node: string('The node that announces.'),
      serviceName: string(),
      serviceNamespace: string(),
      interfaces: list(object({ name: string() }), 'The interfaces that it announces on.'),
    }),
  },
  'Which node announces the addresses of a Service by ARP and NDP.',
);
export type ServiceL2Status = Resource<TypeOf<typeof fields>>;

/** As MetalLB's own resource definition prints them. */
const statusColumns: readonly Column<ServiceL2Status>[] = [
  { name: 'Allocated Node', type: 'string', value: ({ status }) => status?.node ?? '', path: '.status.node' },
  {
    name: 'Service Name',
    type: 'string',
    value: ({ status }) => status?.serviceName ?? '',
    path: '.status.serviceName',
  },
  {
    name: 'Service Namespace',
    type: 'string',
    value: ({ status }) => status?.serviceNamespace ?? '',
    path: '.status.serviceNamespace',
  },
];

/** Whose announcement it is and of what never changes: another announcement is another object. */
const FIXED = ['node', 'serviceName', 'serviceNamespace'] as const;

function validateServiceL2Status({ status }: ServiceL2Status, old: ServiceL2Status | undefined): readonly Cause[] {
  return FIXED.flatMap((field) => {
    const [value, before] = [status?.[field], old?.status?.[field]];
    const isChanged = value !== undefined && before !== undefined && value !== before;
    return isChanged ? [invalidValue(`status.${field}`, value, 'Value is immutable')] : [];
  });
}

export const ServiceL2Status = defineKind({
  group: 'metallb.io',
  version: 'v1beta1',
  kind: 'ServiceL2Status',
  plural: 'servicel2statuses',
  namespaced: true,
  status: true,
  schema: fields,
  columns: statusColumns,
  prepare: withoutStatusOnCreate,
  validate: validateServiceL2Status,
  age: false,
});
