/** The walkthrough's last step: everything deleted, and nothing left behind. */
import { type Cluster, example, NAMESPACE, NODE_PORT } from './cluster.ts';
import { nodes, service } from './look.ts';

const CLEAN_LIMIT = 10_000;

/** What packets were counted by: the proxy's statistics, which lead nowhere and end an hour after the last packet. */
const COUNTED = / counter packets \d+ bytes \d+ expires /;

/** Deletes what the walkthrough made, and looks for what is left of it. */
export async function deleteAll(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  const freed = (await service(cluster)).spec?.clusterIPs ?? [];
  await cluster.kubectl(['delete', '--ignore-not-found', '-f', example(cluster, 'lan-pool.yaml')]);
  await cluster.kubectl(['delete', 'namespace', NAMESPACE], { timeout: 120_000 });
  const again = await cluster.kubectl(['apply', '-f', '-'], {
    shown: 'kubectl apply -f - # another Service that asks for the same cluster IPs and node port',
    input: JSON.stringify(claimAgain(freed)),
  });
  walk.check('cluster IPs and node port are free again', again.code === 0, again.output);
  await cluster.kubectl(['delete', 'service', 'claims-again', '-n', 'default']);
  for (const { name } of await nodes(cluster)) {
    const left = await walk
      .until(`${name} to be clean`, CLEAN_LIMIT, async () => {
        const found = await leftOn(cluster, name, freed);
        return found.length === 0 ? found : undefined;
      })
      .catch(async () => leftOn(cluster, name, freed));
    walk.check(`${name} has no guest, tap or rule left`, left.length === 0, left);
  }
}

/** What of the walkthrough is still there on a node: taps, guests, rules that name its addresses. */
async function leftOn(cluster: Cluster, node: string, addresses: readonly string[]): Promise<readonly string[]> {
  const quiet = { quiet: true };
  const [links, guests, rules] = await Promise.all([
    cluster.at(node, ['ip', '-o', 'link', 'show', 'type', 'tun'], quiet),
    cluster.at(node, ['pgrep', '-a', 'qemu'], quiet),
    cluster.at(node, ['nft', 'list', 'ruleset'], quiet),
  ]);
  return [
    ...links.output.split('\n').filter((line) => line !== ''),
    ...(guests.code === 0 ? guests.output.split('\n').filter((line) => line !== '') : []),
    ...rules.output
      .split('\n')
      .filter((line) => !COUNTED.test(line) && addresses.some((address) => line.includes(address))),
  ];
}

function claimAgain(clusterIPs: readonly string[]): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'claims-again', namespace: 'default' },
    spec: {
      type: 'NodePort',
      ipFamilyPolicy: 'RequireDualStack',
      clusterIP: clusterIPs[0],
      clusterIPs,
      ports: [{ port: 80, nodePort: NODE_PORT }],
    },
  };
}
