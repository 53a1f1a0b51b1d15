/**
 * What happens to containers, from the runtime's own events (GetContainerEvents, containerd since 1.7), or from containerd's event
 * service. Who hears of an event finds the new state when asking for it, which takes care where the events are not the runtime
 * interface's own: containerd tells its plugin for that interface at the same time as us.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../host/log.ts';
import type { Connection, Service } from './connection.ts';
import { definitionsIn } from './connection.ts';
import { type ContainerEvent, type ContainerEventType, type ContainerRuntime, CRIError, isCRINotFound } from './cri.ts';

export interface EventSources {
  readonly connection: Connection;
  readonly runtime: Service;
  /** Where states are asked for. */
  readonly states: Pick<ContainerRuntime, 'containerStatus' | 'sandboxStatus'>;
  readonly log: Logger;
}

/** Events until the signal is aborted; rejects when the runtime goes away. */
export async function* containerEvents(sources: EventSources, signal: AbortSignal): AsyncIterable<ContainerEvent> {
  try {
    yield* runtimeEvents(sources.runtime, signal);
  } catch (error) {
    if (!(error instanceof CRIError) || error.code !== 'unimplemented') throw error;
    sources.log.debug({}, 'the runtime has no GetContainerEvents; following the events of containerd');
    yield* containerdEvents(sources, signal);
  }
}

interface WireEvent {
  readonly containerId: string;
  readonly containerEventType: `CONTAINER_${ContainerEventType}_EVENT`;
}

const TYPES: Readonly<Record<WireEvent['containerEventType'], ContainerEventType>> = {
  CONTAINER_CREATED_EVENT: 'CREATED',
  CONTAINER_STARTED_EVENT: 'STARTED',
  CONTAINER_STOPPED_EVENT: 'STOPPED',
  CONTAINER_DELETED_EVENT: 'DELETED',
};

async function* runtimeEvents(runtime: Service, signal: AbortSignal): AsyncIterable<ContainerEvent> {
  for await (const { containerId, containerEventType } of runtime.stream<WireEvent>('GetContainerEvents', {}, signal)) {
    yield { type: TYPES[containerEventType], containerID: containerId };
  }
  ended(signal);
}

/** The fields of containerd's events that matter here, by topic. An exit whose `id` is not the container's is of a command in it. */
interface TaskStart {
  readonly containerId: string;
}
interface TaskExit {
  readonly containerId: string;
  readonly id: string;
}
interface ContainerRecordEvent {
  readonly id: string;
}
interface Envelope {
  readonly topic: string;
  readonly event: { readonly value: Uint8Array } | null;
}

const NAMESPACE = 'k8s.io';
const TOPICS = ['/containers/create', '/tasks/start', '/tasks/exit', '/containers/delete'];

async function* containerdEvents(sources: EventSources, ends: AbortSignal): AsyncIterable<ContainerEvent> {
  // Whoever stops listening ends the stream, too.
  const left = new AbortController();
  const signal = AbortSignal.any([ends, left.signal]);
  const service = await sources.connection.service('events.proto', 'containerd.services.events.v1.Events');
  const decode = await eventDecoder();
  const filters = TOPICS.map((topic) => `namespace==${NAMESPACE},topic==${JSON.stringify(topic)}`);
  const envelopes = service.stream<Envelope>('Subscribe', { filters }, signal);
  const told = inOrder(envelopes, async (envelope) => {
    const event = decode(envelope);
    if (event !== undefined) await settled(sources.states, event, signal);
    return event;
  });
  try {
    for await (const event of told) {
      if (event !== undefined) yield event;
    }
    ended(signal);
  } finally {
    left.abort();
  }
}

