/** `postern server` with a cloud and with layer 2, as kubectl and `postern why` show it, killed in the middle. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { PROGRAM } from '../../../src/cli/wiring/defaults.ts';
import { type OciServer, startOciServer } from '../../../src/controllers/cloud/oci/testing/server.ts';
import { runCommand } from '../../../src/host/process.ts';
import { startServer, type TestServer } from '../server.ts';
import { balancersOf, eventually, made, rules } from './left.ts';

const SHAPE = 'service.beta.kubernetes.io/oci-load-balancer-shape';
const POOL = {
  apiVersion: 'metallb.io/v1beta1',
  kind: 'IPAddressPool',
  metadata: { name: 'lan', namespace: 'metallb-system' },
  spec: { addresses: ['192.0.2.200-192.0.2.209'] },
};

function service(name: string, spec: object = {}, annotations: Readonly<Record<string, string>> = {}) {
  const balanced = { type: 'LoadBalancer', selector: { app: name }, ports: [{ port: 80 }], ...spec };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, annotations }, spec: balanced };
}

export function server(): void {
  let cloud: OciServer;
  let running: TestServer;
  let untouched: ReturnType<typeof rules>;

  before(async () => {
    cloud = await startOciServer({ nodes: ['node1', 'node2'], pace: { kind: 'polls', count: 0 } });
    untouched = rules(cloud);
    const asked = ['--cloud-provider', 'oci', '--cloud-config', await cloud.configFile()];
    running = await startServer([...asked, '--default-load-balancer', 'oci']);
    // Who the nodes are is all that is known of them: the cloud tells how they are reached.
    const nodes = cloud.nodes.map(({ name, instanceId }) => {
      return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { providerID: `oci://${instanceId}` } };
    });
    await apply(...nodes);
  });

  after(async () => {
    await running?.stop();
    await cloud?.stop();
  });

  test('each Service is served by one, also when the server is killed meanwhile, and kubectl says by whom and why not', async () => {
    await apply(
      POOL,
      service('web', { loadBalancerSourceRanges: ['203.0.113.0/24'] }),
      service('near', { loadBalancerClass: 'postern.dev/load-balancer' }),
      service('odd', {}, { [SHAPE]: 'flexible' }),
      service('other', { loadBalancerClass: 'example.com/other' }),
      service('bare', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] }),
      service(
        'shut',
        { type: 'NodePort', ports: [{ port: 80, nodePort: 30_081 }] },
        { 'postern.dev/firewall': 'none' },
      ),
    );
    await until(() => made(cloud).length > 0, 'a load balancer is being made');
    await running.killAndRestart();
    const web = await addressOf('web');
    assert.match(await addressOf('near'), /^192\.0\.2\./);
    assert.deepEqual(
      balancersOf(cloud, await field('web', '.metadata.uid')).map(({ ipAddresses }) => ipAddresses?.[0]?.ipAddress),
      [web],
    );
    await until(() => isOpen(30_080), 'the bare node port is open');
    assert.ok(!isOpen(30_081), 'postern.dev/firewall: none keeps a node port shut');
    const arrival = (from: string) => cloud.arrival({ from, to: web, protocol: 'TCP', port: 80 }).at.length;
    assert.deepEqual([arrival('203.0.113.5'), arrival('198.51.100.5')], [2, 0]);

    const table = await kubectl('get', 'services', '--no-headers');
    const external = Object.fromEntries(
      table
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/))
        .map((l) => [l[0], l[3]]),
    );
    assert.partialDeepStrictEqual(external, { web, odd: '<pending>', other: '<pending>', bare: '<none>' });
    const why = `${SHAPE}-flex-min]: "": must be a number of Mbit/s`;
    assert.ok((await kubectl('describe', 'service', 'odd')).includes(why));
    const { stdout } = await runCommand([PROGRAM, 'why', 'service', 'odd', '--kubeconfig', running.kubeconfig]);
    assert.match(stdout, /no load balancer address: the provider "oci" says InvalidRequest: .*flex-min/);
    const events = await kubectl('get', 'events', '--field-selector=involvedObject.name=web');
    assert.match(events, /EnsuringLoadBalancer/);
    assert.match(events, /EnsuredLoadBalancer/);
    assert.equal(made(cloud).length, 1);
  });

  test('what is taken back is gone for good, also when the server is killed meanwhile', async () => {
    const removals = () => cloud.requests.filter(({ call }) => call === 'deleteLoadBalancer').length;
    await kubectl('patch', 'service', 'web', '-p', '{"spec":{"type":"ClusterIP","loadBalancerSourceRanges":null}}');
    await kubectl('delete', 'service', 'near', 'other', 'bare', 'shut', 'odd', '--wait=false');
    await until(() => removals() > 0, 'the load balancer is being removed');
    await running.killAndRestart();
    await isAsItWas();
    await eventually(
      async () => (await field('web', '.metadata.finalizers')) === '' || undefined,
      () => `the finalizer goes: ${running.said()}`,
    );
    const { annotations = {} } = JSON.parse(await field('web', '.metadata'));
    assert.equal(annotations['postern.dev/load-balancer-provider'], undefined);
    assert.equal(await field('web', '.status.loadBalancer.ingress'), '');
    assert.doesNotMatch(running.said(), /PRIVATE KEY|Signature version/);
  });

  async function kubectl(...args: readonly string[]): Promise<string> {
    return (await running.kubectl(args)).stdout;
  }

  async function apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await running.kubectl(['apply', '-f', '-'], JSON.stringify(list));
  }

  const field = (name: string, path: string) => kubectl('get', 'service', name, '-o', `jsonpath={${path}}`);

  async function addressOf(name: string): Promise<string> {
    const path = '{.status.loadBalancer.ingress[0].ip}';
    await kubectl('wait', `service/${name}`, `--for=jsonpath=${path}`, '--timeout=20s').catch((cause: unknown) => {
      throw new Error(`${name} has no address: ${running.said()}`, { cause });
    });
    return kubectl('get', 'service', name, '-o', `jsonpath=${path}`);
  }

  const isOpen = (port: number) => JSON.stringify(rules(cloud)).includes(`"min":${port}`);

  async function until(is: () => boolean, what: string): Promise<void> {
    await eventually(
      async () => is() || undefined,
      () => `${what}: ${running.said()}`,
    );
  }

  const isAsItWas = () =>
    until(() => made(cloud).length === 0 && isDeepStrictEqual(rules(cloud), untouched), 'nothing is left at the cloud');
}
