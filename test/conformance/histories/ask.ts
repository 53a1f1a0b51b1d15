/** Actions as requests. */
import { type Reply, SERVICES, type TestServer } from '../../../src/apiserver/testing/server.ts';
import type { Action, Mistake, ServiceAction, Type } from './actions.ts';
import { httpPortOf, ipsOf, nodeOf } from './endpoint-model.ts';
import type { Has } from './service-model.ts';

const MERGE = 'application/merge-patch+json';
const PODS = '/api/v1/namespaces/default/pods';

const externalName = (type: Type) => (type === 'ExternalName' ? { externalName: 'a.example' } : {});
const selector = (app: string | undefined) => (app === undefined ? {} : { selector: { app } });

/** Asks the server for an action. `old`: what the Service has. */
export function ask(api: TestServer, action: ServiceAction, old: Has | undefined): Promise<Reply> {
  const path = `${SERVICES}/${action.name}`;
  const patch = (spec: object) => api.call('PATCH', path, { body: { spec }, type: MERGE });
  switch (action.act) {
    case 'create': {
      const { nodePort, targetPort, app, ...spec } = action.spec;
      const port = { port: 80, targetPort, ...(nodePort === undefined ? {} : { nodePort }) };
      const body = named(action.name, { ...spec, ...externalName(spec.type), ...selector(app), ports: [port] });
      return api.call('POST', action.dryRun ? `${SERVICES}?dryRun=All` : SERVICES, { body });
    }
    case 'type':
      return patch({ type: action.type, ...externalName(action.type) });
    case 'family-policy':
      return patch({ ipFamilyPolicy: action.policy });
    case 'traffic-policy':
      return patch({ externalTrafficPolicy: action.policy });
    case 'node-port':
      return patch({ ports: [{ port: 80, targetPort: old?.target ?? 80, nodePort: action.nodePort }] });
    case 'distribution':
      return patch({ trafficDistribution: action.distribution ?? null });
    case 'selector':
      return patch({ selector: { app: action.app } });
    case 'replace': {
      const type = old?.type ?? 'ClusterIP';
      const ports = [{ port: 80, targetPort: old?.target ?? 80 }];
      return api.call('PUT', path, {
        body: named(action.name, { type, ...externalName(type), ...selector(old?.app), ports }),
      });
    }
    case 'delete':
      return api.call('DELETE', path);
    case 'wrong':
      return askWrongly(api, action.name, action.mistake);
  }
}

function named(name: string, spec: object) {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

function askWrongly(api: TestServer, name: string, mistake: Mistake): Promise<Reply> {
  const path = `${SERVICES}/${name}`;
  const ports = [{ port: 80 }];
  const post = (spec: object, query = '') => api.call('POST', SERVICES + query, { body: named(name, spec) });
  switch (mistake) {
    case 'stale': {
      const { metadata, ...rest } = named(name, { ports });
      return api.call('PUT', path, { body: { ...rest, metadata: { ...metadata, resourceVersion: '1' } } });
    }
    case 'unknown-field':
      return post({ ports, nodeport: 1 }, '?fieldValidation=Strict');
    case 'mapping':
      return post({ ports: { port: 80 } });
    case 'several':
      return post({
        ports: [{ port: 70_000, targetPort: 80 }],
        sessionAffinity: 'x',
        externalIPs: ['127.0.0.1'],
        clusterIP: 'x',
      });
    case 'broken':
      return api.call('POST', SERVICES, { body: `{"metadata": {"name": "${name}"` });
    case 'media':
      return api.call('PATCH', path, { body: {}, type: 'application/json' });
    case 'precondition':
      return api.call('DELETE', path, { body: { preconditions: { uid: 'another' } } });
    case 'other-address':
      return api.call('PATCH', path, { body: { spec: { clusterIP: '192.0.2.1' } }, type: MERGE });
  }
}

/** A node comes, ready, or is moved to another zone. The last answer. */
export async function askNode(api: TestServer, { node, zone }: Extract<Action, { act: 'node' }>): Promise<Reply> {
  const metadata = { name: node, labels: { 'topology.kubernetes.io/zone': zone } };
  const body = { apiVersion: 'v1', kind: 'Node', metadata };
  await api.call('PATCH', `/api/v1/nodes/${node}?fieldManager=node`, { body, type: 'application/apply-patch+yaml' });
  const status = { conditions: [{ type: 'Ready', status: 'True' }] };
  return api.call('PATCH', `/api/v1/nodes/${node}/status`, { body: { status }, type: MERGE });
}

/** Makes a pod, or changes its labels; then says how it is, as its node would. The last answer. */
export async function askPod(
  api: TestServer,
  action: Extract<Action, { act: 'pod' | 'pod-ends' | 'pod-gone' }>,
  exists: boolean,
): Promise<Reply> {
  const { pod } = action;
  const path = `${PODS}/p${pod}`;
  if (action.act === 'pod-gone') return api.call('DELETE', `${path}?gracePeriodSeconds=0`);
  if (action.act === 'pod-ends') return api.call('DELETE', path);
  const { app, ready, failed } = action.state;
  const labels = { app };
  if (exists) await api.call('PATCH', path, { body: { metadata: { labels } }, type: MERGE });
  else await api.call('POST', PODS, { body: { metadata: { name: `p${pod}`, labels }, spec: podSpec(pod) } });
  const status = {
    phase: failed ? 'Failed' : 'Running',
    podIP: ipsOf(pod)[0],
    podIPs: ipsOf(pod).map((ip) => ({ ip })),
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  };
  return api.call('PATCH', `${path}/status`, { body: { status }, type: MERGE });
}

function podSpec(pod: number) {
  const http = httpPortOf(pod);
  const ports = http === undefined ? [] : [{ name: 'http', containerPort: http }];
  return { nodeName: nodeOf(pod), containers: [{ name: 'c', image: 'i', ports }] };
}
