/** For tests: the provider in front of the test cloud, with its writes counted, and made to fail. */
import type { Node } from '../../../../api/core/v1/node.ts';
import type { Secret } from '../../../../api/core/v1/secret.ts';
import type { Service } from '../../../../api/core/v1/service.ts';
import { FakeClock } from '../../../../host/clock.ts';
import type { Logger } from '../../../../host/log.ts';
import type { ContractBalancer } from '../../contract.ts';
import type { Ensured, LoadBalancerProvider } from '../../provider.ts';
import { node } from '../../testing.ts';
import { type OciCalls, OciError } from '../calls.ts';
import { Secret as Hidden } from '../config/secret.ts';
import type { OciConfig } from '../config.ts';
import { ociProvider } from '../oci.ts';
import { ANNOTATIONS } from '../request/annotations.ts';
import { SERVICE_TAG } from '../request/tags.ts';
import type { LoadBalancerType } from '../request.ts';
import { TestCloud, type TestCloudOptions } from '../testing/test-cloud.ts';
import type { ReadSecret } from './certificates.ts';

const WRITES = /^(?:create|update|delete|add|remove)/;

export interface Interruption {
  readonly nth: number;
  readonly how: 'before' | 'after';
}

/** Calls that write, counted; one of them can be made to fail before it is done, or after. */
export class WatchedCalls {
  readonly calls: OciCalls;
  /** `loadBalancer.createListener`. */
  readonly written: string[] = [];
  /** What somebody else does at the last moment. */
  beforeWrite: (name: string) => void = () => {};
  #interruption: { readonly at: number; readonly how: 'before' | 'after' } | undefined;

  constructor(calls: OciCalls) {
    const services = Object.entries(calls).map(([service, all]) => [service, this.#watched(service, all)]);
    this.calls = Object.fromEntries(services);
  }

  interrupt(write: Interruption | undefined): void {
    this.#interruption = write && { at: this.written.length + write.nth, how: write.how };
  }

  #watched(service: string, all: object): object {
    const entries = Object.entries(all).map(([name, call]: [string, (request: unknown) => Promise<unknown>]) => {
      if (!WRITES.test(name)) return [name, call];
      return [name, (request: unknown) => this.#write(`${service}.${name}`, () => call(request))];
    });
    return Object.fromEntries(entries);
  }

  async #write(name: string, call: () => Promise<unknown>): Promise<unknown> {
    this.written.push(name);
    this.beforeWrite(name);
    const how = this.#interruption?.at === this.written.length ? this.#interruption.how : undefined;
    if (how === 'before') throw new OciError(`${name}: no answer`, { code: 'Unreachable' });
    const answer = await call();
    if (how === 'after') throw new OciError(`${name}: no answer`, { code: 'Timeout' });
    return answer;
  }
}

export interface OciWorldOptions extends Omit<TestCloudOptions, 'nodes' | 'clock'> {
  readonly isDefault?: boolean;
  readonly config?: Partial<OciConfig['loadBalancer']>;
  readonly tags?: OciConfig['tags'];
}

/** Two nodes, a load balancer of neither type, and a provider that is opened as often as a process starts. */
export class OciWorld {
  readonly clock = new FakeClock(Date.UTC(2026, 0, 1));
  readonly cloud: TestCloud;
  readonly watched: WatchedCalls;
  readonly nodes: readonly Node[];
  /** By `namespace/name`. */
  readonly secrets = new Map<string, Secret>();
  /** What was logged, a JSON text a line. */
  readonly logged: string[] = [];
  readonly #options: OciWorldOptions;

  constructor(options: OciWorldOptions = {}) {
    this.#options = options;
    this.cloud = new TestCloud({ ...options, clock: this.clock, nodes: ['node1', 'node2'] });
    this.watched = new WatchedCalls(this.cloud.calls());
    this.nodes = this.cloud.nodes.map((one) => this.node(one.name, one.privateIp, one.ipv6));
  }

  node(name: string, address: string, ipv6?: string): Node {
    const made = node(name, address);
    const second = ipv6 === undefined ? [] : [{ type: 'InternalIP', address: ipv6 }];
    return { ...made, status: { ...made.status, addresses: [...(made.status?.addresses ?? []), ...second] } };
  }

