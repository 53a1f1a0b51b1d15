/** The real kubectl against the real server: the judge of what is to the letter. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { CommandError, runCommand } from '../host/process.ts';
import { skipWithoutKubectl } from './testing/kubectl.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const skip = skipWithoutKubectl();
let api: TestServer;
let kubeconfig: string;
before(async () => {
  if (skip) return;
  api = await startTestServer();
  kubeconfig = await api.kubeconfig();
  await mkdir(join(api.dir, 'home'));
});
after(() => api?.close());

const environment = () => ({ KUBECONFIG: kubeconfig, HOME: join(api.dir, 'home') });

async function kubectl(...args: readonly string[]): Promise<string> {
  const { stdout } = await runCommand(['kubectl', ...args], { env: environment(), cwd: api.dir });
  return stdout;
}
async function apply(manifest: string, ...args: readonly string[]): Promise<string> {
  const options = { env: environment(), cwd: api.dir, input: manifest };
  return (await runCommand(['kubectl', 'apply', '-f', '-', ...args], options)).stdout;
}
/** What kubectl says when it fails. */
async function refused(run: Promise<string>): Promise<string> {
  try {
    await run;
  } catch (error) {
    assert.ok(error instanceof CommandError);
    return error.stderr;
  }
  return assert.fail('kubectl did not fail');
}

/** One manifest of each kind, and the columns that `kubectl get` shows. */
const MANIFESTS: Readonly<Record<string, { readonly name: string; readonly columns: RegExp; readonly yaml: string }>> =
  {
    namespace: {
      name: 'n1',
      columns: /^NAME +STATUS +AGE$/m,
      yaml: 'apiVersion: v1\nkind: Namespace\nmetadata: {name: n1}',
    },
    node: {
      name: 'n1',
      columns: /^NAME +STATUS +ROLES +AGE +VERSION$/m,
      yaml: 'apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nspec: {podCIDR: 10.244.1.0/24, podCIDRs: [10.244.1.0/24]}',
    },
    pod: {
      name: 'p1',
      columns: /^NAME +READY +STATUS +RESTARTS +AGE$/m,
      yaml: 'apiVersion: v1\nkind: Pod\nmetadata: {name: p1}\nspec: {containers: [{name: c, image: i}]}',
    },
    service: {
      name: 's1',
      columns: /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE$/m,
      yaml: 'apiVersion: v1\nkind: Service\nmetadata: {name: s1}\nspec: {type: NodePort, selector: {a: b}, ports: [{port: 80}]}',
    },
    endpoints: {
      name: 'e2',
      columns: /^NAME +ENDPOINTS +AGE$/m,
      yaml: 'apiVersion: v1\nkind: Endpoints\nmetadata: {name: e2}\nsubsets: [{addresses: [{ip: 10.244.1.2}], ports: [{port: 80, protocol: TCP}]}]',
    },
    endpointslice: {
      name: 'e1',
      columns: /^NAME +ADDRESSTYPE +PORTS +ENDPOINTS +AGE$/m,
      yaml: 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: e1}\naddressType: IPv4\nports: [{name: http, port: 80, protocol: TCP}]\nendpoints: [{addresses: [10.244.1.2], conditions: {ready: true}}]',
    },
    event: {
      name: 'ev1',
      columns: /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE$/m,
      yaml: 'apiVersion: v1\nkind: Event\nmetadata: {name: ev1}\ninvolvedObject: {kind: Service, name: s1, namespace: default}\ntype: Normal\nreason: Tested\nmessage: seen',
    },
    secret: {
      name: 'sec1',
      columns: /^NAME +TYPE +DATA +AGE$/m,
      yaml: 'apiVersion: v1\nkind: Secret\nmetadata: {name: sec1}\ndata: {password: aHVudGVyMg==}',
    },
    lease: {
      name: 'l1',
      columns: /^NAME +HOLDER +AGE$/m,
      yaml: 'apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: l1}\nspec: {holderIdentity: me}',
    },
    virtualmachine: {
      name: 'vm1',
      columns: /^NAME +AGE +STATUS +READY$/m,
      yaml: 'apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: vm1}\nspec: {runStrategy: Halted, template: {metadata: {labels: {a: b}}, spec: {domain: {memory: {guest: 128Mi}, devices: {}}}}}',
    },
    virtualmachineinstance: {
      name: 'vmi1',
      columns: /^NAME +AGE +PHASE +IP +NODENAME +READY$/m,
      yaml: 'apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstance\nmetadata: {name: vmi1}\nspec: {domain: {memory: {guest: 128Mi}, devices: {}}}',
    },
    virtualmachineinstancereplicaset: {
      name: 'vmirs1',
      columns: /^NAME +DESIRED +CURRENT +READY +AGE$/m,
      yaml: 'apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstanceReplicaSet\nmetadata: {name: vmirs1}\nspec: {replicas: 2, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {domain: {memory: {guest: 128Mi}, devices: {}}}}}',
    },
    ipaddresspool: {
      name: 'pool1',
      columns: /^NAME +AUTO ASSIGN +AVOID BUGGY IPS +ADDRESSES$/m,
      yaml: 'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: pool1}\nspec: {addresses: [192.0.2.10-192.0.2.20]}',
    },
    l2advertisement: {
      name: 'adv1',
      columns: /^NAME +/m,
      yaml: 'apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: adv1}\nspec: {ipAddressPools: [pool1]}',
    },
    servicel2status: {
      name: 'l2-1',
      columns: /^NAME +ALLOCATED NODE +SERVICE NAME +SERVICE NAMESPACE$/m,
      yaml: 'apiVersion: metallb.io/v1beta1\nkind: ServiceL2Status\nmetadata: {name: l2-1}\nspec: {}',
    },
  };

