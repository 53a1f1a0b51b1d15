/**
 * The walkthrough: a virtual machine exposed by a Service, from the first manifest to the last clean-up. Each step does
 * what a user would do and checks what a user would see.
 */
import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { RESTART_REQUIRED } from '../../api/kubevirt/v1/virtualmachine.ts';
import { isTrue } from '../../api/meta/conditions.ts';
import { familyOf } from '../../lib/ip.ts';
import { deleteAll } from './clean-up.ts';
import { CLIENT_GUEST, type Cluster, example, GUESTS, NAMESPACE, NODE_PORT, SERVICE_DOMAIN } from './cluster.ts';
import { endpointsOf, instance, machine, nodes, readyEndpoints, service, url, whyNotReady } from './look.ts';
import { describe, requests } from './requests.ts';

export interface Step {
  readonly title: string;
  run(cluster: Cluster): Promise<void>;
}

const BOOT_LIMIT = 60_000;
const API_LIMIT = 10_000;
const FETCH_SECONDS = '5';
const REQUESTS = 30;

export const STEPS: readonly Step[] = [
  { title: 'Two virtual machines, and a third to be a client', run: applyMachines },
  { title: 'A Service for them, which has no endpoints yet', run: applyService },
  { title: 'The label that the Service selects, added to the template', run: addLabel },
  { title: 'A restart takes the new template, and the guests become endpoints', run: restartMachines },
  { title: 'The Service, as kubectl shows it', run: showService },
  { title: 'From another virtual machine and from a node: cluster IP and name', run: reachInside },
  { title: 'From outside: the node port, on every node', run: reachNodePort },
  { title: 'From outside: an address of the LAN', run: reachLoadBalancer },
  { title: 'Both guests answer; one is killed; nobody notices', run: killGuest },
  { title: 'Everything deleted, and nothing left behind', run: deleteAll },
];

async function applyMachines(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  await cluster.kubectl(['apply', '-f', example(cluster, 'example-namespace.yaml')]);
  await cluster.kubectl(['apply', '-f', example(cluster, 'example-vm.yaml')]);
  await cluster.kubectl(['apply', '-f', example(cluster, 'client-vm.yaml')]);
  const names = [...GUESTS, CLIENT_GUEST];
  await walk.until(
    'the guests to boot',
    BOOT_LIMIT,
    () => allReady(cluster, names),
    () => whyNotReady(cluster, names),
  );
  await cluster.kubectl(['get', 'virtualmachineinstances', '-n', NAMESPACE]);
  const [first, second] = await Promise.all(GUESTS.map((name) => instance(cluster, name)));
  const found = `${first?.status?.nodeName} and ${second?.status?.nodeName}`;
  walk.check('both guests run', first?.status?.phase === 'Running' && second?.status?.phase === 'Running', found);
  walk.check('they run on two different nodes', first?.status?.nodeName !== second?.status?.nodeName, found);
}

async function applyService(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  const applied = await cluster.kubectl(['apply', '-f', example(cluster, 'example-service.yaml')]);
  walk.check('the Service is accepted', applied.code === 0, applied.output);
  const { spec } = await service(cluster);
  walk.check(
    'it has a cluster IP of each family',
    familiesOf(spec?.clusterIPs ?? []) === 'IPv4 IPv6',
    spec?.clusterIPs,
  );
  walk.check('it has the node port it asked for', spec?.ports?.[0]?.nodePort === NODE_PORT, spec?.ports?.[0]?.nodePort);
  const endpoints = await readyEndpoints(cluster);
  walk.check('it has no endpoints', endpoints.length === 0, endpoints);
  const why = await cluster.postern(['why', 'service', 'example-service', '-n', NAMESPACE]);
  walk.check(
    'Postern says why: no virtual machine carries the label',
    /special[=:] ?"?key/.test(why.output),
    why.output,
  );
}

