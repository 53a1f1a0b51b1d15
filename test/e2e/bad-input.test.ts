/**
 * What a user gets for a mistake, through the real kubectl: the field, what was found, what is allowed, what to do, and
 * nothing half-done.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CommandError, runCommand } from '../../src/host/process.ts';
import { startServer, type TestServer } from './server.ts';

let server: TestServer;

before(async () => {
  server = await startServer();
  await server.kubectl(['create', 'namespace', 'shop']);
});

after(async () => {
  await server.stop();
});

/** Applies a manifest that must be refused, and returns what kubectl said. */
async function refused(manifest: string): Promise<string> {
  try {
    await runCommand(['kubectl', 'apply', '-f', '-'], { input: manifest, env: { KUBECONFIG: server.kubeconfig } });
  } catch (error) {
    assert.ok(error instanceof CommandError);
    return error.stderr;
  }
  assert.fail('the manifest was accepted');
}

const service = (name: string, spec: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: ${spec}
`;

interface Case {
  readonly what: string;
  readonly manifest: string;
  readonly says: readonly RegExp[];
  /** kubectl's name of an object that must not exist afterwards. */
  readonly absent: string;
}

const cases: readonly Case[] = [
  {
    what: 'ports as a mapping instead of a list',
    manifest: service(
      'mapped',
      '\n  type: NodePort\n  selector: { special: key }\n  ports:\n    port: 80\n    targetPort: 9376\n    nodePort: 30001',
    ),
    says: [/spec\.ports/, /mapping/, /list/, /- /],
    absent: 'service/mapped',
  },
  {
    what: 'a node port outside the range',
    manifest: service('low', '{ type: NodePort, ports: [{ port: 80, nodePort: 80 }] }'),
    says: [/spec\.ports\[0\]\.nodePort/, /80/, /30000-32767/],
    absent: 'service/low',
  },
  {
    what: 'a malformed cluster IP',
    manifest: service('odd', '{ clusterIP: 10.96.0.256, ports: [{ port: 80 }] }'),
    says: [/spec\.clusterIPs?/, /10\.96\.0\.256/],
    absent: 'service/odd',
  },
  {
    what: 'a cluster IP outside the range',
    manifest: service('far', '{ clusterIP: 192.0.2.1, ports: [{ port: 80 }] }'),
    says: [/spec\.clusterIPs?/, /192\.0\.2\.1/, /10\.96\.0\.0\/16/],
    absent: 'service/far',
  },
  {
    what: 'a port that is text',
    manifest: service('text', '{ ports: [{ port: eighty }] }'),
    says: [/spec\.ports\[0\]\.port/, /eighty/],
    absent: 'service/text',
  },
  {
    what: 'a field that does not exist',
    manifest: service('typo', '{ selektor: { a: b }, ports: [{ port: 80 }] }'),
    says: [/selektor/],
    absent: 'service/typo',
  },
  {
    what: 'an address pool with a malformed range',
    manifest:
      'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: { name: bad, namespace: shop }\nspec: { addresses: ["192.168.1.9-192.168.1.2"] }',
    says: [/spec\.addresses\[0\]/, /192\.168\.1\.9-192\.168\.1\.2/],
    absent: 'ipaddresspool/bad',
  },
  {
    what: 'a virtual machine with both running and runStrategy',
    manifest:
      'apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: { name: both, namespace: shop }\nspec:\n  running: true\n  runStrategy: Always\n  template: { spec: { domain: { devices: {}, memory: { guest: 64Mi } } } }',
    says: [/spec\.running/, /runStrategy/i],
    absent: 'virtualmachine/both',
  },
];

for (const { what, manifest, says, absent } of cases) {
  test(`${what} is refused with what to do`, async () => {
    const said = await refused(manifest);
    for (const pattern of says) assert.match(said, pattern);
    assert.doesNotMatch(said, /\n\s+at .*\.ts:/, 'no stack trace');
    await assert.rejects(server.kubectl(['get', '-n', 'shop', absent]), /NotFound/);
  });
}

test('an unknown kind is named, with what could be meant', async () => {
  assert.match(await refused('apiVersion: v1\nkind: Servise\nmetadata: { name: x, namespace: shop }'), /Servise/);
});

test('a taken node port is refused by its field, and takes nothing', async () => {
  await server.kubectl(
    ['apply', '-f', '-'],
    service('first', '{ type: NodePort, ports: [{ port: 80, nodePort: 30123 }] }'),
  );
  const said = await refused(
    service(
      'second',
      '{ type: NodePort, ports: [{ port: 80, nodePort: 30123 }, { name: b, port: 81, nodePort: 30124 }] }',
    ).replace('port: 80,', 'name: a, port: 80,'),
  );
  assert.match(said, /spec\.ports\[0\]\.nodePort/);
  assert.match(said, /30123/);
  assert.match(said, /already allocated/);
  // The port that was free is not lost with the one that was not.
  await server.kubectl(
    ['apply', '-f', '-'],
    service('third', '{ type: NodePort, ports: [{ port: 80, nodePort: 30124 }] }'),
  );
});

test('an exhausted address pool leaves the Service without an address and says why', async () => {
  const pool =
    'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: { name: tiny, namespace: shop }\nspec: { addresses: ["192.0.2.7/32"] }';
  await server.kubectl(['apply', '-f', '-'], pool);
  await server.kubectl(['apply', '-f', '-'], service('lucky', '{ type: LoadBalancer, ports: [{ port: 80 }] }'));
  await server.kubectl([
    'wait',
    '-n',
    'shop',
    '--for=jsonpath={.status.loadBalancer.ingress[0].ip}=192.0.2.7',
    'service/lucky',
    '--timeout=10s',
  ]);
  await server.kubectl(['apply', '-f', '-'], service('late', '{ type: LoadBalancer, ports: [{ port: 80 }] }'));
  const said = await server.eventually(async () => {
    const { stdout } = await server.kubectl([
      'get',
      'events',
      '-n',
      'shop',
      '--field-selector',
      'involvedObject.name=late',
      '-o',
      'jsonpath={.items[*].message}',
    ]);
    return stdout.includes('tiny') ? stdout : undefined;
  });
  assert.match(said, /tiny/);
  const { stdout } = await server.kubectl(['get', 'service', '-n', 'shop', 'late']);
  assert.match(stdout, /<pending>/);
});
