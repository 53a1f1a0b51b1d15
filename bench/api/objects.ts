/** What benches fill a server with, over raw connections: a node that lives, Services, and pods that are ready. */
import type { Connection } from './connection.ts';

const HEARTBEAT = 10_000;
const CORE = '/api/v1/namespaces/default';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

/** Sends one request, and rejects unless it succeeded. */
export type Send = (method: 'POST' | 'PUT', path: string, body: object) => Promise<unknown>;

/** Sends on this connection. */
export function sendOn(connection: Connection): Send {
  return async (method, path, body) => {
    const answer = await connection.request(method, path, body);
    if (answer.code >= 300) throw new Error(`${method} ${path} was answered ${answer.code} ${answer.body}`);
  };
}

/** Each of `count` pieces of work once, on all connections at the same time. */
export async function each(
  connections: readonly Connection[],
  count: number,
  work: (send: Send, i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const take = async (connection: Connection) => {
    const send = sendOn(connection);
    for (let i = next++; i < count; i = next++) await work(send, i);
  };
  await Promise.all(connections.map(take));
}

/** A node that is ready, and says so until it is told to stop: pods of a silent one would not count. */
export async function startNode(send: Send, name: string): Promise<() => void> {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name } };
  await send('POST', '/api/v1/nodes', node);
  const status = { conditions: [{ type: 'Ready', status: 'True' }] };
  await send('PUT', `/api/v1/nodes/${name}/status`, { ...node, status });
  const metadata = { name, namespace: 'kube-node-lease' };
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata };
  await send('POST', LEASES, lease);
  const beat = () => {
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    return send('PUT', `${LEASES}/${name}`, { ...lease, spec: { holderIdentity: name, renewTime } });
  };
  await beat();
  // One that is lost is made up for by the next: a node is missed after 40 s only.
  const timer = setInterval(() => void beat().catch(() => {}), HEARTBEAT);
  return () => clearInterval(timer);
}

/** A Service of the pods that are labelled `app: selects`, which is its name unless another is given. */
export function createService(send: Send, name: string, selects = name): Promise<unknown> {
  return send('POST', `${CORE}/services`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: selects }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  });
}

/** A pod on a node, by its number, which is its address too. */
export interface BenchPod {
  readonly number: number;
  readonly app: string;
  readonly node: string;
}

export const addressOf = (pod: number): string => `10.${244 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`;

const objectOf = ({ number, app, node }: BenchPod) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `p-${number}`, labels: { app } },
  spec: { nodeName: node, containers: [{ name: 'main', image: 'main' }] },
});

export function writeStatus(send: Send, pod: BenchPod, ready: boolean): Promise<unknown> {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  const ip = addressOf(pod.number);
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions };
  return send('PUT', `${CORE}/pods/p-${pod.number}/status`, { ...objectOf(pod), status });
}

/** Makes a pod that is ready. */
export async function createPod(send: Send, pod: BenchPod): Promise<void> {
  await send('POST', `${CORE}/pods`, objectOf(pod));
  await writeStatus(send, pod, true);
}
