/** What the manifests in `examples/metallb/` must come to, in a cluster of node-a, node-b and node-c; see `examples.test.ts`. */

export interface Expectation {
  /** The file's name, without `.yaml`. */
  readonly example: string;
  /** The addresses of each Service; none: it waits, or is somebody else's. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** Who may announce an address, in any order, with `@INTERFACE,…` where it is told where. Others: every node. */
  readonly announcers?: Readonly<Record<string, readonly string[]>>;
  /** The fields of the MetalLB object that kubectl warns of, as they have no effect. */
  readonly warnings?: readonly string[];
  /** The nodes that come first for an address, in this order. */
  readonly first?: Readonly<Record<string, readonly string[]>>;
}

export const EXPECTATIONS: readonly Expectation[] = [
  { example: 'layer2', addresses: { 'default/web': ['192.0.2.240'] } },
  { example: 'addresses', addresses: { 'default/web': ['192.0.2.0'], 'default/six': ['2001:db8:1::'] } },
  { example: 'single-address', addresses: { 'default/web': ['203.0.113.64'] } },
  {
    example: 'auto-assign',
    addresses: {
      'default/any': ['192.0.2.48'],
      'default/by-pool': ['203.0.113.72'],
      'default/by-address': ['203.0.113.75'],
    },
  },
  {
    example: 'service-allocation',
    addresses: {
      'team-a/shop': ['198.51.100.1'],
      'team-b/shop': ['198.51.100.2'],
      'team-a/blog': ['198.51.100.16'],
      'default/shop': ['198.51.100.17'],
    },
  },
  {
    example: 'priorities',
    addresses: { 'default/a': ['198.51.100.49'], 'default/b': ['198.51.100.48'], 'default/c': ['198.51.100.32'] },
  },
  { example: 'avoid-buggy-ips', addresses: { 'default/web': ['203.0.113.1'] } },
  {
    example: 'advertise-by-name',
    addresses: { 'default/seen': ['192.0.2.64'], 'default/unseen': ['192.0.2.80'] },
    announcers: { '192.0.2.80': [] },
  },
  {
    example: 'advertise-by-label',
    addresses: { 'default/unseen': ['192.0.2.96'], 'default/seen': ['192.0.2.112'] },
    announcers: { '192.0.2.96': [] },
  },
  {
    example: 'nodes',
    addresses: { 'default/first': ['192.0.2.128'], 'default/second': ['192.0.2.144'] },
    announcers: { '192.0.2.128': ['node-a', 'node-b'], '192.0.2.144': ['node-c'] },
  },
  {
    example: 'interfaces',
    addresses: { 'default/web': ['192.0.2.160'] },
    announcers: { '192.0.2.160': ['node-a@eno1', 'node-b@eno1,ens18', 'node-c@eno1'] },
  },
  {
    example: 'preferred-nodes',
    addresses: { 'default/web': ['192.0.2.176'] },
    first: { '192.0.2.176': ['node-b', 'node-c', 'node-a'] },
  },
  {
    example: 'services',
    addresses: { 'default/shop': ['192.0.2.192'], 'default/ledger': ['192.0.2.193'] },
    announcers: { '192.0.2.192': ['node-b', 'node-c'], '192.0.2.193': [] },
  },
  {
    example: 'share-address',
    addresses: { 'default/dns-tcp': ['198.51.100.70'], 'default/dns-udp': ['198.51.100.70'] },
  },
  {
    example: 'specific-address',
    addresses: {
      'default/annotated': ['198.51.100.90'],
      'default/annotated-of-old': ['198.51.100.91'],
      'default/by-field': ['198.51.100.92'],
    },
  },
  {
    example: 'specific-pool',
    addresses: {
      'default/anywhere': ['198.51.100.96'],
      'default/public': ['198.51.100.112'],
      'default/public-of-old': ['198.51.100.113'],
    },
  },
  {
    example: 'dual-stack',
    addresses: {
      'default/prefers': ['203.0.113.96', '2001:db8:2::'],
      'default/requires': ['2001:db8:2::1', '203.0.113.97'],
      'default/asks': ['203.0.113.100', '2001:db8:2::a'],
    },
  },
  {
    example: 'traffic-policy',
    addresses: { 'default/cluster': ['203.0.113.112'], 'default/local': ['203.0.113.113'] },
    announcers: { '203.0.113.113': ['node-a'] },
  },
  {
    example: 'metallb',
    addresses: { 'default/served': ['203.0.113.128'], 'default/of-others': [] },
    announcers: { '203.0.113.128': ['node-b', 'node-c'] },
  },
  {
    example: 'operator',
    addresses: { 'default/web': ['203.0.113.144'] },
    announcers: { '203.0.113.144': ['node-b', 'node-c'] },
    warnings: [
      'speakerTolerations',
      'controllerNodeSelector',
      'controllerTolerations',
      'controllerConfig',
      'speakerConfig',
      'bgpBackend',
    ],
  },
];

/** The labels of the cluster's nodes besides their host names. */
export const NODES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'node-a': { zone: 'b' },
  'node-b': { zone: 'a', 'node-role': 'edge' },
  'node-c': { zone: 'b', 'node-role': 'edge' },
};