// Each has objects of its own, and every call of kubectl waits for the server and for itself.
describe('every kind', { concurrency: 3 }, () => {
  for (const [kind, { name, columns, yaml }] of Object.entries(MANIFESTS)) {
    test(`${kind}: applied, applied again, shown, described, labelled, edited, patched and deleted`, {
      skip,
    }, async () => {
      assert.match(await apply(yaml), /created$/m);
      assert.match(await apply(yaml), /unchanged$/m);
      assert.match(await kubectl('get', kind), columns);
      assert.match(await kubectl('describe', kind, name), new RegExp(`Name: +${name}`));
      assert.match(await kubectl('label', kind, name, 'x=before'), /labeled/);
      assert.equal(
        await kubectl('get', kind, '-l', 'x=before', '-o', 'name'),
        `${await kubectl('get', kind, name, '-o', 'name')}`,
      );
      const edit = { env: { ...environment(), EDITOR: 'sed -i s/before/after/' }, cwd: api.dir };
      assert.match((await runCommand(['kubectl', 'edit', kind, name], edit)).stdout, /edited/);
      assert.equal(await kubectl('get', kind, name, '-o', 'jsonpath={.metadata.labels.x}'), 'after');
      assert.match(
        await kubectl('patch', kind, name, '--type=merge', '-p', '{"metadata":{"labels":{"m":"1"}}}'),
        /patched/,
      );
      const json = '[{"op":"add","path":"/metadata/labels/j","value":"1"}]';
      assert.match(await kubectl('patch', kind, name, '--type=json', '-p', json), /patched/);
      assert.match(await kubectl('annotate', kind, name, 'n=o'), /annotated/);
      assert.match(await apply(yaml, '--server-side', '--force-conflicts'), /serverside-applied$/m);
      assert.match(await kubectl('explain', kind), /KIND: +/);
      // Nobody runs pods or empties namespaces here, so nobody is waited for.
      assert.match(await kubectl('delete', kind, name, '--wait=false'), /deleted/);
    });
  }
});

test('creates what kubectl has commands for, which it sends as protobuf', { skip }, async () => {
  assert.match(await kubectl('create', 'namespace', 'made'), /created/);
  assert.match(await kubectl('create', 'service', 'nodeport', 'web', '--tcp=80:8080', '--node-port=30080'), /created/);
  assert.equal(await kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].targetPort}'), '8080');
  const taken = await refused(kubectl('create', 'service', 'nodeport', 'web2', '--tcp=80', '--node-port=30080'));
  assert.match(taken, /spec.ports\[0\].nodePort: Invalid value: 30080: provided port is already allocated/);
});

