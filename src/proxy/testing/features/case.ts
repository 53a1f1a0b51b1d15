/** What a feature is shown with: a Service's objects under names and addresses of its own, and people who connect to it. */
import assert from 'node:assert/strict';
import type { Service } from '../../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../../api/discovery/v1/endpointslice.ts';
import type { KubeObject } from '../../../api/meta/v1.ts';
import type { IPFamily } from '../../../lib/ip.ts';
import { type ServiceSpec, service, slice } from '../builders.ts';
import type { HTTPAnswer, Question } from '../world/agent/questions.ts';
import type { Greeting } from '../world/agent/server.ts';
import { type ActorName, NODES, nodeOf, ownerOf, PODS, PORTS, type PodName } from '../world/topology.ts';
import type { World } from '../world/world.ts';
import type { NodeUnderTest } from './node-under-test.ts';

type SliceEndpoint = EndpointSlice['endpoints'][number];
type Protocol = Question['protocol'];

export interface Asking {
  readonly protocol?: Protocol;
  readonly localPort?: number;
  readonly localAddress?: string;
  /** How long to wait for an answer, in milliseconds. */
  readonly patience?: number;
  /** How many times at once. */
  readonly times?: number;
}

/** Where somebody connects to. */
export type Destination = readonly [host: string, port: number];

/** Long enough for an answer on a busy machine, in milliseconds. */
const PATIENT = 3000;
/** A connection is tried again by the kernel, after 1, 3 and 7 s. */
const CONNECTING = 8000;
/** How long silence has to last. */
const IMPATIENT = 400;
/** Within which what is done behind a change has to be done, in milliseconds, even on a machine that is busy. */
const LATEST = 15_000;
/** So many random choices of two leave one of them out once in a million times, and of three once in a thousand. */
const TRIES = 20;

export class Case {
  readonly family: IPFamily;
  readonly node: NodeUnderTest;
  readonly world: World;
  readonly #number: number;

  /** Cases that run at the same time have different numbers, below 256. */
  constructor(parts: { number: number; family: IPFamily; node: NodeUnderTest; world: World }) {
    this.family = parts.family;
    this.node = parts.node;
    this.world = parts.world;
    this.#number = parts.number;
  }

  /** The cluster IP of the Service with this index. */
  vip(index = 0): string {
    return this.#address('10.96', 'fd00:10:96', index);
  }

  /** An address for its status, or for its external IPs. */
  virtualIP(index = 0): string {
    return this.#address('172.30', 'fd00:30', index);
  }

  nodePort(index = 0): number {
    return 30000 + this.#number * 8 + index;
  }

  get healthCheckNodePort(): number {
    return 29000 + this.#number;
  }

  /** A source port of its own. */
  localPort(index = 0): number {
    return 20000 + this.#number * 16 + index;
  }

  get nodeIP(): string {
    return NODES.node1[this.family];
  }

  get loopback(): string {
    return this.family === 'IPv4' ? '127.0.0.1' : '::1';
  }

  name(index = 0): string {
    return `case-${this.#number}-${index}`;
  }

  /** A Service with a cluster IP and port 80, unless the spec says otherwise. */
  service(spec: ServiceSpec = {}, index = 0, loadBalancerIPs: readonly string[] = []): Service {
    return service(this.name(index), { clusterIPs: [this.vip(index)], ...spec }, loadBalancerIPs);
  }

  /** The same with a node port and a load balancer address. */
  loadBalancer(spec: ServiceSpec = {}, index = 0): Service {
    const ports = [{ port: 80, nodePort: this.nodePort(index) }];
    return this.service({ type: 'LoadBalancer', ports, ...spec }, index, [this.virtualIP(index)]);
  }

  endpoint(pod: PodName, more: Partial<SliceEndpoint> = {}): SliceEndpoint {
    return { addresses: [PODS[pod][this.family]], nodeName: nodeOf(pod), ...more };
  }

  /** The slice of the Service with this index: these endpoints serve it. */
  serves(
    endpoints: readonly (PodName | SliceEndpoint)[],
    port: { readonly name?: string; readonly protocol?: 'TCP' | 'UDP' | 'SCTP'; readonly port?: number } = {},
    index = 0,
  ): EndpointSlice {
    const full = endpoints.map((one) => (typeof one === 'string' ? this.endpoint(one) : one));
    return slice(this.name(index), full, { port: PORTS[0], ...port, addressType: this.family });
  }

  /** Stores objects, and resolves once the kernel forwards as they say. */
  put(...objects: readonly KubeObject[]): Promise<void> {
    return this.node.put(...objects);
  }

  /** Deletes an object, and resolves once the kernel knows no more of it. */
  remove(object: KubeObject): Promise<void> {
    return this.node.drop(object);
  }

