/** For tests: a controller that dies, and is started anew. */
import assert from 'node:assert/strict';
import type { Node } from '../../../api/core/v1/node.ts';
import { Service } from '../../../api/core/v1/service.ts';
import { type FakeClient, fakeClient } from '../../../client/fake.ts';
import { Informers } from '../../../client/informers.ts';
import { settle } from '../../../client/testing.ts';
import type { FakeClock } from '../../../host/clock.ts';
import { silentLogger } from '../../../host/log.ts';
import { minutes } from '../../../lib/duration.ts';
import { balancersController } from '../balancers/balancers.ts';
import type { LoadBalancerProvider } from '../provider.ts';

/** What a provider stands before, which outlives every process. */
export interface Surroundings {
  readonly clock: FakeClock;
  readonly nodes: readonly Node[];
  /** The provider of a process that has just been started. */
  open(): LoadBalancerProvider;
  /** `effect` is to be called before each write; what it throws, that fails with, and it is not done. */
  beforeWrites(effect: (what: string) => void): void;
}

/** A cluster and a provider that stay, while the controller may be killed before any of its effects. */
export class CrashingWorld {
  readonly client: FakeClient;
  kills = 0;
  /** What goes wrong at the provider, otherwise. */
  faults: (what: string) => void = () => {};
  readonly #around: Surroundings;
  #end = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(around: Surroundings) {
    this.#around = around;
    this.client = fakeClient(around.nodes, { clock: around.clock });
  }

  /** `effects`: after so many it is killed, and started anew. */
  async start({ effects = Number.POSITIVE_INFINITY }: { readonly effects?: number } = {}): Promise<void> {
    let left = effects;
    const end = new AbortController();
    this.#end = end;
    const effect = (): Error | undefined => {
      if (left-- > 0 && !end.signal.aborted) return undefined;
      end.abort();
      return new Error('killed');
    };
    const { clock } = this.#around;
    const informers = new Informers({ client: this.client, log: silentLogger, clock });
    this.#around.beforeWrites((what) => {
      const killed = effect();
      if (killed) throw killed;
      this.faults(what);
      this.#mustBeMarked(what);
    });
    const parts = { client: this.#effects(effect), informers, clock, log: silentLogger };
    const options = { providers: [this.#around.open()], sweep: minutes(5), random: () => 0 };
    const run = balancersController({ ...parts, ...options });
    await informers.start(end.signal);
    this.#running = run(end.signal);
    await settle();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Lets time pass; who was killed is started again. */
  async passing(ms: number): Promise<void> {
    await settle();
    for (let left = ms; left > 0; left -= 1000) {
      if (this.#end.signal.aborted) {
        this.kills++;
        await this.restart();
      }
      await this.#around.clock.advance(Math.min(left, 1000));
      await settle(8);
    }
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
    await settle(3);
  }

  /** The client of one life: its writes of Services are effects. What it says of them in Events is lost with it. */
  #effects(effect: () => Error | undefined): FakeClient {
    const { client } = this;
    return new Proxy(client, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const [kind] = args;
          const killed = name === 'patch' && kind === Service ? effect() : undefined;
          return killed === undefined ? value.apply(target, args) : Promise.reject(killed);
        };
      },
    });
  }

  /** Nothing is made while no Service was ever marked. */
  #mustBeMarked(what: string): void {
    const isMarked = this.client.writes.some(({ verb, kind }) => verb === 'patch' && kind === 'Service');
    assert.ok(isMarked, `${what} before any Service has a finalizer`);
  }
}
