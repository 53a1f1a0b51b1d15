/** A node proxy in this process, over the API in memory and the kernel of this network namespace. */
import type { KubeObject } from '../../src/api/meta/v1.ts';
import type { ModeName } from '../../src/cli/proxy-mode.ts';
import { openModes } from '../../src/cli/wiring/proxy-modes.ts';
import { type FakeClient, fakeClient } from '../../src/client/fake.ts';
import { openLibnftables } from '../../src/host/libnftables.ts';
import { createLogger } from '../../src/host/log.ts';
import { mustParseCIDR, mustParseIP } from '../../src/lib/ip.ts';
import { type RunningProxy, startProxy } from '../../src/proxy/proxy.ts';

const LOCALITY = {
  podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR),
  clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR),
};

export interface Running extends RunningProxy {
  readonly client: FakeClient;
  /** Milliseconds from the start until the kernel had everything. */
  readonly startTime: number;
  /** Milliseconds of processor time in it, of all threads and the kernel: other programs hardly change it. */
  readonly startWork: number;
  /** Resolves after the next transaction that takes effect. */
  next(): Promise<void>;
  stop(): Promise<void>;
}

export async function runProxy(objects: readonly KubeObject[], name: ModeName): Promise<Running> {
  const client = fakeClient(objects);
  const runner = await openLibnftables();
  const { mode } = await openModes(name, LOCALITY, runner);
  const ended = new AbortController();
  let synced = () => {};
  const [started, before] = [performance.now(), process.cpuUsage()];
  const proxy = await startProxy(
    {
      ...{ client, mode, nodeName: 'node1', log: createLogger('bench') },
      nodeAddresses: () => [mustParseIP('192.168.1.1'), mustParseIP('fd00:1::1')],
      onSynced: () => synced(),
    },
    ended.signal,
  );
  const startTime = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  return {
    ...proxy,
    ...{ client, startTime, startWork: (user + system) / 1000 },
    next: () =>
      new Promise((resolve) => {
        synced = resolve;
      }),
    stop: async () => {
      ended.abort();
      await proxy.stopped;
      await runner.close();
    },
  };
}