  open(): LoadBalancerProvider {
    const { isDefault = false } = this.#options;
    const options = { cluster: 'test', isDefault, log: this.#log(), clock: this.clock };
    const readSecret: ReadSecret = async ({ namespace, name }) => this.secrets.get(`${namespace}/${name}`);
    return ociProvider({ ...options, config: this.config(), calls: this.watched.calls, readSecret });
  }

  config(): OciConfig {
    const { compartmentId, vcnId, subnet1 } = this.cloud.world;
    const { config, tags = { freeform: {}, defined: {} } } = this.#options;
    return {
      credentials: { kind: 'api-key', tenancy: '', user: '', fingerprint: '', privateKey: new Hidden('') },
      region: 'xx-test-1',
      compartment: compartmentId,
      vcn: vcnId,
      loadBalancer: {
        disabled: false,
        subnet1,
        subnet2: undefined,
        securityListManagementMode: 'All',
        securityLists: {},
        ...config,
      },
      tags,
      rateLimits: undefined,
      endpoints: {},
      ca: undefined,
      warnings: [],
    };
  }

  #log(): Logger {
    const log = (fields: object, message: string) => {
      this.logged.push(JSON.stringify({ ...fields, message }));
    };
    return { debug: log, info: log, warn: log, error: log, child: () => this.#log() };
  }

  /** Asks as the controller does, until it is neither waiting nor failing; at most `rounds` times. */
  async settle(provider: LoadBalancerProvider, service: Service, nodes = this.nodes, rounds = 50): Promise<Ensured> {
    for (let round = 0; round < rounds; round++) {
      const outcome = await provider.ensure(service, nodes);
      if (outcome.kind !== 'waiting') return outcome;
      await this.clock.advance(outcome.after);
    }
    throw new Error(`it is not settled after ${rounds} rounds`);
  }

  async removeAll(provider: LoadBalancerProvider, service: Service): Promise<void> {
    for (let round = 0; round < 50; round++) {
      const outcome = await provider.remove(service);
      if (outcome === 'removed') return;
      await this.clock.advance(outcome.after);
    }
    throw new Error('it is not removed after 50 rounds');
  }

  /** Of both types, those that are there. */
  all() {
    const { loadBalancers, networkLoadBalancers } = this.cloud.state;
    return [...loadBalancers.all(), ...networkLoadBalancers.all()].filter(
      ({ lifecycleState }) => lifecycleState !== 'DELETED',
    );
  }

  balancers(): readonly ContractBalancer[] {
    return this.all().map(({ freeformTags, listeners = {}, backendSets = {} }) => ({
      owner: freeformTags?.[SERVICE_TAG] ?? '',
      listeners: Object.values(listeners)
        .map(({ protocol, port }) => `${protocol} ${port}`)
        .sort(),
      backends: Object.values(backendSets)
        .flatMap(({ backends }: { backends?: readonly { ipAddress?: string; port: number }[] }) =>
          (backends ?? []).map(({ ipAddress, port }) => `${ipAddress}:${port}`),
        )
        .sort(),
    }));
  }
}

/** A Service of a type of load balancer, with TCP port 80 on node port 30080. */
export function ociService(
  type: LoadBalancerType,
  spec: Partial<NonNullable<Service['spec']>> = {},
  annotations: Readonly<Record<string, string>> = {},
): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'web',
      namespace: 'ns',
      uid: '5f1c2a58-0000-4000-8000-000000000001',
      annotations: { [ANNOTATIONS.type]: type, ...annotations },
    },
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: 'oci.oraclecloud.com/load-balancer',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'http', protocol: 'TCP', port: 80, nodePort: 30080 }],
      ...spec,
    },
  };
}

/** A Secret of the namespace `ns` with a certificate that is told from others by `text`. */
export function tlsSecret(name: string, text: string): Secret {
  const data = Object.fromEntries(
    ['tls.crt', 'tls.key'].map((key) => [key, Buffer.from(`${key} ${text}`).toString('base64')]),
  );
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'ns', name }, type: 'kubernetes.io/tls', data };
}
