/** The answers of the proxy's health, in the words of kube-proxy, whose clients are load balancers and their controllers. */
import type { Node } from '../../api/core/v1/node.ts';
import { printTime } from '../../api/time.ts';
import { type Answer, JSON_HEADERS } from './listen.ts';
import type { HealthReport } from './proxy-health.ts';

/** Set by the cluster autoscaler on a node that it is about to remove. */
const TO_BE_DELETED_TAINT = 'ToBeDeletedByClusterAutoscaler';

/** Whether load balancers may begin connections by this node. One that ends still serves those that it has. */
export function isEligible(node: Node | undefined): boolean {
  if (node === undefined) return true; // Not heard of yet.
  const leaves = node.spec?.taints?.some(({ key }) => key === TO_BE_DELETED_TAINT) ?? false;
  return node.metadata.deletionTimestamp === undefined && !leaves;
}

/** `/healthz`: whether new connections may come by this node. */
export function healthz(report: HealthReport, nodeEligible: boolean): Answer {
  return json(report.healthy && nodeEligible, { ...times(report), nodeEligible });
}

/** `/livez`: whether the proxy works, whatever becomes of the node. */
export function livez(report: HealthReport): Answer {
  return json(report.healthy, times(report));
}

/** To a load balancer that asks by a Service's `healthCheckNodePort`, at any path. */
export function serviceHealth(
  service: { readonly namespace: string; readonly name: string },
  localEndpoints: number,
  serviceProxyHealthy: boolean,
): Answer {
  const answer = json(localEndpoints > 0 && serviceProxyHealthy, { service, localEndpoints, serviceProxyHealthy });
  return { ...answer, headers: { ...answer.headers, 'X-Load-Balancing-Endpoint-Weight': `${localEndpoints}` } };
}

const json = (well: boolean, body: object): Answer => ({
  ...{ code: well ? 200 : 503, headers: JSON_HEADERS },
  body: `${JSON.stringify(body, null, '\t')}\n`,
});

const times = ({ lastUpdated, currentTime }: HealthReport) => ({
  lastUpdated: lastUpdated === undefined ? '' : printTime(lastUpdated),
  currentTime: printTime(currentTime),
});
