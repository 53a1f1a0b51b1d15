/**
 * What every firewall does, whichever it is. A subject that is a real one is to be run alone, in a network namespace of its
 * own. Whether packets get through is for tests of each firewall.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { IP_FAMILIES, type IPFamily } from '../lib/ip.ts';
import {
  type Admission,
  admissionKey,
  compareAdmissions,
  type FirewallBackend,
  type Opening,
  type PodTraffic,
} from './backend.ts';

export interface BackendSubject {
  /** Makes the place; once, before all. */
  readonly setUp?: () => Promise<void>;
  /** A backend as a run of the program opens it. What an earlier one put there stays. */
  readonly open: () => Promise<FirewallBackend>;
  /** The whole firewall as text, everybody's rules: permanent ones too, without counters and handles. */
  readonly dump: () => Promise<string>;
  /** Rules of the administrator's that no opening of the contract needs or meets; once, before all. */
  readonly strangers?: () => Promise<void>;
  /** What others may do to rules of ours: a reload, a flush. */
  readonly damages?: Readonly<Record<string, () => Promise<void>>>;
  /** Ends what {@link open} gave, as a kill -9 of the program would. */
  readonly abandon?: (backend: FirewallBackend) => Promise<void>;
  readonly tearDown?: () => Promise<void>;
}

/** Addresses of the node, which a subject's interface may have, and of a load balancer, which it has not. */
export const NODE = { IPv4: '192.168.50.1', IPv6: 'fd00:50::1' } as const;
export const VIP = { IPv4: '192.168.50.100', IPv6: 'fd00:50::100' } as const;
/** Prefixes of clients. */
export const CLIENTS = {
  IPv4: ['192.168.50.7/32', '198.51.100.0/24'],
  IPv6: ['2001:db8:7::/48', 'fd00:50::7/128'],
} as const;

/** An opening of a load balancer's address, but for `more`. */
export function opening(family: IPFamily, port: number, more: Partial<Opening> = {}): Opening {
  const base = { owner: 'default/web', kind: 'load-balancer', policy: 'managed', protocol: 'tcp' } as const;
  return { ...base, family, address: VIP[family], port, ...more };
}

const inBoth = (build: (family: IPFamily) => Opening): readonly Opening[] => IP_FAMILIES.map(build);
const nodePorts = inBoth((family) =>
  opening(family, 30_080, { address: NODE[family], kind: 'node-port', owner: 'default/nodes' }),
);
const addresses = inBoth((family) => opening(family, 80));
const datagrams = inBoth((family) => opening(family, 80, { protocol: 'udp' }));
const limited = inBoth((family) => opening(family, 443, { sources: CLIENTS[family] }));

const PODS: PodTraffic = {
  bridge: 'postern0',
  pods: ['10.244.0.0/24', '10.244.1.0/24', 'fd00:244::/64', 'fd00:244:0:1::/64'],
  peers: [
    ...['10.244.0.0/24', '10.244.1.0/24', '192.168.50.2/32'],
    ...['fd00:244::/64', 'fd00:244:0:1::/64', 'fd00:50::2/128'],
  ],
};

/** What the firewall is told of an opening, and can tell of it. */
const admissions = (all: readonly Admission[]): readonly Admission[] =>
  [...all].sort(compareAdmissions).map(({ family, address, protocol, port, sources, policy }) => ({
    ...{ family, address, protocol, port, policy },
    ...(sources === undefined ? {} : { sources: [...sources].sort() }),
  }));

