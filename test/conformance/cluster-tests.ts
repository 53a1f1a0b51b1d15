/** Tests that share a cluster and are alone in a namespace each. */
import { after, before, it } from 'node:test';
import { type Cluster, type Place, startCluster } from './endpoints.ts';

/** What the tests of a file share. Only within a test are there a cluster and a namespace. */
export interface ClusterTests {
  readonly cluster: Cluster;
  /** The namespace of the test that runs. */
  readonly at: Place;
  /** A test with a namespace of its own. */
  rule(name: string, run: () => Promise<void>): void;
  /** Asks until the answer is as expected. */
  eventually<T>(ask: () => Promise<T>, expected: T): Promise<void>;
}

/** To be called once, at the top of a file of tests: the cluster lasts as long as they do. */
export function clusterTests(): ClusterTests {
  let cluster: Cluster | undefined;
  let at: Place | undefined;
  let count = 0;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster?.close());
  const running = (): Cluster => {
    if (cluster === undefined) throw new Error('there is no cluster outside of a test');
    return cluster;
  };
  return {
    get cluster() {
      return running();
    },
    get at() {
      if (at === undefined) throw new Error('there is no namespace outside of a test');
      return at;
    },
    rule(name, run) {
      it(name, async () => {
        at = await running().namespace(`ns-${++count}`);
        await run();
      });
    },
    eventually: (ask, expected) => running().eventually(ask, expected),
  };
}
