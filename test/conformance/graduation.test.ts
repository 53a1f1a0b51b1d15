/** What Postern stores is what a kube-apiserver reads: the real one, where there is one. `docs/graduation.md` has the same for people. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HELD_KINDS } from '../../src/api/kinds.ts';
import { objectKey } from '../../src/apiserver/storage/keys.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { type EtcdFixture, fileScope, skipWithoutEtcd, startEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import type { Store } from '../../src/store/store.ts';
import { startServer, type TestServer } from '../e2e/server.ts';
import { skipWithoutKubeApiserver, startKubeApiserver } from './kube-apiserver.ts';

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
const CRDS = fileURLToPath(new URL('../../deploy/crds', import.meta.url));

/** Kinds of every shape: with and without namespaces, with addresses and ports, with owners. */
const OBJECTS = `
apiVersion: v1
kind: ReplicationController
metadata: {name: rc}
spec: {replicas: 1, selector: {a: b}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: lease}
spec: {holderIdentity: me}
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
status: {conditions: [{type: Ready, status: "True"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, ipFamilyPolicy: PreferDualStack, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: lb}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data: {a: b}
---
apiVersion: v1
kind: Secret
metadata: {name: secret}
stringData: {a: b}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: User, name: jane, apiGroup: rbac.authorization.k8s.io}]
`;

/** What is compared, but for what lives: Events, Leases, and what controllers of either make. */
const COMPARED =
  'pods,services,replicationcontrollers,deployments.apps,replicasets.apps,jobs.batch,configmaps,secrets,serviceaccounts,nodes,namespaces,endpointslices,roles,rolebindings,ipaddresses,servicecidrs';

interface Listed {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  readonly spec?: unknown;
}