  /** Who answers, and whom they see: `a1 saw client`; `a1:9377 saw client` at another port than the first. */
  async ask(who: ActorName, [host, port]: Destination, asking: Asking = {}): Promise<string> {
    const [answer = 'nothing'] = await this.#answers(who, [host, port], { ...asking, times: 1 });
    return answer;
  }

  /** Asks as often as it takes to see every endpoint, and fails when the answers are not these. */
  async expect(who: ActorName, to: Destination, answers: readonly string[], asking: Asking = {}): Promise<void> {
    const times = answers.length > 1 ? TRIES * answers.length : 3;
    const seen = await this.#answers(who, to, { times, ...asking });
    assert.deepEqual([...new Set(seen)].sort(), [...answers].sort(), `${who} to ${to.join(' ')}`);
  }

  /** Connects again and again while something happens; all the answers that there were, each once. */
  async during(who: ActorName, to: Destination, happens: () => Promise<unknown>): Promise<readonly string[]> {
    const seen = new Set<string>();
    let going = true;
    const asker = async () => {
      while (going) for (const answer of await this.#answers(who, to, { times: 4 })) seen.add(answer);
    };
    const asking = Promise.all([asker(), asker()]);
    await happens().finally(() => {
      going = false;
    });
    await asking;
    return [...seen].sort();
  }

  /** How many of so many UDP flows each endpoint has answered, by {@link ask}'s text. */
  async count(who: ActorName, [host, port]: Destination, times: number): Promise<ReadonlyMap<string, number>> {
    const question: Question = { protocol: 'udp', host, port, patience: PATIENT };
    const counts = await this.world.tell(who, { kind: 'count', question, times });
    return new Map(Object.entries(counts as Record<string, number>).map(([text, count]) => [brief(text), count]));
  }

  /** Fails when there is an answer, or a refusal. */
  async expectSilence(who: ActorName, to: Destination, asking: Asking = {}): Promise<void> {
    assert.equal(await this.ask(who, to, { patience: IMPATIENT, ...asking }), 'silence', `${who} to ${to.join(' ')}`);
  }

  /** Fails when anyone serves this: it is as if the proxy were not there. */
  async expectUnserved(who: ActorName, to: Destination, asking: Asking = {}): Promise<void> {
    const answer = await this.ask(who, to, { patience: IMPATIENT, ...asking });
    assert.doesNotMatch(answer, / saw /, `${who} to ${to.join(' ')}`);
  }

  /** What is at a URL of HTTP. */
  async fetch(who: ActorName, [host, port]: Destination, path: string): Promise<HTTPAnswer> {
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
    return (await this.world.tell(who, { kind: 'fetch', url })) as HTTPAnswer;
  }

  /** Opens a connection, under a name, to be asked again with {@link say}. */
  async open(who: ActorName, connection: string, [host, port]: Destination): Promise<string> {
    const name = `${this.#number} ${connection}`;
    return brief(await this.world.tell(who, { kind: 'open', connection: name, host, port }));
  }

  async say(who: ActorName, connection: string): Promise<string> {
    return brief(await this.world.tell(who, { kind: 'say', connection: `${this.#number} ${connection}` }));
  }

  /** Asks until the answer is this; fails with the last one after a while. For what is done behind a change. */
  async eventually(answer: string, ask: () => Promise<string>): Promise<void> {
    const deadline = performance.now() + LATEST;
    let last = await ask();
    while (last !== answer && performance.now() < deadline) last = await ask();
    assert.equal(last, answer);
  }

  async #answers(who: ActorName, [host, port]: Destination, asking: Asking): Promise<readonly string[]> {
    const { protocol = 'tcp', times = 1, localPort, localAddress } = asking;
    const { patience = protocol === 'tcp' ? CONNECTING : PATIENT } = asking;
    const question: Question = { protocol, host, port, patience, localPort, localAddress };
    return ((await this.world.tell(who, { kind: 'ask', question, times })) as unknown[]).map(brief);
  }

  #address(prefix4: string, prefix6: string, index: number): string {
    return this.family === 'IPv4'
      ? `${prefix4}.${this.#number}.${index + 1}`
      : `${prefix6}::${this.#number.toString(16)}:${index + 1}`;
  }
}

/** A server's greeting in short, or what happened instead. */
function brief(answer: unknown): string {
  const text = String(answer);
  if (text === 'ECONNREFUSED') return 'refused';
  if (text === 'TIMEOUT') return 'silence';
  if (!text.startsWith('{')) return text;
  const { by, port, from } = JSON.parse(text) as Greeting;
  return `${by}${port === PORTS[0] ? '' : `:${port}`} saw ${ownerOf(from)}`;
}
