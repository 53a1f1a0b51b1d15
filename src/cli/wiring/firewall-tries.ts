/** What a node's agent tries of what other nodes expose, and where it is asked about that. */
import { Node } from '../../api/core/v1/node.ts';
import type { Client } from '../../client/client.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { Informers } from '../../client/informers.ts';
import type { FirewallPolicy } from '../../firewall/exposure/policy.ts';
import { connector } from '../../firewall/verify/connect.ts';
import { Refusals } from '../../firewall/verify/refusals.ts';
import { TRIES_ANNOTATION } from '../../firewall/verify/summary.ts';
import { layTriesTable, pastProxy, removeTriesTable } from '../../firewall/verify/untranslated.ts';
import { startVerifier } from '../../firewall/verify/verifier.ts';
import { systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import type { ListenAddress } from '../../proxy/health/listen.ts';
import { serveTries } from '../firewall/serve.ts';
import { listenInDirectory } from '../l2/listen.ts';

export interface TriesParts {
  readonly client: Client;
  readonly informers: Informers;
  readonly nodeName: string;
  /** By which connections to other nodes leave. */
  readonly lanInterface: string;
  readonly firewallPolicy: FirewallPolicy;
  /** Without it, addresses of load balancers are not tried. */
  readonly runner?: NftRunner;
  /** Where it is asked what came of them. */
  readonly serve: readonly ListenAddress[];
  readonly log: Logger;
}

/** Tries until the signal is aborted; resolves when it has ended. */
export async function tryOthers(parts: TriesParts, signal: AbortSignal): Promise<void> {
  const { lanInterface, firewallPolicy: policy, runner, serve: at, log } = parts;
  const refusals = new Refusals();
  await refusals.listen(lanInterface, log, signal);
  if (signal.aborted) return;
  const connect = connector(refusals);
  if (runner !== undefined) await layTriesTable(runner);
  const past = runner && { connectPastProxy: pastProxy(runner, connect) };
  const verifier = startVerifier({ ...parts, ...past, policy, connect }, signal);
  const served = serveTries({ verifier, at, listen: listenInDirectory, clock: systemClock, log });
  await verifier.stopped;
  await served.close();
  if (runner !== undefined) await removeTriesTable(runner);
}

/** Has other nodes know that this one neither tries nor is to be tried, as after an earlier run that did. */
export async function tryNobody({
  client,
  informers,
  nodeName,
  log,
}: Pick<TriesParts, 'client' | 'informers' | 'nodeName' | 'log'>): Promise<void> {
  const node = informers.of(Node).get({ name: nodeName });
  if (node?.metadata.annotations?.[TRIES_ANNOTATION] === undefined) return;
  const body = { metadata: { annotations: { [TRIES_ANNOTATION]: null } } };
  await client
    .patch(Node, { name: nodeName }, { type: 'merge', body })
    .catch(ignoreNotFound)
    .catch((err: unknown) => log.warn({ err }, 'other nodes may still try the ports of this one'));
}
