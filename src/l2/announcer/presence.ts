/** Whether anybody at all is on the other side of an interface: asks, and listens for any frame of another host. */
import type { Clock } from '../../host/clock.ts';
import type { NetworkLink } from '../../host/link-watch.ts';
import type { OpenPacketSocket, PacketSocket } from '../../host/packet-socket.ts';
import type { Duration } from '../../lib/duration.ts';
import { type IPAddress, type IPFamily, mustParseIP, parseIP } from '../../lib/ip.ts';
import { decodeEthernet } from '../frames/ethernet.ts';
import type { Protocol } from '../frames/protocol.ts';

export interface PresenceParts {
  readonly openSocket: OpenPacketSocket;
  readonly clock: Clock;
  readonly protocols: Readonly<Record<IPFamily, Protocol>>;
  isOwn(mac: Uint8Array): boolean;
  onForeign(): void;
}

/** How often each address is asked for: a question may be lost. */
const QUESTIONS = 3;

/** True as soon as another host is heard on one of the interfaces; false when none is within so many milliseconds. */
export async function anyoneAnswers(
  parts: PresenceParts,
  places: readonly NetworkLink[],
  addresses: readonly string[],
  within: Duration | number,
): Promise<boolean> {
  const ended = new AbortController();
  const { promise: heard, resolve } = Promise.withResolvers<true>();
  const families = Map.groupBy(
    addresses.map(parseIP).filter((ip) => ip !== undefined),
    ({ family }) => family,
  );
  const asked = places
    .filter(({ carrier, mac }) => carrier && mac !== undefined)
    .flatMap((place) =>
      [...families].map(([family, targets]) =>
        ask(parts, parts.protocols[family], { place, targets, within, onHeard: () => resolve(true) }, ended.signal),
      ),
    );
  const silence = Promise.all(asked).then(() => false);
  try {
    return await Promise.race([heard, silence]);
  } finally {
    ended.abort();
  }
}

interface Question {
  readonly place: NetworkLink;
  readonly targets: readonly IPAddress[];
  readonly within: number;
  onHeard(): void;
}

/** Asks on one interface. An interface that cannot be opened is one on which nobody is heard. */
async function ask(
  { openSocket, clock, isOwn, onForeign }: PresenceParts,
  { family, etherType, filter, question }: Protocol,
  { place, targets, within, onHeard }: Question,
  signal: AbortSignal,
): Promise<void> {
  let socket: PacketSocket;
  try {
    socket = await openSocket({ interface: place.name, etherType, filter });
  } catch {
    return;
  }
  const source = place.addresses.map(mustParseIP).find((ip) => ip.family === family);
  const hear = (frame: Uint8Array): void => {
    const sender = decodeEthernet(frame)?.source;
    if (sender === undefined || isOwn(sender)) return;
    onForeign();
    onHeard();
  };
  try {
    socket.onFrame(hear, onLost);
    for (let i = 0; i < QUESTIONS && !signal.aborted; i++) {
      for (const target of targets) socket.send(question(target, socket.mac, source));
      await clock.sleep(within / QUESTIONS, signal).catch(() => {}); // The signal is checked above.
    }
  } finally {
    socket.close();
  }
}

/** An interface that goes while it is asked is silent. */
function onLost(): void {}