async function addLabel(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  walk.say('spec.template.metadata.labels gets "special: key" in both manifests, and they are applied again.');
  await cluster.kubectl(['apply', '-f', '-'], {
    shown: 'kubectl apply -f - # examples/example-vm.yaml with that label',
    input: withLabel(await readFile(example(cluster, 'example-vm.yaml'), 'utf8')),
  });
  for (const name of GUESTS) {
    const condition = await walk.until(`condition ${RESTART_REQUIRED} of ${name}`, API_LIMIT, async () =>
      (await machine(cluster, name))?.status?.conditions?.find(
        ({ type, status }) => type === RESTART_REQUIRED && status === 'True',
      ),
    );
    walk.check(
      `${name} shows ${RESTART_REQUIRED} and names the label`,
      condition.message?.includes('special') ?? false,
      condition.message,
    );
  }
  await cluster.kubectl([
    ...['get', 'virtualmachines', '-n', NAMESPACE, '-o'],
    `jsonpath={range .items[*]}{.metadata.name}{"\\t"}{.status.conditions[?(@.type=="${RESTART_REQUIRED}")].message}{"\\n"}{end}`,
  ]);
  const endpoints = await readyEndpoints(cluster);
  walk.check('still no endpoints', endpoints.length === 0, endpoints);
  await cluster.postern(['why', 'service', 'example-service', '-n', NAMESPACE]);
}

async function restartMachines(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  const [first, second] = GUESTS;
  await cluster.postern(['vm', 'restart', first, '-n', NAMESPACE]);
  const one = await walk.until(
    `${first} to become an endpoint`,
    BOOT_LIMIT,
    () => endpointsOf(cluster, [first]),
    () => whyNotReady(cluster, [first]),
  );
  walk.check(`${first} is an endpoint, IPv4 and IPv6`, one.length === 2, one);
  await cluster.postern(['vm', 'restart', second, '-n', NAMESPACE]);
  const both = await walk.until(
    `${second} to become an endpoint`,
    BOOT_LIMIT,
    () => endpointsOf(cluster, GUESTS),
    () => whyNotReady(cluster, [second]),
  );
  walk.check(`${second} follows, IPv4 and IPv6`, both.length === 4, both);
  await cluster.kubectl(['get', 'endpointslices', '-n', NAMESPACE]);
}

async function showService(cluster: Cluster): Promise<void> {
  const shown = await cluster.kubectl(['get', 'service', '-n', NAMESPACE]);
  const [header = '', row = ''] = shown.output.split('\n');
  cluster.walk.check(
    'kubectl prints it as it prints any Service',
    /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE/.test(header) &&
      /^example-service +NodePort +\S+ +<none> +80:30000\/TCP +\S+/.test(row),
    shown.output,
  );
}

async function reachInside(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  const clusterIPs = (await service(cluster)).spec?.clusterIPs ?? [];
  for (const host of [...clusterIPs, SERVICE_DOMAIN]) {
    const fromGuest = await cluster.inGuest(CLIENT_GUEST, ['timeout', FETCH_SECONDS, 'wget', '-qO-', url(host)]);
    checkAnswer(cluster, `a virtual machine reaches ${host}`, fromGuest);
    const fromNode = await cluster.at('node1', ['curl', '-sS', '-m', FETCH_SECONDS, url(host)]);
    checkAnswer(cluster, `a node reaches ${host}`, fromNode);
  }
  const answer = await cluster.inGuest(CLIENT_GUEST, ['nslookup', SERVICE_DOMAIN]);
  walk.check(
    'the name stands for both cluster IPs',
    clusterIPs.length === 2 && clusterIPs.every((ip) => answer.output.includes(ip)),
    answer.output,
  );
}

async function reachNodePort(cluster: Cluster): Promise<void> {
  for (const node of await nodes(cluster)) {
    for (const address of node.addresses) {
      const answer = await cluster.at('client', ['curl', '-sS', '-m', FETCH_SECONDS, url(address, NODE_PORT)]);
      checkAnswer(cluster, `${node.name} answers on its ${familyOf(address)} address, port ${NODE_PORT}`, answer);
    }
    cluster.walk.check(
      `${node.name} has an address of each family`,
      familiesOf(node.addresses) === 'IPv4 IPv6',
      node.addresses,
    );
  }
}

