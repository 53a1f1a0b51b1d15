// One node of heartbeats.fixture.ts, in a network namespace of its own: says who lives whenever that changes.
import { systemClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import type { PeerFacts } from '../lan/messages.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import { Heartbeats } from './heartbeats.ts';

/** What a node says: who lives for it, and when it saw that by the clock that all processes share. */
export interface Sight {
  readonly at: number;
  readonly alive: readonly string[];
  readonly silent: string | undefined;
  readonly states: Readonly<Record<string, string>>;
}

export type Order =
  | {
      readonly kind: 'start';
      readonly name: string;
      readonly addresses: readonly string[];
      readonly peers: readonly PeerFacts[];
    }
  | { readonly kind: 'leave' };

const ended = new AbortController();
let heartbeats: Heartbeats | undefined;

function say(): void {
  if (heartbeats === undefined) return;
  const states = Object.fromEntries(heartbeats.status().map(({ name, state }) => [name, state]));
  const alive = [...heartbeats.alive()].sort();
  const sight: Sight = { at: Number(process.hrtime.bigint()) / 1e6, alive, silent: heartbeats.silent(), states };
  process.send?.(sight);
}

process.on('message', (order: Order) => {
  if (order.kind === 'leave') {
    void heartbeats?.leave();
    return;
  }
  const { name: nodeName, addresses, peers } = order;
  const options = { nodeName, addresses, macs: [], clock: systemClock, log: silentLogger, onChange: say };
  heartbeats = new Heartbeats({ ...DEFAULT_HEARTBEATS, ...options });
  heartbeats.setKeys([{ secret: Buffer.alloc(32, 1) }]);
  heartbeats.start(ended.signal);
  heartbeats.setPeers(peers);
});
process.on('disconnect', () => process.exit());
