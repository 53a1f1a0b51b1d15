/** How the load balancer asks nodes whether they serve. Pure. */
import { isPort } from '../../../../api/core/v1/service.forwarding.ts';
import type { Service } from '../../../../api/core/v1/service.ts';
import type { LoadBalancerType, RequestedHealth } from '../request.ts';
import { ANNOTATIONS, type AnnotationReader } from './annotations.ts';

/** Where a node's proxy says that it works. */
export const PROXY_HEALTH_PORT = 10_256;
const PATH = '/healthz';

const MAX_INTERVAL = 1_800_000;
const MAX_TIMEOUT = 600_000;
const MAX_RETRIES = 100;
const MIN_INTERVAL: Readonly<Record<LoadBalancerType, number>> = { lb: 1000, nlb: 10_000 };

/** With externalTrafficPolicy Local a node is asked whether it has endpoints; else whether its proxy works. */
export function requestedHealth(
  { spec = {} }: Service,
  type: LoadBalancerType,
  reader: AnnotationReader,
): RequestedHealth {
  const { healthRetries, healthTimeout, healthInterval } = ANNOTATIONS[type];
  const { healthCheckNodePort } = spec;
  const isLocal = spec.externalTrafficPolicy === 'Local' && isPort(healthCheckNodePort);
  return {
    path: PATH,
    port: isLocal ? healthCheckNodePort : PROXY_HEALTH_PORT,
    retries: reader.integer(healthRetries, 1, MAX_RETRIES) ?? 3,
    timeout: reader.integer(healthTimeout, 1, MAX_TIMEOUT) ?? 3000,
    interval: reader.integer(healthInterval, MIN_INTERVAL[type], MAX_INTERVAL) ?? 10_000,
  };
}