export function firewallContract(name: string, subject: BackendSubject, options: { timeout?: number } = {}): void {
  describe(`FirewallBackend: ${name}`, { timeout: 180_000, ...options }, () => {
    let backend: FirewallBackend;
    let untouched: string;
    const holds = async (wanted: readonly Opening[]) => {
      assert.deepEqual(admissions(await backend.current()), admissions(wanted));
      const verdicts = await backend.verdicts(wanted);
      assert.equal(verdicts.length, wanted.length);
      wanted.forEach((one, i) => {
        assert.deepEqual(verdicts[i], { kind: 'open-by-us' }, admissionKey(one));
      });
    };
    const isClosed = async (gone: readonly Opening[]) => {
      for (const { kind } of await backend.verdicts(gone)) assert.notEqual(kind, 'open-by-us');
    };

    before(async () => {
      await subject.setUp?.();
      await subject.strangers?.();
      untouched = await subject.dump();
      backend = await subject.open();
    });
    after(async () => {
      await subject.tearDown?.();
    });

    test('opening it changes nothing, and neither does asking', async () => {
      assert.deepEqual(await backend.current(), []);
      await isClosed(addresses);
      assert.equal(await subject.dump(), untouched);
    });

    test('a load opens node ports and addresses, in both families', async () => {
      await backend.load([...nodePorts, ...addresses]);
      await holds([...nodePorts, ...addresses]);
    });

    test('a load of the same changes nothing', async () => {
      const before = await subject.dump();
      await backend.load([...addresses, ...nodePorts]);
      assert.equal(await subject.dump(), before);
    });

    test('a load takes the place of what was there', async () => {
      await backend.load([...addresses, ...limited]);
      await holds([...addresses, ...limited]);
      await isClosed(nodePorts);
    });

    test('a change opens, and closes one without the others', async () => {
      await backend.load(addresses);
      await backend.change({ added: [...nodePorts, ...limited], removed: [] });
      await holds([...addresses, ...nodePorts, ...limited]);
      await backend.change({ added: [], removed: nodePorts });
      await holds([...addresses, ...limited]);
      await isClosed(nodePorts);
    });

    test('protocols of one port are opened and closed apart', async () => {
      await backend.load(addresses);
      await backend.change({ added: datagrams, removed: [] });
      await holds([...addresses, ...datagrams]);
      await backend.change({ added: [], removed: addresses });
      await holds(datagrams);
      await isClosed(addresses);
    });

    for (const family of IP_FAMILIES) {
      test(`${family} is opened and closed without the other family`, async () => {
        const ours = addresses.filter((one) => one.family === family);
        const others = addresses.filter((one) => one.family !== family);
        await backend.load(ours);
        await holds(ours);
        await isClosed(others);
        await backend.change({ added: others, removed: ours });
        await holds(others);
        await isClosed(ours);
      });
    }

    test('who may come changes: anyone, some, others, nobody', async () => {
      const some = inBoth((family) => opening(family, 80, { sources: CLIENTS[family] }));
      const fewer = inBoth((family) => opening(family, 80, { sources: CLIENTS[family].slice(1) }));
      const nobody = inBoth((family) => opening(family, 80, { sources: [] }));
      await backend.load(addresses);
      for (const [before, now] of [
        [addresses, some],
        [some, fewer],
        [fewer, addresses],
      ] as const) {
        await backend.change({ removed: before, added: now });
        await holds(now);
      }
      await backend.change({ removed: addresses, added: nobody });
      await isClosed(nobody);
      await backend.change({ removed: nobody, added: some });
      await holds(some);
    });

    test('another run finds what one that was killed left, and closes what is not wanted any more', async () => {
      await backend.load([...nodePorts, ...limited]);
      const before = await subject.dump();
      await subject.abandon?.(backend);
      backend = await subject.open();
      await holds([...nodePorts, ...limited]);
      await backend.load([...nodePorts, ...limited]);
      assert.equal(await subject.dump(), before);
      await subject.abandon?.(backend);
      backend = await subject.open();
      await backend.load(limited);
      await holds(limited);
      await isClosed(nodePorts);
    });

    for (const [damage, inflict] of Object.entries(subject.damages ?? {})) {
      test(`what others take away a load puts back: ${damage}`, async () => {
        const wanted = [...nodePorts, ...limited];
        await backend.load(wanted);
        await inflict();
        await backend.load(wanted);
        await holds(wanted);
        await backend.change({ added: addresses, removed: nodePorts });
        await holds([...addresses, ...limited]);
      });
    }

    test('removal leaves the firewall as it was found, also after a run that was killed', async () => {
      await backend.load([...nodePorts, ...addresses, ...limited]);
      assert.notEqual(await subject.dump(), untouched);
      await subject.abandon?.(backend);
      backend = await subject.open();
      await backend.remove();
      assert.equal(await subject.dump(), untouched);
      await backend.remove();
      assert.equal(await subject.dump(), untouched);
      await isClosed([...nodePorts, ...addresses, ...limited]);
    });

    test('what is there for pods is put there, changed and removed, apart from what is exposed', async () => {
      await backend.load(addresses);
      const before = await subject.dump();
      await backend.letPods(PODS);
      const withPods = await subject.dump();
      assert.notEqual(withPods, before);
      await holds(addresses);
      await subject.abandon?.(backend);
      backend = await subject.open();
      await backend.load(addresses);
      await backend.letPods(PODS);
      assert.equal(await subject.dump(), withPods);
      await backend.letPods({ ...PODS, peers: PODS.pods });
      await backend.change({ added: limited, removed: [] });
      await backend.letPods(PODS);
      await backend.change({ added: [], removed: limited });
      assert.equal(await subject.dump(), withPods);
      await backend.letPods(undefined);
      assert.equal(await subject.dump(), before);
      await backend.letPods(PODS);
      await subject.abandon?.(backend);
      backend = await subject.open();
      await backend.remove();
      assert.equal(await subject.dump(), untouched);
    });

    test('what is closed one by one leaves nothing of it', async () => {
      await backend.load([]);
      await backend.change({ added: [...nodePorts, ...limited], removed: [] });
      await backend.change({ added: [], removed: nodePorts });
      await backend.change({ added: [], removed: limited });
      assert.deepEqual(await backend.current(), []);
      await backend.remove();
      assert.equal(await subject.dump(), untouched);
    });
  });
}
