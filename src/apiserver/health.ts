/** Whether a server can serve, as whoever spreads requests over servers asks. https://kubernetes.io/docs/reference/using-api/health-checks/ */

import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { seconds } from '../lib/duration.ts';
import { messageOf } from '../lib/errors.ts';
import type { Store } from '../store/store.ts';
import type { Reply } from './http/respond.ts';

/** A store that takes longer than this is not there, for whoever asks. */
const STORE_LIMIT = seconds(1);
const TEXT = 'text/plain; charset=utf-8';

export interface HealthOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly clock?: Clock;
}

type Check = 'ping' | 'etcd';

/**
 * `/livez` and `/healthz` say whether the process answers: starting it again would mend nothing else. `/readyz` says besides whether its store
 * does, under the name that Kubernetes gives it, whatever the store is.
 */
export class Health {
  readonly #options: HealthOptions;
  #isStoreAway = false;
  /** The look at the store that is under way: those who ask meanwhile share it. */
  #looking: Promise<boolean> | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** The answer for a path such as `readyz/etcd`; undefined: there is no such check. */
  async answer([endpoint, check, ...rest]: readonly string[], isVerbose: boolean): Promise<Reply | undefined> {
    const all: readonly Check[] = endpoint === 'readyz' ? ['ping', 'etcd'] : ['ping'];
    const asked = check === undefined ? all : all.filter((one) => one === check);
    if (asked.length === 0 || rest.length > 0) return undefined;
    const results = await Promise.all(asked.map(async (one) => ({ check: one, good: await this.#check(one) })));
    const good = results.every((result) => result.good);
    if (good && !isVerbose) return { code: 200, type: TEXT, text: 'ok' };
    const lines = results.map((result) => `[${result.good ? '+' : '-'}]${result.check} ${saying(result.good)}\n`);
    return {
      code: good ? 200 : 500,
      type: TEXT,
      text: `${lines.join('')}${endpoint} check ${good ? 'passed' : 'failed'}\n`,
    };
  }

  async #check(check: Check): Promise<boolean> {
    if (check === 'ping') return true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<boolean> {
    const { store, log, clock = systemClock } = this.#options;
    const done = new AbortController();
    try {
      const late = clock.sleep(STORE_LIMIT, done.signal).then(() => Promise.reject(new Error('no answer within 1 s')));
      // Asked of the store itself, where there is a quorum: what is remembered here would say nothing.
      await Promise.race([store.revision(), late]);
      if (this.#isStoreAway) log.info({}, 'the store answers again');
      this.#isStoreAway = false;
      return true;
    } catch (err) {
      if (!this.#isStoreAway)
        log.warn({ reason: messageOf(err) }, 'the store does not answer: this server is not ready');
      this.#isStoreAway = true;
      return false;
    } finally {
      done.abort();
    }
  }
}

function saying(isGood: boolean): string {
  return isGood ? 'ok' : 'failed: reason withheld';
}