test('makes a Secret, shows how much it holds, and what it holds only to who asks for it', { skip }, async () => {
  const literals = ['--from-literal=user=root', '--from-literal=password=hunter2'];
  assert.match(await kubectl('create', 'secret', 'generic', 'login', ...literals), /secret\/login created/);
  assert.match(await kubectl('get', 'secret', 'login'), /^login +Opaque +2 +/m);
  const described = await kubectl('describe', 'secret', 'login');
  assert.match(described, /^password: +7 bytes$/m);
  assert.ok(!described.includes('hunter2') && !described.includes('aHVudGVyMg=='), described);
  assert.equal(await kubectl('get', 'secret', 'login', '-o', 'jsonpath={.data.password}'), 'aHVudGVyMg==');
  assert.equal(await kubectl('get', 'secrets', '--field-selector=type=kubernetes.io/tls', '-o', 'name'), '');
  await kubectl('patch', 'secret', 'login', '-p', '{"stringData":{"password":"other"},"immutable":true}');
  assert.equal(await kubectl('get', 'secret', 'login', '-o', 'jsonpath={.data.password}'), 'b3RoZXI=');
  const fixed = await refused(kubectl('patch', 'secret', 'login', '-p', '{"data":{"user":null}}'));
  assert.match(fixed, /data: Forbidden: field is immutable when `immutable` is set/);
});

test('refuses BGP’s kinds with what to make instead, and lists none', { skip }, async () => {
  const bgp = ['metallb.io/v1beta2 BGPPeer', 'metallb.io/v1beta1 BGPPeer', 'metallb.io/v1beta1 BGPAdvertisement'];
  for (const text of [...bgp, 'metallb.io/v1beta1 BFDProfile', 'metallb.io/v1beta1 Community']) {
    const [apiVersion, kind] = text.split(' ');
    const manifest = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\nspec: {myASN: 64500}`;
    for (const options of [[], ['--server-side']]) {
      const why = await refused(apply(manifest, ...options));
      assert.match(why, /layer 2 is what is supported: announce the pool with an L2Advertisement/);
    }
    assert.equal(await kubectl('get', `${kind}.${apiVersion?.split('/')[1]}.metallb.io`, '-A', '-o', 'name'), '');
  }
});

test('patches strategically, and waits for conditions', { skip }, async () => {
  await apply(MANIFESTS['virtualmachine']?.yaml.replace('vm1', 'waited') ?? '');
  const status = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}';
  const waiting = kubectl('wait', 'vm/waited', '--for=condition=Ready', '--timeout=20s');
  await kubectl('patch', 'vm', 'waited', '--subresource=status', '--type=merge', '-p', status);
  assert.match(await waiting, /condition met/);
  await apply(
    'apiVersion: v1\nkind: Service\nmetadata: {name: two}\nspec: {ports: [{name: a, port: 1}, {name: b, port: 2}]}',
  );
  await kubectl('patch', 'service', 'two', '-p', '{"spec":{"ports":[{"port":2,"targetPort":22}]}}');
  assert.equal(await kubectl('get', 'service', 'two', '-o', 'jsonpath={.spec.ports[*].targetPort}'), '1 22');
});

test('scales a replica set, also only from the number that is expected', { skip }, async () => {
  await apply(MANIFESTS['virtualmachineinstancereplicaset']?.yaml.replace('vmirs1', 'scaled') ?? '');
  assert.match(await kubectl('scale', 'vmirs/scaled', '--replicas=5'), /scaled$/m);
  assert.match(await kubectl('get', 'vmirs', 'scaled'), /^scaled +5 +/m);
  assert.match(await kubectl('scale', 'vmirss', 'scaled', '--current-replicas=5', '--replicas=3'), /scaled$/m);
  const unexpected = await refused(kubectl('scale', 'vmirs', 'scaled', '--current-replicas=5', '--replicas=1'));
  assert.match(unexpected, /Expected replicas to be 5, was 3/);
  assert.equal(await kubectl('get', 'vmirs', 'scaled', '-o', 'jsonpath={.spec.replicas}'), '3');
  assert.equal(
    await kubectl('get', 'vmirs', 'scaled', '--subresource=scale', '-o', 'jsonpath={.kind} {.spec.replicas}'),
    'Scale 3',
  );
});

test('shows changes as they come with get -w', { skip }, async () => {
  const child = spawn('kubectl', ['get', 'leases', '-w'], { env: { ...process.env, ...environment() } });
  const printed = new Printed(child.stdout);
  try {
    await apply(
      'apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: watched}\nspec: {holderIdentity: first}',
    );
    await printed.until(/watched +first/);
    await kubectl('patch', 'lease', 'watched', '--type=merge', '-p', '{"spec":{"holderIdentity":"second"}}');
    await printed.until(/watched +second/);
  } finally {
    child.kill();
  }
});

/** All that a program has printed so far. */
class Printed {
  #text = '';
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on('data', (chunk) => {
      this.#text += String(chunk);
    });
  }

  async until(pattern: RegExp): Promise<void> {
    const limit = AbortSignal.timeout(20_000);
    while (!pattern.test(this.#text)) {
      await once(this.#stream, 'data', { signal: limit }).catch((cause) => {
        throw new Error(`${pattern} was not printed, but: ${this.#text}`, { cause });
      });
    }
  }
}

