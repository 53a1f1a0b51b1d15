/** Which rule or device keeps a connection from its port, as far as it can be told. */
import { Event } from '../../api/core/v1/event.ts';
import { type KubeObject, keyOf } from '../../api/meta/v1.ts';
import type { Client } from '../../client/client.ts';
import type { Opening } from '../backend.ts';
import { admissionText, BLOCKED, blockedMessage } from '../reasons.ts';
import type { Outcome } from './outcome.ts';
import { outcomeText } from './outcome.ts';

export interface Blocked {
  readonly opening: Opening;
  readonly outcome: Outcome;
  readonly target: string;
  /** The target's own addresses, and those of the trier. */
  readonly addresses: { readonly target: readonly string[]; readonly trier: readonly string[] };
  readonly trier: string;
}

/** What the target's own agent said of it: the rule that drops it. Undefined: it knows of none. */
export async function ownVerdict(
  client: Client,
  about: KubeObject,
  { opening, target }: Blocked,
): Promise<string | undefined> {
  const { namespace = 'default', name } = keyOf(about);
  const fieldSelector = `involvedObject.kind=${about.kind},involvedObject.name=${name},reason=${BLOCKED}`;
  const { items } = await client.list(Event, { namespace, fieldSelector });
  const prefix = blockedMessage(opening, target, '');
  const said = items.flatMap(({ message = '' }) => (message.startsWith(prefix) ? [message.slice(prefix.length)] : []));
  return said.at(-1);
}

/** Such as: TCP 192.0.2.1:30080 of node "a" cannot be reached from node "b": nothing answers; ... */
export function unreachedMessage(blocked: Blocked, verdict: string | undefined): string {
  const { opening, outcome, target, trier } = blocked;
  const what = `${admissionText(opening)} of node ${JSON.stringify(target)} cannot be reached from node ${JSON.stringify(trier)}`;
  return `${what}: ${outcomeText(outcome)}; ${culprit(blocked, verdict)}`;
}

function culprit({ outcome, target, addresses }: Blocked, verdict: string | undefined): string {
  if (verdict !== undefined) return `its own node says that it is blocked by ${verdict}`;
  const by = outcome.kind === 'refused' ? outcome.by : undefined;
  if (by !== undefined && addresses.target.includes(by)) return `node ${JSON.stringify(target)} itself refuses it`;
  if (by !== undefined && addresses.trier.includes(by)) return 'the firewall of the node that tried keeps it in';
  if (by !== undefined) return `that is a device between the two nodes`;
  return `the firewall of node ${JSON.stringify(target)} lets it in, as far as is known: so something on the way drops it, such as a security list of a cloud or a filter of a switch`;
}

/** What is said when it is open at last. */
export function reachedMessage({ opening, target, trier }: Omit<Blocked, 'outcome'>): string {
  return `${admissionText(opening)} of node ${JSON.stringify(target)} is reached from node ${JSON.stringify(trier)}`;
}