async function eventDecoder(): Promise<(envelope: Envelope) => ContainerEvent | undefined> {
  const definitions = await definitionsIn('events.proto');
  const message = <T>(name: string): ((bytes: Uint8Array) => T) => {
    const definition = definitions[`containerd.services.events.v1.${name}`];
    if (definition === undefined || !('deserialize' in definition)) throw new Error(`events.proto defines no ${name}`);
    // Its type allows for services as well, whose methods could have that name.
    const { deserialize } = definition as { readonly deserialize: (bytes: Buffer) => object };
    return (bytes) => deserialize(Buffer.from(bytes)) as T;
  };
  const taskStart = message<TaskStart>('TaskStart');
  const taskExit = message<TaskExit>('TaskExit');
  const recordEvent = message<ContainerRecordEvent>('ContainerRecordEvent');
  return ({ topic, event }) => {
    const bytes = event?.value ?? new Uint8Array();
    switch (topic) {
      case '/containers/create':
        return { type: 'CREATED', containerID: recordEvent(bytes).id };
      case '/containers/delete':
        return { type: 'DELETED', containerID: recordEvent(bytes).id };
      case '/tasks/start':
        return { type: 'STARTED', containerID: taskStart(bytes).containerId };
      case '/tasks/exit': {
        const { containerId, id } = taskExit(bytes);
        return id === containerId ? { type: 'STOPPED', containerID: containerId } : undefined;
      }
      default:
        return undefined;
    }
  };
}

// How long containerd's plugin may take to hear of what we have heard of: usually a millisecond, more under load. An event that
// is told too early does no harm that the next relist does not mend.
const SETTLE_STEPS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 400];

/** Waits until the runtime interface shows what an event says. */
async function settled(states: EventSources['states'], event: ContainerEvent, signal: AbortSignal): Promise<void> {
  if (event.type !== 'STARTED' && event.type !== 'STOPPED') return;
  const stale = event.type === 'STARTED' ? ['CREATED'] : ['CREATED', 'RUNNING'];
  for (const step of SETTLE_STEPS_MS) {
    if (!stale.includes(await stateOf(states, event.containerID))) return;
    await sleep(step, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
  }
}

/** The state of a container, or of the sandbox of that id; `GONE` when there is neither. */
async function stateOf(states: EventSources['states'], id: string): Promise<string> {
  try {
    return (await states.containerStatus(id)).state;
  } catch (error) {
    if (!isCRINotFound(error)) throw error;
  }
  try {
    return (await states.sandboxStatus(id)).state === 'READY' ? 'RUNNING' : 'EXITED';
  } catch (error) {
    if (!isCRINotFound(error)) throw error;
    return 'GONE';
  }
}

// Enough that a container which takes long to settle does not hold up the others.
const MOST_AT_ONCE = 64;

/** Works on items as they come, several at once, and yields what becomes of each in their order. */
async function* inOrder<T, R>(items: AsyncIterable<T>, work: (item: T) => Promise<R>): AsyncIterable<R> {
  const under: Promise<R>[] = [];
  const iterator = items[Symbol.asyncIterator]();
  let next: Promise<IteratorResult<T>> | undefined = iterator.next();
  try {
    while (next !== undefined || under.length > 0) {
      const [oldest] = under;
      const arrived = next !== undefined && under.length < MOST_AT_ONCE ? next.then((item) => ({ item })) : undefined;
      const done = oldest?.then((result) => ({ result }));
      const first = await Promise.race([arrived, done].filter((promise) => promise !== undefined));
      if ('result' in first) {
        under.shift();
        yield first.result;
      } else if (first.item.done) {
        next = undefined;
      } else {
        const working = work(first.item.value);
        working.catch(() => {}); // Told in its turn.
        under.push(working);
        next = iterator.next();
      }
    }
  } finally {
    // Not waited for: what is asked for may never come.
    next?.catch(() => {});
    iterator.return?.()?.catch(() => {});
  }
}

/** A stream that ends without being asked to is a runtime that went away. */
function ended(signal: AbortSignal): void {
  if (!signal.aborted) throw new CRIError('events', 'unavailable', 'the runtime ended the stream of events');
}
