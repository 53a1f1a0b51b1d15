/** Pods beside what is not one: virtual machines, the API server, and applications outside of the cluster. */
import assert from 'node:assert/strict';
import type { Stories } from '../stories.ts';
import { CURL_IMAGE } from './images.ts';
import { pod, WAITING, webService } from './objects.ts';
import type { World } from './world.ts';

const GUEST_PORT = 9376;
const OUTSIDE_PORT = 9000;
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export function neighbours(shared: Stories<World>): void {
  const { story } = shared;

  story('a pod reaches the API server by name, and is known by its service account', async () => {
    const { world } = shared;
    await world.apply(pod('asker', { image: CURL_IMAGE, command: WAITING }));
    await world.kubectl(['wait', 'pod/asker', '--for=condition=Ready', '--timeout=30s']);
    const ask = (path: string) =>
      `curl -sS -m 10 --cacert ${ACCOUNT}/ca.crt -H "Authorization: Bearer $(cat ${ACCOUNT}/token)" https://kubernetes.default.svc${path}`;
    assert.match(await world.inPod('asker', ask('/version')), /"gitVersion"/);
    const refused = await world.inPod('asker', ask('/api/v1/pods'));
    assert.match(refused, /system:serviceaccount:default:default.* cannot list resource/);
  });

  story('a virtual machine and a pod serve the same Service', async () => {
    const { world } = shared;
    const serves = ['sh', '-c', `hostname > /tmp/index.html; exec httpd -f -p ${GUEST_PORT} -h /tmp`];
    await world.apply(machine('mixed-vm', 'mixed'), pod('mixed-pod', { command: serves }, { hostname: 'mixed-pod' }), {
      ...webService('mixed'),
      spec: { type: 'NodePort', selector: { app: 'mixed' }, ports: [{ port: 80, targetPort: GUEST_PORT }] },
    });
    await world.kubectl(['label', 'pod/mixed-pod', 'app=mixed', '--overwrite']);
    const port = await world.kubectl(['get', 'service', 'mixed', '-o', 'jsonpath={.spec.ports[0].nodePort}']);
    const seen = new Set<string>();
    await world.eventually('both answer', async () => {
      seen.add((await world.ask(`http://${world.nodes[0]?.addresses[0]}:${port}/`)).trim());
      return seen.has('mixed-vm') && seen.has('mixed-pod') ? true : undefined;
    });
    await world.kubectl(['delete', 'virtualmachine/mixed-vm', 'pod/mixed-pod', 'service/mixed']);
  });

  story('a Service stands for an application outside, and clients follow it from one host to another', async () => {
    const { world } = shared;
    const [first = '', second = ''] = await world.outsideAddresses();
    await Promise.all([
      world.startOutside('first', first, OUTSIDE_PORT),
      world.startOutside('second', second, OUTSIDE_PORT),
    ]);
    await world.apply(
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'database' }, spec: { ports: [{ port: 80 }] } },
      outsideSlice(first),
    );
    const ask = () => world.inPod('asker', 'curl -sS -m 5 http://database/');
    const [name, seenAs = ''] = (
      await world.eventually('the first answers', async () => /^first \S+/.exec(await ask())?.[0])
    ).split(' ');
    assert.equal(name, 'first');
    // Masqueraded: an application outside has no way back to the pod network.
    assert.ok(
      world.nodes.some(({ addresses }) => addresses.includes(seenAs)),
      seenAs,
    );
    await world.apply(outsideSlice(second));
    await world.eventually('the second answers', async () => /^second /.exec(await ask())?.[0]);
    for (let i = 0; i < 10; i++) assert.match(await ask(), /^second /);
    await world.kubectl(['delete', 'pod/asker', 'service/database', 'endpointslice/database']);
  });
}

function outsideSlice(address: string): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'database', labels: { 'kubernetes.io/service-name': 'database' } },
    addressType: 'IPv4',
    ports: [{ port: OUTSIDE_PORT }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  };
}

/** A small guest that serves its name. */
function machine(name: string, app: string): object {
  const kernelBoot = {
    kernelArgs: 'console=ttyS0 quiet',
    container: { image: 'postern.dev/demo:latest', kernelPath: '/boot/vmlinuz', initrdPath: '/boot/initrd' },
  };
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name },
    spec: {
      runStrategy: 'Always',
      template: {
        metadata: { labels: { app } },
        spec: {
          domain: {
            memory: { guest: '128Mi' },
            firmware: { kernelBoot },
            devices: { interfaces: [{ name: 'default', masquerade: {} }] },
          },
          networks: [{ name: 'default', pod: {} }],
          readinessProbe: { httpGet: { path: '/', port: GUEST_PORT } },
        },
      },
    },
  };
}
