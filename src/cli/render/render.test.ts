import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { mustParseCIDR, mustParseIP } from '../../lib/ip.ts';
import { UserError } from '../errors.ts';
import { readManifests } from './manifests.ts';
import { render } from './render.ts';

const WEB = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.10, ports: [{ port: 80, targetPort: 8080 }] }
`;
const SLICE = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: 8080 }]
endpoints: [{ addresses: [10.244.1.5] }]
`;
const DNS = WEB.replace('web', 'dns').replace('0.10', '0.53');
const HEADLESS = WEB.replace('web', 'headless').replace('10.96.0.10', 'None');
const node = {
  name: 'node1',
  addresses: [mustParseIP('192.0.2.1')],
  podCIDRs: [mustParseCIDR('10.244.1.0/24')],
  clusterCIDRs: [mustParseCIDR('10.244.0.0/16')],
};

async function manifests(t: TestContext, ...documents: string[]) {
  const file = join(tempDir(t), 'objects.yaml');
  await writeFile(file, documents.join('---\n'));
  return readManifests([file]);
}

test('the order of the manifests does not matter', async (t) => {
  const { text: one } = await render(await manifests(t, WEB, SLICE, DNS), node);
  assert.equal((await render(await manifests(t, DNS, SLICE, WEB), node)).text, one);
  assert.match(one, /10\.96\.0\.10 \. 80 \. 0 : 10\.244\.1\.5 \. 8080/);
  assert.match(one, /10\.96\.0\.53 \. tcp \. 80 : 6000:0\b/);
});

test('the mode iptables is a script for iptables-restore', async (t) => {
  const { text } = await render(await manifests(t, WEB, SLICE), node, 'iptables');
  assert.match(text, /^# iptables-restore --noflush\n\*/);
  assert.match(text, /-d 10\.96\.0\.10\/32 .*--dport 80 .*"default\/web"/);
  assert.match(text, /-j DNAT --to-destination 10\.244\.1\.5:8080/);
});

test('lists, as kubectl prints them, are their members', async (t) => {
  const list = `apiVersion: v1\nkind: List\nitems:\n- ${WEB.trim().replaceAll('\n', '\n  ')}\n`;
  assert.equal(
    (await render(await manifests(t, list, SLICE), node)).text,
    (await render(await manifests(t, WEB, SLICE), node)).text,
  );
});

test('Services without rules are named, and other kinds are passed over', async (t) => {
  const found = await manifests(t, HEADLESS, 'apiVersion: v1\nkind: Pod\nmetadata: { name: a }\n', '# nothing\n');
  assert.deepEqual((await render(found, node)).without, ['default/headless']);
  assert.equal(found.others, 1);
});

test('a mistake is told with file, object and field', async (t) => {
  const wrong = manifests(t, WEB.replace('[{ port: 80, targetPort: 8080 }]', '{ port: 80 }'));
  await assert.rejects(
    wrong,
    (error) => error instanceof UserError && /objects\.yaml, Service "web": spec\.ports: /.test(error.message),
  );
  await assert.rejects(manifests(t, 'a: ['), /objects\.yaml is not YAML/);
  await assert.rejects(manifests(t, 'a: 1\n'), /objects\.yaml, line 1: not a Kubernetes object/);
  await assert.rejects(readManifests(['/nonexistent/objects.yaml']), /cannot be read/);
});

test('a node is rendered as its proxy is set up', async (t) => {
  const objects = await manifests(t, WEB, SLICE);
  const set = { ...node, localPods: { kind: 'bridge', name: 'cni0' } as const, masqueradeAll: true };
  const { text } = await render(objects, set);
  assert.match(text, /iifname "?cni0"? jump inside/);
  assert.doesNotMatch(text, /node-pods/);
  assert.notEqual((await render(objects, { ...set, masqueradeAll: false })).text, text);
});
