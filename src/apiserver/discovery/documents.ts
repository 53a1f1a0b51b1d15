/** Every path that is no resource: health, version, discovery, OpenAPI, metrics. */
import { createHash } from 'node:crypto';
import { KINDS } from '../../api/kinds.ts';
import { openApiIndex, openApiV2, openApiV3 } from '../../api/openapi.ts';
import { type ApiError, failure } from '../../api/status.ts';
import { ISSUER } from '../auth/tokens/claims.ts';
import type { TokenKeys } from '../auth/tokens/token-keys.ts';
import type { Health } from '../health.ts';
import { negotiate } from '../http/negotiate.ts';
import type { Reply } from '../http/respond.ts';
import type { Metrics } from '../metrics.ts';
import { ACTIONS } from '../subresources/actions.ts';
import { aggregated, coreVersions, groupList, groupOf, resourceList } from './discovery.ts';
import { VERSION } from './version.ts';

const JSON_TYPE = 'application/json';
const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

const JWKS_PATH = 'openid/v1/jwks';
const ISSUER_CONFIGURATION = {
  issuer: ISSUER,
  jwks_uri: `${ISSUER}/${JWKS_PATH}`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
};

const OPENAPI_V2_PROTOBUF = 'com.github.proto-openapi.spec.v2@v1.0+protobuf';
/** An `@` is not allowed in a media type, so the answer names it without, as Kubernetes does. */
const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/**
 * Version 2 as protobuf, with nothing in it: `swagger: "2.0"`. kubectl reads version 3, and asks for this only when a
 * kind is not in there, to see whether it is here; when it cannot have it, it does not get so far as to say that there is
 * no such kind.
 */
function emptyOpenApiV2(): Uint8Array {
  const version = Buffer.from('2.0');
  return Buffer.concat([Buffer.from([0x0a, version.length]), version]);
}

/** The documents of one server. What does not change is made when first asked for and kept. */
export class Documents {
  readonly #metrics: Metrics;
  readonly #keys: TokenKeys;
  readonly #health: Health;
  readonly #kept = new Map<string, string>();

  constructor(metrics: Metrics, keys: TokenKeys, health: Health) {
    this.#metrics = metrics;
    this.#keys = keys;
    this.#health = health;
  }

  /** The answer for a path; throws an ApiError, 404 or 406. */
  async answer(path: string, query: URLSearchParams, accept: string | undefined): Promise<Reply> {
    const [, root, ...rest] = path.replace(/\/$/, '').split('/');
    switch (root) {
      case 'healthz':
      case 'livez':
      case 'readyz': {
        const found = await this.#health.answer([root, ...rest], query.has('verbose'));
        if (found === undefined) throw notServed();
        return found;
      }
      case 'metrics':
        return { code: 200, type: 'text/plain; version=0.0.4', text: this.#metrics.print() };
      case 'version':
        return json(JSON.stringify(VERSION));
      case 'api':
      case 'apis':
        return this.#discovery(root, rest, accept);
      case 'openapi':
        return this.#openapi(path, rest, accept);
      case '.well-known':
      case 'openid':
        return this.#issuer([root, ...rest].join('/'));
      default:
        throw notServed();
    }
  }

  /** How others check the tokens of service accounts. https://openid.net/specs/openid-connect-discovery-1_0.html */
  #issuer(path: string): Reply {
    if (path === JWKS_PATH)
      return { code: 200, type: 'application/jwk-set+json', text: JSON.stringify(this.#keys.jwks) };
    if (path !== '.well-known/openid-configuration') throw notServed();
    return json(JSON.stringify(ISSUER_CONFIGURATION));
  }

  #discovery(root: 'api' | 'apis', rest: readonly string[], accept: string | undefined): Reply {
    const { form } = negotiate(accept, ['APIGroupDiscoveryList']);
    if (rest.length === 0 && form === 'APIGroupDiscoveryList') {
      const text = this.#keep(`aggregated ${root}`, () => aggregated(KINDS, ACTION_RESOURCES, root));
      return { code: 200, type: AGGREGATED_TYPE, text: text ?? '', headers: { vary: 'Accept' } };
    }
    const text = this.#keep([root, ...rest].join('/'), () => plainDiscovery(root, rest));
    if (text === undefined) throw notServed();
    return { ...json(text), headers: { vary: 'Accept' } };
  }

  #openapi(path: string, rest: readonly string[], accept: string | undefined): Reply {
    const [version, ...where] = rest;
    if (version === 'v2' && where.length === 0 && accept?.includes(OPENAPI_V2_PROTOBUF)) {
      return { code: 200, type: OPENAPI_V2_TYPE, text: emptyOpenApiV2() };
    }
    negotiate(accept, []);
    const text = this.#keep(path, () => this.#openapiDocument(version ?? '', where));
    if (text === undefined) throw notServed();
    return json(text);
  }

  #openapiDocument(version: string, where: readonly string[]): object | undefined {
    if (version === 'v2' && where.length === 0) return openApiV2(KINDS);
    if (version !== 'v3') return undefined;
    if (where.length === 0) {
      return openApiIndex(KINDS, (groupVersion) => hashOf(JSON.stringify(openApiV3(KINDS, groupVersion))));
    }
    const [root, first = '', second = ''] = where;
    if (root === 'api' && where.length === 2) return openApiV3(KINDS, { group: '', version: first });
    return root === 'apis' && where.length === 3 ? openApiV3(KINDS, { group: first, version: second }) : undefined;
  }

  /** The text of a document. Nothing is kept for paths that do not exist, of which there is no end. */
  #keep(name: string, make: () => object | undefined): string | undefined {
    const found = this.#kept.get(name);
    if (found !== undefined) return found;
    const document = make();
    if (document === undefined) return undefined;
    const text = JSON.stringify(document);
    this.#kept.set(name, text);
    return text;
  }
}

const ACTION_RESOURCES = ACTIONS.map(({ group, version, kind, action, method }) => ({
  group,
  version,
  name: `${kind.plural}/${action}`,
  kind: kind.kind,
  verbs: [method === 'PUT' ? 'update' : 'get'],
}));

function plainDiscovery(root: 'api' | 'apis', rest: readonly string[]): object | undefined {
  const [first = '', second = ''] = rest;
  if (root === 'api') {
    if (rest.length === 0) return coreVersions();
    return rest.length === 1 ? resourceList(KINDS, ACTION_RESOURCES, { group: '', version: first }) : undefined;
  }
  if (rest.length === 0) return groupList(KINDS, ACTION_RESOURCES);
  if (rest.length === 1) return groupOf(KINDS, ACTION_RESOURCES, first);
  return rest.length === 2 ? resourceList(KINDS, ACTION_RESOURCES, { group: first, version: second }) : undefined;
}

function json(text: string): Reply {
  return { code: 200, type: JSON_TYPE, text };
}

/** The answer for a path at which nothing is. */
export function notServed(): ApiError {
  return failure(404, 'NotFound', 'the server could not find the requested resource', {});
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32).toUpperCase();
}