describe('what a server keeps in etcd', { skip: skipWithoutEtcd() }, () => {
  const scope = fileScope();
  let etcd: EtcdFixture;
  let server: TestServer;
  let stored: Store;
  let served: readonly Listed[];

  before(async () => {
    etcd = await startEtcd(scope, { members: 1 });
    server = await startServer(['--store', 'etcd', '--etcd-endpoints', etcd.endpoints.join(',')]);
    scope.after(() => server.stop());
    await server.kubectl(['apply', '-f', '-'], OBJECTS);
    for (const name of ['example-namespace.yaml', 'example-service.yaml', 'example-vm.yaml', 'lan-pool.yaml']) {
      await server.kubectl(['apply', '-f', example(name)]);
    }
    await server.eventually(async () => {
      const { stdout } = await server.kubectl(['get', 'pods,vmi', '-A', '-o', 'name']);
      return stdout.trim().split('\n').length >= 8 ? true : undefined;
    });
    served = await listed((args) => server.kubectl(args).then(({ stdout }) => stdout));
    await server.end();
    stored = await etcd.open(scope);
  });

  test('lies where, and says what, a kube-apiserver expects of every object', async () => {
    const { entries } = await stored.list('/registry/');
    const byPrefix = new Map(HELD_KINDS.map((kind) => [objectKey(kind, undefined, ''), kind] as const));
    let objects = 0;
    for (const { key, value } of entries) {
      const kind = [...byPrefix].find(([prefix]) => key.startsWith(prefix))?.[1];
      if (kind === undefined) continue;
      objects++;
      const object = JSON.parse(Buffer.from(value).toString());
      const { name, namespace, uid, creationTimestamp, ...metadata } = object.metadata;
      assert.equal(key, objectKey(kind, namespace, name));
      assert.equal(object.kind, kind.kind, key);
      assert.match(object.apiVersion, /^(v1|[a-z0-9.-]+\/v1|metallb\.io\/v1beta[12])$/, key);
      assert.match(uid, /^[0-9a-f-]{36}$/, key);
      assert.match(creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, key);
      // It takes them from etcd, and would keep what is written.
      assert.ok(!('resourceVersion' in metadata) && !('selfLink' in metadata), key);
    }
    assert.ok(objects > 50);
  });

  test('keys of others are only ours, which a kube-apiserver does not look at', async () => {
    const { entries } = await stored.list('/registry/');
    const prefixes = HELD_KINDS.map((kind) => objectKey(kind, undefined, ''));
    const others = entries.filter(({ key }) => !prefixes.some((prefix) => key.startsWith(prefix)));
    for (const { key } of others) assert.match(key, /^\/registry\/postern\.dev\//);
  });

  const skip = skipWithoutKubeApiserver();

  test('is served by a kube-apiserver, which gives out nothing twice', { skip }, async (t) => {
    const { dir, kubeconfig } = server;
    const kubernetes = await startKubeApiserver({
      ...{ etcdEndpoints: etcd.endpoints, dir, admin: await loadKubeconfig(kubeconfig) },
      advertised: '192.0.2.9',
    });
    t.after(() => kubernetes.end());
    const kubectl: Kubectl = async (args) => (await kubernetes.kubectl(args)).stdout;
    const kept = await listed(kubectl);
    const found = new Map(kept.map((object) => [nameOf(object), object] as const));
    for (const object of served) {
      const other = found.get(nameOf(object));
      assert.equal(other?.metadata.uid, object.metadata.uid, nameOf(object));
      if (object.kind === 'Service') assert.deepEqual(other?.spec, object.spec);
    }

    // Addresses and ports that Services have.
    const web = served.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'web');
    assert.ok(web);
    const { clusterIP, ports } = web.spec as { clusterIP: string; ports: { nodePort: number }[] };
    const taken = (args: string[]) => assert.rejects(kubectl(['create', 'service', ...args]), /already allocated/);
    await taken(['nodeport', 'x', '--tcp=80', `--node-port=${ports[0]?.nodePort}`]);
    await taken(['clusterip', 'x', '--tcp=80', `--clusterip=${clusterIP}`]);
    await kubectl(['create', 'service', 'nodeport', 'new', '--tcp=80']);

    // Writes of every sort, and users as they were.
    await kubectl(['scale', 'deployment', 'web', '--replicas=3']);
    await kubectl(['label', 'service', 'web', 'a=b']);
    await kubectl(['delete', 'service', 'lb']);
    assert.equal(await kubectl(['auth', 'can-i', 'get', 'pods', '--as', 'jane']), 'yes\n');
    assert.match(await kubectl(['create', 'token', 'default']), /^eyJ/);

    // Custom resources are there as soon as their definitions are.
    await kubectl(['apply', '-f', CRDS]);
    await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s']);
    const machines = await kubectl(['get', 'vm,vmi,ipaddresspools,l2advertisements', '-A', '-o', 'name']);
    for (const name of ['virtualmachine.kubevirt.io/example-vm', 'ipaddresspool.metallb.io/lan']) {
      assert.match(machines, new RegExp(name));
    }

    // The way back: what it has written is read as well.
    await kubectl(['create', 'configmap', 'written-by-kubernetes', '--from-literal=a=b']);
    await kubernetes.end();
    await server.restart();
    const { stdout } = await server.kubectl(['get', 'configmap/written-by-kubernetes', 'deployment/web', '-o', 'name']);
    assert.equal(stdout, 'configmap/written-by-kubernetes\ndeployment.apps/web\n');
    const again = await server.kubectl(['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}']);
    assert.equal(again.stdout, '3');
  });
});

type Kubectl = (args: readonly string[]) => Promise<string>;

async function listed(kubectl: Kubectl): Promise<readonly Listed[]> {
  const list = JSON.parse(await kubectl(['get', COMPARED, '-A', '-o', 'json'])) as { items: Listed[] };
  // Each API server keeps its own.
  return list.items.filter(({ kind, metadata }) => kind !== 'EndpointSlice' || metadata.name !== 'kubernetes');
}

function nameOf({ kind, metadata: { namespace = '', name } }: Listed): string {
  return `${kind} ${namespace}/${name}`;
}
