import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Json, startTestServer, type TestServer } from '../testing/server.ts';

const PODS = '/api/v1/namespaces/default/pods';
const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts';
const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

describe('a new pod', () => {
  let server: TestServer;
  let count = 0;
  const make = async (spec: object = {}, metadata: object = {}): Promise<Json> => {
    const containers = [{ name: 'c', image: 'i' }];
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `p${count++}`, ...metadata },
      spec: { containers, ...spec },
    };
    return (await server.call('POST', PODS, { body })).body;
  };
  const account = (name: string, more: object) =>
    server.call('POST', ACCOUNTS, { body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name }, ...more } });
  const mountsOf = (pod: Json) =>
    [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map((container: Json) =>
      (container.volumeMounts ?? []).map(({ mountPath }: Json) => mountPath),
    );

  before(async () => {
    server = await startTestServer();
    await account('quiet', { automountServiceAccountToken: false });
    await account('puller', { imagePullSecrets: [{ name: 'registry' }] });
  });
  after(() => server.close());

  test('has a token in each container, in one volume', async () => {
    const pod = await make({ initContainers: [{ name: 'i', image: 'i' }] });
    assert.deepEqual(mountsOf(pod), [[MOUNT], [MOUNT]]);
    assert.equal(pod.spec.volumes.length, 1);
    const [volume] = pod.spec.volumes;
    assert.match(volume.name, /^kube-api-access-[a-z0-9]{5}$/);
    assert.deepEqual(
      volume.projected.sources.map((part: object) => Object.keys(part)[0]),
      ['serviceAccountToken', 'configMap', 'downwardAPI'],
    );
    assert.equal(pod.spec.serviceAccount, 'default');
  });

  test('has none where it or its account wants none, or something else is there', async () => {
    assert.deepEqual(mountsOf(await make({ automountServiceAccountToken: false })), [[]]);
    assert.deepEqual(mountsOf(await make({ serviceAccountName: 'quiet' })), [[]]);
    assert.deepEqual(mountsOf(await make({ serviceAccountName: 'quiet', automountServiceAccountToken: true })), [
      [MOUNT],
    ]);
    const own = { name: 'c', image: 'i', volumeMounts: [{ name: 'own', mountPath: MOUNT }] };
    const pod = await make({ containers: [own], volumes: [{ name: 'own' }] });
    assert.equal(pod.spec.volumes.length, 1);
  });

  test('pulls with the secrets of its account unless it has its own', async () => {
    assert.deepEqual((await make({ serviceAccountName: 'puller' })).spec.imagePullSecrets, [{ name: 'registry' }]);
    const own = { serviceAccountName: 'puller', imagePullSecrets: [{ name: 'own' }] };
    assert.deepEqual((await make(own)).spec.imagePullSecrets, [{ name: 'own' }]);
  });

  test('bears five minutes of a lost node, unless it says', async () => {
    const keys = (pod: Json) =>
      pod.spec.tolerations.map(({ key, tolerationSeconds }: Json) => [key, tolerationSeconds]);
    assert.deepEqual(keys(await make()), [
      ['node.kubernetes.io/not-ready', 300],
      ['node.kubernetes.io/unreachable', 300],
    ]);
    const brief = {
      key: 'node.kubernetes.io/unreachable',
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 5,
    };
    assert.deepEqual(keys(await make({ tolerations: [brief] })), [
      ['node.kubernetes.io/unreachable', 5],
      ['node.kubernetes.io/not-ready', 300],
    ]);
    assert.deepEqual(keys(await make({ tolerations: [{ operator: 'Exists' }] })), [[undefined, undefined]]);
  });

  test('ranks by the classes that there are, and by no number of its own', async () => {
    const pod = await make({ priorityClassName: 'system-node-critical' });
    assert.equal(pod.spec.priority, 2_000_001_000);
    assert.equal((await make()).spec.preemptionPolicy, 'PreemptLowerPriority');
    assert.match(
      (await make({ priority: 5 })).message,
      /integer value of priority \(5\) must not be provided in pod spec/,
    );
    assert.match(
      (await make({ priorityClassName: 'constructor' })).message,
      /no PriorityClass with name constructor was found/,
    );
  });

  test('is refused with an account or a runtime class that is not there', async () => {
    const refused = await make({ serviceAccountName: 'nobody' });
    assert.equal(refused.code, 403);
    assert.match(
      refused.message,
      /error looking up service account default\/nobody: serviceaccount "nobody" not found$/,
    );
    assert.match((await make({ runtimeClassName: 'gvisor' })).message, /RuntimeClass "gvisor" not found$/);
  });

  test('that stands for a guest is left as it is', async () => {
    const owner = {
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachineInstance',
      name: 'vm',
      uid: 'u',
      controller: true,
    };
    const metadata = { labels: { 'kubevirt.io': 'virt-launcher' }, ownerReferences: [owner] };
    const pod = await make({}, metadata);
    assert.deepEqual(
      [pod.spec.volumes, pod.spec.tolerations, pod.spec.serviceAccountName],
      [undefined, undefined, undefined],
    );
    // The label alone makes no guest.
    assert.deepEqual(mountsOf(await make({}, { labels: metadata.labels })), [[MOUNT]]);
  });
});
