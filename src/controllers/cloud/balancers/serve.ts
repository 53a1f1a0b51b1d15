/** Has a provider serve one Service, and writes into the Service what came of it. */
import type { Node } from '../../../api/core/v1/node.ts';
import { Service } from '../../../api/core/v1/service.ts';
import { keyOf, keyText } from '../../../api/meta/v1.ts';
import type { Client } from '../../../client/client.ts';
import type { EventRecorder } from '../../../client/events.ts';
import { ignoreNotFound } from '../../../client/expected.ts';
import type { Clock } from '../../../host/clock.ts';
import type { Logger } from '../../../host/log.ts';
import type { Contests } from '../../contests.ts';
import type { Ensured, LoadBalancerProvider } from '../provider.ts';
import { attempt } from './attempt.ts';
import type { Lost } from './lost.ts';
import { marked } from './marks.ts';
import { isDue, type Standings, wishOf } from './standings.ts';
import { type Failed, statusPatch } from './status.ts';
import { tellBegin, tellContested, tellEnd } from './tell.ts';

export interface ServeParts {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  readonly standings: Standings;
  /** Asks to be called again for a key, in milliseconds. */
  readonly later: (key: string, ms: number) => void;
  readonly contests: Contests;
  /** Is told of marks that we take off ourselves. */
  readonly lost: Lost;
}

export interface Backends {
  readonly nodes: readonly Node[];
  /** What of them is seen at the provider. */
  readonly facts: string;
}

/** Puts the finalizer, and who is about to make something. Answers with the Service as it then is; undefined: it is gone. */
export async function mark(service: Service, provider: string, { client }: ServeParts): Promise<Service | undefined> {
  const body = { metadata: marked(service, provider) };
  return client.patch(Service, keyOf(service), { type: 'merge', body }).catch(ignoreNotFound);
}

/** Asks the provider, where it is to be asked, and writes what it answers; else what it answered last. */
export async function ensure(
  service: Service,
  { provider, backends }: { readonly provider: LoadBalancerProvider; readonly backends: Backends },
  parts: ServeParts,
  signal: AbortSignal,
): Promise<void> {
  const { clock, standings, later } = parts;
  const key = keyText(keyOf(service));
  const before = standings.get(key);
  const wish = { service: wishOf(service), backends: backends.facts };
  if (before !== undefined && !isDue(before, wish, clock.steady())) {
    later(key, before.due - clock.steady());
    return write(service, before.outcome, parts);
  }
  const news = tellBegin(service, { before, wish, backends }, parts);
  const outcome = await attempt(() => provider.ensure(service, backends.nodes), signal);
  later(key, standings.note(key, wish, tellEnd(service, { before, outcome, news }, parts), clock.steady()));
  await write(service, outcome, parts);
}

/** What somebody else undoes is not written as fast as they can: the same again after a second, then two, up to a minute. */
async function write(service: Service, outcome: Ensured | Failed, parts: ServeParts): Promise<void> {
  const { client, clock, contests, later } = parts;
  const status = statusPatch(service, outcome, clock.now());
  if (status === undefined) return;
  const key = keyText(keyOf(service));
  const text = JSON.stringify({ ...outcome, cause: undefined });
  const wait = contests.wait(key, text, clock.steady());
  if (wait > 0) return later(key, wait);
  const body = { metadata: { uid: service.metadata.uid }, status };
  await client.patch(Service, keyOf(service), { type: 'strategic', body }, 'status').catch(ignoreNotFound);
  if (contests.wrote(key, text, clock.steady())) tellContested(service, parts);
}
