/** The secret that heartbeats are signed with: of a Secret that all announcers share, or of a file. */
import { randomBytes } from 'node:crypto';
import { Secret } from '../../api/core/v1/secret.ts';
import { HEARTBEAT_SECRET_NAME, METALLB_NAMESPACE } from '../../api/metallb/v1beta1/names.ts';
import { isAlreadyExists, isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { Wake } from '../../host/wake.ts';
import { type Duration, minutes, seconds } from '../../lib/duration.ts';
import { readKeyFile } from '../key-file.ts';
import type { HeartbeatKey } from '../lan/messages.ts';
import { SECRET_BYTES } from '../settings.ts';
import { type Keyring, keysOf, NO_KEYS, type ReadSecrets, withRead } from './keyring.ts';

/** Where the Secret is, and which of its entries signs; others are believed. */
export const HEARTBEAT_SECRET = { namespace: METALLB_NAMESPACE, name: HEARTBEAT_SECRET_NAME } as const;
const ENTRY = 'key';
/** Bytes of a secret that we make. */
const LENGTH = 32;
/** Between two looks, and at least when heartbeats come that no key fits. */
const INTERVAL: Duration = minutes(1);
const LEAST_INTERVAL: Duration = seconds(2);
/** Between two looks while there is no key at all. */
const RETRY: Duration = seconds(5);

/** A Secret that cannot be used: what is wrong with it, and what to do. */
class HeartbeatKeyError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'HeartbeatKeyError';
  }
}

export interface HeartbeatKeysOptions {
  readonly client: Client;
  /** Read instead of the Secret. */
  readonly file?: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told when the keys change; the first signs. */
  readonly tell: (keys: readonly HeartbeatKey[]) => void;
}

export class HeartbeatKeys {
  readonly #options: HeartbeatKeysOptions;
  readonly #wake = new Wake();
  #ring: Keyring = NO_KEYS;
  #told = '';
  #hasWarned = false;
  #count = 0;
  #isSought = false;

  constructor(options: HeartbeatKeysOptions) {
    this.#options = options;
  }

  /** Whether heartbeats can be signed. */
  get areKnown(): boolean {
    return this.#count > 0;
  }

  /** Whether it is known if there is a key. */
  get areSought(): boolean {
    return this.#isSought;
  }

  /** Heartbeats come that no key fits: it is looked again soon. */
  readAgain(): void {
    this.#wake.now();
  }

  /** Reads again and again until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#look(signal);
      await clock.sleep(LEAST_INTERVAL, signal).catch(() => {}); // The loop looks at the signal.
      const interval = this.areKnown ? INTERVAL : RETRY;
      if (!signal.aborted) await this.#wake.sleep(clock, interval - LEAST_INTERVAL, signal);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { file, clock, log } = this.#options;
    try {
      const read = file === undefined ? await this.#readSecret() : { signing: await readKeyFile(file), besides: [] };
      this.#ring = withRead(this.#ring, read, clock.now());
      this.#hasWarned = false;
    } catch (err) {
      if (signal.aborted) return;
      const message = this.areKnown
        ? 'cannot read the heartbeat key again; the one that is known stays'
        : 'cannot read the heartbeat key; without it no heartbeats are sent, and a lost node is noticed late';
      if (this.#hasWarned) log.debug({ err }, message);
      else log.warn({ err }, message);
      this.#hasWarned = true;
    }
    this.#isSought = true;
    this.#tell();
  }

  /** Whatever has been read, time alone may make another key sign. */
  #tell(): void {
    const keys = keysOf(this.#ring, this.#options.clock.now());
    const text = keys.map(({ secret }) => Buffer.from(secret).toString('base64')).join();
    if (text === this.#told) return;
    this.#told = text;
    this.#count = keys.length;
    this.#options.tell(keys);
  }

  /** The Secret, which the first announcer of a cluster makes. */
  async #readSecret(): Promise<ReadSecrets> {
    const { client, log } = this.#options;
    try {
      return secretsOf(await client.get(Secret, HEARTBEAT_SECRET));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    try {
      const made = await client.create(Secret, newSecret());
      log.info(HEARTBEAT_SECRET, 'made the key that heartbeats are signed with');
      return secretsOf(made);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      return secretsOf(await client.get(Secret, HEARTBEAT_SECRET));
    }
  }
}

function newSecret(): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...HEARTBEAT_SECRET },
    type: 'Opaque',
    data: { [ENTRY]: randomBytes(LENGTH).toString('base64') },
  };
}

function secretsOf({ data = {} }: Secret): ReadSecrets {
  const { namespace, name } = HEARTBEAT_SECRET;
  const entries = Object.entries(data).map(([key, text]) => ({ key, secret: Buffer.from(text, 'base64') }));
  const signing = entries.find(({ key }) => key === ENTRY)?.secret;
  if (signing === undefined || signing.length < SECRET_BYTES.least) {
    const found = signing === undefined ? `has no entry "${ENTRY}"` : `has ${signing.length} bytes in "${ENTRY}"`;
    const remedy = `kubectl -n ${namespace} delete secret ${name} has a new one made`;
    throw new HeartbeatKeyError(
      `the Secret ${namespace}/${name} ${found}: at least ${SECRET_BYTES.least} bytes are needed (${remedy})`,
    );
  }
  const besides = entries.filter(({ key, secret }) => key !== ENTRY && secret.length >= SECRET_BYTES.least);
  return { signing, besides: besides.map(({ secret }) => secret) };
}
