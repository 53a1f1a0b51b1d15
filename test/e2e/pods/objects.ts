/** Manifests of the stories. */
import { WEB } from './images.ts';

/** A deployment of web servers, and a dual-stack Service with node ports for it. */
export function webDeployment(name: string, replicas: number, spec: object = {}): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      ...spec,
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 10,
          containers: [
            {
              name: 'web',
              image: WEB('v1'),
              ports: [{ name: 'http', containerPort: 80 }],
              // Patient: on a busy machine one pod alone answers late, and is none that is to be left out.
              readinessProbe: {
                httpGet: { path: '/', port: 'http' },
                ...{ periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 10 },
              },
            },
          ],
        },
      },
    },
  };
}

export function webService(name: string, selector: object = { app: name }): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { type: 'NodePort', ipFamilyPolicy: 'PreferDualStack', selector, ports: [{ port: 80, targetPort: 80 }] },
  };
}

/** One pod with one container of busybox. */
export function pod(name: string, container: object, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: 'postern.dev/busybox:1', ...container }],
      ...spec,
    },
  };
}

/** What a container does that waits to be told to end, and ends at once then. */
export const WAITING = ['sh', '-c', 'trap "exit 0" TERM; sleep 86400 & wait'] as const;
