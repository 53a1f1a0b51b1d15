import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AddressPlan } from './messages.ts';
import { FakeLan, plan, settle } from './testing.ts';

/** The same numbers from 0 to 1 for the same seed: mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ADDRESSES = ['192.0.2.100', '192.0.2.101', '2001:db8::100', '2001:db8::101'];
const NODES = ['n1', 'n2', 'n3', 'n4'];

class History {
  readonly world = new FakeLan(NODES.length);
  readonly #random: () => number;
  readonly #plans = new Map<string, AddressPlan>();
  readonly #down = new Set<string>();
  readonly log: string[] = [];
  /** Addresses that at some moment nobody answered for although a candidate lived. */
  readonly gaps = new Set<string>();

  constructor(seed: number) {
    this.#random = random(seed);
  }

  async start(): Promise<void> {
    for (const address of ADDRESSES) this.#plans.set(address, plan(address, ...this.#shuffled()));
    await this.world.start(...this.#plans.values());
  }

  /** A node dies or comes back, noticed by each of the others at some other time. */
  async fail(): Promise<void> {
    const name = this.#one(NODES);
    const isDown = this.#down.has(name);
    this.log.push(`${name} ${isDown ? 'is back' : 'fails'}`);
    if (isDown) this.#down.delete(name);
    else this.#down.add(name);
    for (const other of this.#shuffled()) {
      this.#look(other);
      await this.#pass(this.#random() * 100);
    }
  }

  /** The order of an address's candidates changes, which each node hears of at some other time. */
  async move(): Promise<void> {
    const changed = plan(this.#one(ADDRESSES), ...this.#shuffled().slice(Math.floor(this.#random() * 3)));
    this.log.push(`${changed.address}: ${changed.candidates.map(({ node }) => node).join(' ')}`);
    this.#plans.set(changed.address, changed);
    for (const name of this.#shuffled()) {
      this.world.node(name).lan.receive({ kind: 'plans', changed: [changed], removed: [] });
      await this.#pass(this.#random() * 30);
    }
  }

  /** After everything has come to rest: one announcer each, the first candidate that lives. */
  async check(): Promise<void> {
    for (let i = 0; i < 40; i++) await this.#pass(100);
    for (const [address, { candidates }] of this.#plans) {
      const first = candidates.find(({ node }) => !this.#down.has(node))?.node;
      const answering = this.world.announcers(address).filter((node) => !this.#down.has(node));
      assert.deepEqual(answering, first === undefined ? [] : [first], `${address} after ${this.log.join(', ')}`);
    }
  }

  async #pass(time: number): Promise<void> {
    await this.world.clock.advance(time);
    await settle();
    this.#answerProbes();
    for (const name of NODES) {
      // Now and then the kernel is told in time, and else nobody waits for it.
      const address = this.#one(ADDRESSES);
      if (this.#random() < 0.3) this.world.node(name).lan.receive({ kind: 'handover-ready', address });
    }
    await settle();
    for (const [address, { candidates }] of this.#plans) {
      const answering = this.world.announcers(address).some((node) => !this.#down.has(node));
      if (!answering && candidates.some(({ node }) => !this.#down.has(node))) this.gaps.add(address);
    }
  }

  /** Nobody else is on this LAN. */
  #answerProbes(): void {
    for (const name of NODES) {
      const { announcing } = this.world.node(name);
      for (const address of ADDRESSES) {
        if (announcing.get(address)?.interfaces.length === 0) announcing.probed(address);
      }
    }
  }

  /** What a node sees of the others; one that is down hears nobody, and is heard by nobody. */
  #look(name: string): void {
    const { world } = this;
    if (this.#down.has(name)) world.cutOff.add(name);
    else world.cutOff.delete(name);
    const isDown = (other: string): boolean => this.#down.has(name) || this.#down.has(other);
    const others = NODES.filter((other) => other !== name).map((other): [string, 'lost' | 'heard'] => {
      return [other, isDown(other) ? 'lost' : 'heard'];
    });
    world.node(name).liveness.sees(Object.fromEntries(others), this.#down.has(name) ? 'it hears nobody' : undefined);
  }

  #shuffled(): string[] {
    return NODES.map((node) => ({ node, at: this.#random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ node }) => node);
  }

  #one(list: readonly string[]): string {
    return list[Math.floor(this.#random() * list.length)] ?? '';
  }
}

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

test(`whatever has happened, in the end one node announces each address (SEED=${SEED})`, async () => {
  for (let run = 0; run < 20; run++) {
    const history = new History(SEED + run);
    await history.start();
    for (let i = 0; i < 12; i++) await (i % 3 === 0 ? history.fail() : history.move());
    await history.check();
    history.world.ended.abort();
  }
});

test(`while no node fails, every address is answered for at every moment (SEED=${SEED})`, async () => {
  for (let run = 0; run < 20; run++) {
    const history = new History(SEED + run);
    await history.start();
    for (let i = 0; i < 12; i++) await history.move();
    await history.check();
    assert.deepEqual([...history.gaps], [], history.log.join(', '));
    history.world.ended.abort();
  }
});
