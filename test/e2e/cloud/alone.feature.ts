/** The controller for clouds alone, as a process, between an API server and what stands for Oracle's cloud. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { type Json, SERVICES, startTestServer, type TestServer } from '../../../src/apiserver/testing/server.ts';
import { PROGRAM, PROGRAM_DIR } from '../../../src/cli/wiring/defaults.ts';
import { printKubeconfig } from '../../../src/client/kubeconfig.ts';
import { type OciServer, startOciServer } from '../../../src/controllers/cloud/oci/testing/server.ts';
import { type LesserApi, startLesserApi } from '../lesser-api.ts';
import { balancersOf, eventually, made, rules } from './left.ts';

const NODES = '/api/v1/nodes';

export function alone(): void {
  let api: TestServer;
  let lesser: LesserApi;
  let cloud: OciServer;
  let running: ChildProcess | undefined;
  let said = '';

  before(async () => {
    api = await startTestServer();
    // Work there is done as soon as somebody looks: what it takes is tested beside the provider.
    cloud = await startOciServer({ nodes: ['node1', 'node2'], pace: { kind: 'polls', count: 0 } });
    lesser = await startLesserApi({ kubeconfig: await api.kubeconfig(), lacks: ['kubevirt.io', 'metallb.io'] });
    for (const { name, privateIp } of cloud.nodes) {
      const taints = [{ key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' }];
      await done('POST', NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { taints } });
      const status = {
        addresses: [{ type: 'InternalIP', address: privateIp }],
        conditions: [{ type: 'Ready', status: 'True' }],
      };
      await done('PATCH', `${NODES}/${name}/status`, { status }, 'application/merge-patch+json');
    }
  });

  after(async () => {
    running?.kill();
    await lesser?.close();
    await cloud?.stop();
    await api?.close();
  });

  test('Services get load balancers and open node ports, nodes are known, by one process with few rights', async () => {
    const before = rules(cloud);
    const process = await start();
    for (const example of ['load-balancer', 'network-load-balancer', 'node-port']) {
      const file = join(PROGRAM_DIR, 'examples', 'oci', `${example}.yaml`);
      await done('POST', SERVICES, parse(await readFile(file, 'utf8')));
    }
    for (const name of ['web', 'dns']) {
      const { metadata, status } = await until(async () => {
        const found = await get(name);
        return found.status.loadBalancer?.ingress?.[0]?.ip === undefined ? undefined : found;
      });
      assert.deepEqual(metadata.finalizers, ['service.kubernetes.io/load-balancer-cleanup']);
      const [balancer, ...others] = balancersOf(cloud, metadata.uid);
      assert.deepEqual(others, []);
      assert.ok(balancer?.ipAddresses?.some(({ ipAddress }) => ipAddress === status.loadBalancer.ingress[0].ip));
    }
    const bare = (await get('bare')).spec.ports[0].nodePort;
    await until(async () => (JSON.stringify(rules(cloud)).includes(`"min":${bare}`) ? true : undefined));
    await until(async () => {
      const { body } = await api.call('GET', NODES);
      const ready = (body.items as readonly Json[]).every(({ spec }) => spec.providerID && spec.taints === undefined);
      return ready ? true : undefined;
    });

    for (const name of ['web', 'dns', 'bare']) await api.call('DELETE', `${SERVICES}/${name}`);
    for (const name of ['web', 'dns']) {
      await until(async () => ((await api.call('GET', `${SERVICES}/${name}`)).code === 404 ? true : undefined));
    }
    await until(async () => (isDeepStrictEqual(rules(cloud), before) ? true : undefined));
    assert.deepEqual(made(cloud), []);
    assert.deepEqual([...lesser.asked].sort(), [
      'create events',
      'create leases',
      'get leases',
      'get namespaces',
      'list leases',
      'list nodes',
      'list services',
      'patch nodes',
      'patch nodes/status',
      'patch services',
      'patch services/status',
      'update leases',
      'watch leases',
      'watch nodes',
      'watch services',
    ]);
    const ended = once(process, 'exit');
    process.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.doesNotMatch(said, /PRIVATE KEY|Signature version/);
    assert.ok(said.includes('"level"'), 'nothing was logged at all');
  });

  async function start(): Promise<ChildProcess> {
    const kubeconfig = join(api.dir, 'lesser');
    await writeFile(kubeconfig, printKubeconfig({ endpoint: { server: lesser.url }, name: 'lesser' }), { mode: 0o600 });
    const args = ['controllers', '--only', 'cloud', '--cloud-provider', 'oci', '--kubeconfig', kubeconfig];
    const env = { ...process.env, POSTERN_LOG: 'debug' };
    const child = spawn(PROGRAM, [...args, '--cloud-config', await cloud.configFile()], { stdio: 'pipe', env });
    running = child;
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    const [first] = await Promise.race([once(child.stdout.setEncoding('utf8'), 'data'), once(child, 'exit')]);
    assert.equal(first, 'ready\n', said);
    return child;
  }

  async function get(name: string): Promise<Json> {
    return (await api.call('GET', `${SERVICES}/${name}`)).body;
  }

  async function done(method: string, path: string, body: Json, type = 'application/json'): Promise<void> {
    const { code, text } = await api.call(method, path, { body, type });
    assert.ok(code < 300, text);
  }

  function until<T>(look: () => Promise<T | undefined>): Promise<T> {
    return eventually(look, () => `it said:\n${said.slice(-4000)}`);
  }
}
