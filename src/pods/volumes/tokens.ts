/**
 * Tokens by which pods say to the API who they are: asked for as they are needed, and again before they end.
 * https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#serviceaccount-token-volume-projection
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../host/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { TokenSource } from './plan.ts';

/** A token, and when to ask for its successor. */
export interface Token {
  readonly token: string;
  /** Milliseconds of the wall clock from which there is to be another. */
  readonly refreshAt: number;
}

/** A token serves for this part of its life; and for a day at most, so that one of a long life does not outlive its key. */
const SERVES_FOR = 0.8;
const SERVES_AT_MOST = 24 * 3_600_000;
/** Where our clock is not the server's a token may seem to have ended: the server is not to be asked without end. */
const SERVES_AT_LEAST = 10_000;

/** Keeps tokens per pod in memory; after a restart they are asked for anew. */
export class Tokens {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #byPod = new Map<string, Map<string, Token>>();

  constructor({ client, clock }: { readonly client: Client; readonly clock: Clock }) {
    this.#client = client;
    this.#clock = clock;
  }

  /** The pod's token for the audience; rejects with what the API said when it gives none. */
  async token(pod: Pod, { audience, expirationSeconds }: Omit<TokenSource, 'kind' | 'path'>): Promise<Token> {
    const { uid = '' } = pod.metadata;
    const key = JSON.stringify([audience, expirationSeconds]);
    const kept = this.#byPod.get(uid)?.get(key);
    if (kept !== undefined && this.#clock.now() < kept.refreshAt) return kept;
    const token = await this.#request(pod, audience, expirationSeconds).catch((cause: unknown) => {
      const why = messageOf(cause);
      throw new Error(`failed to fetch token: ${why}`, { cause });
    });
    const ofPod = this.#byPod.get(uid) ?? new Map<string, Token>();
    this.#byPod.set(uid, ofPod.set(key, token));
    return token;
  }

  forget(podUID: string): void {
    this.#byPod.delete(podUID);
  }

  async #request({ metadata, spec }: Pod, audience: string | undefined, expirationSeconds: number): Promise<Token> {
    const { namespace = '', name = '', uid = '' } = metadata;
    const account = spec?.serviceAccountName || 'default';
    const now = this.#clock.now();
    const answer = await this.#client.raw(
      'POST',
      `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(account)}/token`,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: {
          audiences: audience === undefined ? [] : [audience],
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      },
    );
    const { token, expirationTimestamp } = statusOf(answer);
    const life = (Date.parse(expirationTimestamp) - now) * SERVES_FOR;
    return { token, refreshAt: now + Math.min(Math.max(life || 0, SERVES_AT_LEAST), SERVES_AT_MOST) };
  }
}

function statusOf(answer: unknown): { readonly token: string; readonly expirationTimestamp: string } {
  const status = (answer as { readonly status?: Readonly<Record<string, unknown>> } | null | undefined)?.status;
  const { token, expirationTimestamp } = status ?? {};
  if (typeof token === 'string' && typeof expirationTimestamp === 'string') return { token, expirationTimestamp };
  throw new Error('the API server answered a TokenRequest without a token');
}
