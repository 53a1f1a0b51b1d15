/**
 * A node's pod network, for tests, which run this in the network namespace of the node: `node node.program.ts NAME STATE_DIR MODE`. Told
 * what to do by a JSON text per line, and answers with one.
 */
import { createInterface } from 'node:readline';
import { Node } from '../../api/core/v1/node.ts';
import { fakeClient } from '../../client/fake.ts';
import { createLogger } from '../../host/log.ts';
import { mustParseCIDR, printIP } from '../../lib/ip.ts';
import { cleanupPodNetwork, startPodNetwork } from '../network.ts';
import type { PodNetwork } from '../pod-network.ts';
import type { PodNetworkMode } from '../routes/desired.ts';
import type { Order } from './lans.ts';

const [, , nodeName = '', stateDir = '', mode = 'auto', ...podCIDRs] = process.argv;
const client = fakeClient([]);
const CLUSTER = ['10.244.0.0/16', 'fd00:10:244::/48'];

let ending = new AbortController();
let network: PodNetwork | undefined;

async function start(as: PodNetworkMode): Promise<undefined> {
  ending = new AbortController();
  network = await startPodNetwork(
    {
      ...{ client, nodeName, stateDir, mode: as, lanInterface: 'lan', clusterDomain: 'cluster.local' },
      podCIDRs: podCIDRs.map(mustParseCIDR),
      clusterCIDRs: CLUSTER.map(mustParseCIDR),
      log: createLogger(nodeName),
    },
    ending.signal,
  );
}

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'node':
      return client.seed(order.node);
    case 'no-node':
      return client.remove(Node, { name: order.name });
    case 'attach': {
      const { name, namespace } = order;
      const request = { podUID: name, podKey: `ns/${name}`, hostname: name, namespace, sandbox: `sandbox-of-${name}` };
      const { addresses, mtu } = (await network?.attach(request)) ?? { addresses: [] };
      return { addresses: addresses.map(printIP), mtu };
    }
    case 'start':
      return start(order.mode ?? (mode as PodNetworkMode));
    case 'stop':
      return ending.abort();
    case 'clean-up':
      ending.abort();
      return cleanupPodNetwork();
  }
}

const say = (answer: object) => process.stdout.write(`${JSON.stringify(answer)}\n`);

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, ...order } = JSON.parse(line) as Order & { readonly id: number };
    void obey(order as Order).then(
      (result) => say({ id, result: result ?? null }),
      (error: unknown) => say({ id, error: error instanceof Error ? error.stack : String(error) }),
    );
  })
  .on('close', () => process.exit(0));
