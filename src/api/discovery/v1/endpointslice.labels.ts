/** Labels of EndpointSlices. https://kubernetes.io/docs/reference/labels-annotations-taints/ */

/** Names the Service that a slice belongs to. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
/** Names who keeps a slice. */
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
