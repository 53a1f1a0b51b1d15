/** Keeps the routes to the other nodes' guests in line with the Node objects. The cost of a change is that of one node. */
import { Node } from '../../api/core/v1/node.ts';
import type { Client } from '../../client/client.ts';
import { runController } from '../../client/controller.ts';
import type { Informer } from '../../client/informer.ts';
import { Informers } from '../../client/informers.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Logger } from '../../host/log.ts';
import type { RunCommand } from '../../host/process.ts';
import { applyRoutes, listRoutes } from './apply.ts';
import { desiredRoutes, type Route } from './desired.ts';
import { diffRoutes } from './diff.ts';

export interface RouteOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  readonly lanInterface?: string;
  readonly log: Logger;
  readonly run: RunCommand;
}

/** Runs until the signal is aborted. The routes stay then. */
export async function runRoutes(options: RouteOptions, signal: AbortSignal): Promise<void> {
  const { nodeName, lanInterface, log, run, informers = new Informers(options) } = options;
  const queue = new WorkQueue();
  const nodes = informers.of(Node);
  /** What the kernel has for each node, as far as we put it there. */
  const applied = new Map<string, readonly Route[]>();
  nodes.onChange(({ key }) => {
    if (key !== nodeName) queue.add(key);
  });
  void informers.start(signal);
  await nodes.synced;

  const wanted = nodes.list().filter((node) => node.metadata.name !== nodeName);
  const all = new Set(wanted.flatMap(desiredRoutes).map((route) => route.destination));
  const stale = (await listRoutes(run)).filter((route) => !all.has(route.destination));
  await applyRoutes(diffRoutes(stale, []), lanInterface, run);

  const reconcile = async (key: string) => {
    const node = nodes.get(key);
    const desired = node === undefined ? [] : desiredRoutes(node);
    const changes = diffRoutes(applied.get(key) ?? [], desired);
    if (changes.length === 0) return;
    // Known as applied only once it succeeded; `replace` may be repeated, and what is already gone is no failure.
    await applyRoutes(
      changes.filter((change) => change.kind === 'replace'),
      lanInterface,
      run,
    );
    await removeGone(
      changes.filter((change) => change.kind === 'delete').map(({ route }) => route),
      nodes,
    );
    applied.set(key, desired);
    log.info({ node: key, changes }, 'routes changed');
  };
  const removeGone = async (routes: readonly Route[], cache: Informer<Node>) => {
    // A prefix that has moved to another node belongs to that one now.
    const claimed = new Set(
      routes.length === 0
        ? []
        : cache
            .list()
            .flatMap(desiredRoutes)
            .map((route) => route.destination),
    );
    const present = routes.length === 0 ? [] : await listRoutes(run);
    const gone = routes.filter(
      (route) => !claimed.has(route.destination) && present.some((other) => other.destination === route.destination),
    );
    await applyRoutes(diffRoutes(gone, []), lanInterface, run);
  };
  await runController({ name: 'routes', queue, reconcile, workers: 1, log }, signal);
}