async function reachLoadBalancer(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  await cluster.kubectl(['apply', '-f', example(cluster, 'lan-pool.yaml')]);
  await cluster.kubectl([
    'patch',
    'service',
    'example-service',
    '-n',
    NAMESPACE,
    '-p',
    '{"spec":{"type":"LoadBalancer"}}',
  ]);
  const addresses = await walk.until('load balancer addresses', API_LIMIT, async () => {
    const found = await loadBalancerAddresses(cluster);
    return found.length === 2 ? found : undefined;
  });
  walk.check('it has an address of each family from the pool', familiesOf(addresses) === 'IPv4 IPv6', addresses);
  await cluster.kubectl(['get', 'service', '-n', NAMESPACE]);
  for (const address of addresses) {
    const family = familyOf(address);
    const answer = await cluster.at('client', ['curl', '-sS', '-m', FETCH_SECONDS, url(address)]);
    checkAnswer(cluster, `the client reaches ${address} over the LAN`, answer);
    const neighbour = await cluster.at('client', ['ip', 'neigh', 'show', 'to', address]);
    walk.check(
      `a node answered ${family === 'IPv4' ? 'ARP' : 'NDP'} for ${address}`,
      /lladdr ([0-9a-f]{2}:){5}/.test(neighbour.output),
      neighbour.output,
    );
  }
}

async function killGuest(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  const addresses = await loadBalancerAddresses(cluster);
  const [survivor, victim] = GUESTS;
  const before = await requests(cluster, addresses, REQUESTS);
  walk.check(
    `${REQUESTS} requests reach both guests and none fails`,
    before.failed === 0 && GUESTS.every((name) => (before.answers.get(name) ?? 0) > 0),
    describe(before),
  );

  const killed = await cluster.at('node1', ['pkill', '-KILL', '-f', `guest=${NAMESPACE}/${victim}[, ]`]);
  walk.check(`${victim} is killed, as by a crash`, killed.code === 0, killed.output);
  await walk.until(`${victim} to leave the endpoints`, API_LIMIT, () => endpointsOf(cluster, [survivor]));
  walk.check('it leaves the endpoints', true);
  const during = await requests(cluster, addresses, REQUESTS);
  walk.check('no later request fails', during.failed === 0, describe(during));

  walk.say(`${victim} has runStrategy Always, so it is started again.`);
  const both = await walk.until(
    `${victim} to return`,
    BOOT_LIMIT,
    () => endpointsOf(cluster, GUESTS),
    () => whyNotReady(cluster, [victim]),
  );
  walk.check('started again, it returns', both.length === 4, both);
  const after = await requests(cluster, addresses, REQUESTS);
  walk.check(
    'both guests answer again',
    after.failed === 0 && GUESTS.every((name) => (after.answers.get(name) ?? 0) > 0),
    describe(after),
  );
}

async function allReady(cluster: Cluster, names: readonly string[]): Promise<true | undefined> {
  const all = await Promise.all(names.map((name) => instance(cluster, name)));
  return all.every((vmi) => isTrue(vmi?.status?.conditions, 'Ready')) ? true : undefined;
}

async function loadBalancerAddresses(cluster: Cluster): Promise<readonly string[]> {
  const { status } = await service(cluster);
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
}

function checkAnswer(cluster: Cluster, what: string, answer: { readonly code: number; readonly output: string }): void {
  const name = answer.output.trim();
  cluster.walk.check(what, answer.code === 0 && (GUESTS as readonly string[]).includes(name), name);
}

function familiesOf(addresses: readonly string[]): string {
  return addresses
    .map((address) => familyOf(address))
    .sort()
    .join(' ');
}

/** The manifests with the label that the Service selects in each template. */
export function withLabel(manifests: string): string {
  const documents = parseAllDocuments(manifests);
  for (const document of documents) document.setIn(['spec', 'template', 'metadata', 'labels', 'special'], 'key');
  return documents.map((document) => document.toString()).join('---\n');
}
