/** A Service's ports as one pod has them. Pure. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service, ServicePort } from '../../api/core/v1/service.ts';
import type { EndpointPort } from '../../api/discovery/v1/endpointslice.ts';

type Container = NonNullable<NonNullable<Pod['spec']>['containers']>[number];

/** Whether all pods of a Service have the same ports: none is asked for by a name. */
export function hasFixedPorts({ spec }: Service): boolean {
  return (spec?.ports ?? []).every(({ targetPort }) => typeof targetPort !== 'string' || targetPort === '');
}

/** The ports that the pod serves of a Service; a named port that the pod does not have is left out. */
export function resolvePorts(service: Service, pod: Pod): readonly EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = port;
    return [{ name, protocol, port: number, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function targetPort({ targetPort: target, port, protocol = 'TCP' }: ServicePort, pod: Pod): number | undefined {
  if (target === undefined || target === 0 || target === '') return port;
  if (typeof target === 'number') return target;
  for (const container of servingContainers(pod)) {
    for (const declared of container.ports ?? []) {
      if (declared.name === target && (declared.protocol ?? 'TCP') === protocol) return declared.containerPort;
    }
  }
  return undefined;
}

/**
 * The containers that run as long as the pod does: of the init containers those that are sidecars.
 * https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
 */
function servingContainers({ spec }: Pod): readonly Container[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...(spec?.containers ?? []), ...sidecars];
}