test('deletes and waits until it is gone', { skip }, async () => {
  await apply(MANIFESTS['lease']?.yaml ?? '');
  assert.match(await kubectl('delete', 'lease', 'l1', '--timeout=20s'), /deleted/);
  assert.match(await refused(kubectl('get', 'lease', 'l1')), /NotFound/);
});

test('says what is wrong with a manifest, a kind, or a user', { skip }, async () => {
  const mapping = 'apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec:\n  ports:\n    port: 80';
  assert.match(
    await refused(apply(mapping)),
    /spec.ports: found a mapping with the key port; spec.ports is a list: begin each port with '- '/,
  );
  const unknown = 'apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {prots: [], ports: [{port: 80}]}';
  assert.match(await refused(apply(unknown)), /unknown field "spec.prots"/);
  assert.match(
    await refused(apply('apiVersion: v1\nkind: Nothing\nmetadata: {name: bad}')),
    /no matches for kind "Nothing"/,
  );
  const eve = await api.pki.issueClientCertificate({ commonName: 'eve', organizations: ['users'] });
  const path = await api.kubeconfig(eve, 'eve');
  assert.match(await refused(kubectl('--kubeconfig', path, 'get', 'namespaces')), /Forbidden.*User "eve" cannot list/s);
  await writeFile(
    join(api.dir, 'anonymous'),
    `apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: "https://127.0.0.1:${api.server.port}", insecure-skip-tls-verify: true}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: wrong}}]\ncurrent-context: c\n`,
  );
  assert.match(
    await refused(kubectl('--kubeconfig', join(api.dir, 'anonymous'), 'get', 'namespaces')),
    /Unauthorized|logged in/,
  );
});

// Before 1.33, kubectl describes both kinds by their v1beta1, which no server has switched on.
test('servicecidr: applied, applied again, explained, shown and patched', { skip }, async () => {
  const yaml =
    'apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: more}\nspec: {cidrs: [10.200.0.0/24]}';
  assert.match(await apply(yaml), /created$/m);
  assert.match(await apply(yaml), /unchanged$/m);
  assert.match(await kubectl('get', 'servicecidrs'), /^NAME +CIDRS +AGE$/m);
  assert.match(await kubectl('get', 'servicecidrs'), /^more +10\.200\.0\.0\/24 +/m);
  assert.match(await kubectl('explain', 'servicecidr.spec.cidrs'), /FIELD: cidrs/);
  const wider = '{"spec":{"cidrs":["10.200.0.0/24","fd00:200::/112"]}}';
  assert.match(await kubectl('patch', 'servicecidr', 'more', '--type=merge', '-p', wider), /patched$/m);
  const other = '{"spec":{"cidrs":["10.201.0.0/24","fd00:200::/112"]}}';
  const why = await refused(kubectl('patch', 'servicecidr', 'more', '--type=merge', '-p', other));
  assert.match(why, /spec\.cidrs\[0\]: Invalid value: "10\.201\.0\.0\/24": field is immutable/);
});

test('ipaddress: applied, applied again, explained, shown and deleted', { skip }, async () => {
  const owner = '{group: a.example, resource: gateways, namespace: ns, name: g}';
  const yaml = `apiVersion: networking.k8s.io/v1\nkind: IPAddress\nmetadata: {name: 10.96.3.7}\nspec: {parentRef: ${owner}}`;
  assert.match(await apply(yaml), /created$/m);
  assert.match(await apply(yaml), /unchanged$/m);
  assert.match(await kubectl('get', 'ip', '10.96.3.7'), /^NAME +PARENTREF +AGE$/m);
  assert.match(await kubectl('explain', 'ipaddress.spec.parentRef'), /FIELD: parentRef/);
  assert.match(await kubectl('delete', 'ipaddress', '10.96.3.7'), /deleted/);
});
