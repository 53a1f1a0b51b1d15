/** From what is forwarded to the rules that make the kernel do it, and where in the trees they belong. */
import {
  IPTABLES_TABLES,
  type IptablesTable,
  type Match,
  type Rule,
  type Target,
} from '../../netfilter/iptables/model.ts';
import { type Endpoint, endpointKey, type Frontend, frontendKey } from '../forwarding/forwarding.ts';
import {
  AUDIENCES,
  affinityList,
  audienceChain,
  frontendChain,
  HAIRPIN,
  masqueradeChain,
  REFUSE,
  STRAY,
  treeRoot,
} from './layout.ts';
import { addressSteps, portSteps, type Step } from './tree.ts';

/** Rules that stand together in a chain. */
export interface Entry {
  readonly table: IptablesTable;
  /** How the chain is reached, from one that is always there; none: nothing leads there but rules of other entries. */
  readonly steps: readonly Step[];
  readonly chain: string;
  /** Names it, and orders it, among the entries of its chain. */
  readonly key: string;
  readonly rules: readonly Rule[];
}

/** The rules of one frontend. `service` is for people who read them. */
export function frontendEntries(frontend: Frontend, service: string): Entry[] {
  const { endpoints, sources } = frontend;
  const entries: Entry[] = [];
  if (endpoints.length > 0) {
    const chain = frontendChain(frontendKey(frontend));
    entries.push({ table: 'nat', steps: [], chain, key: '', rules: forwardRules(frontend) });
    const target: Target = { kind: 'goto', chain };
    entries.push(placed('nat', frontend, sourceRules(frontend, service, target)));
  }
  const unserved: Rule[] = [];
  // Whoever may connect has been forwarded, or hears that nobody is there.
  if (endpoints.length === 0) unserved.push(...sourceRules(frontend, service, UNAVAILABLE[frontend.unavailable]));
  if (sources !== undefined) unserved.push({ matches: asked(frontend, service), target: { kind: 'drop' } });
  if (unserved.length > 0) entries.push(placed('filter', frontend, unserved));
  return entries;
}

const UNAVAILABLE: Readonly<Record<Frontend['unavailable'], Target>> = {
  refuse: { kind: 'goto', chain: REFUSE },
  discard: { kind: 'drop' },
};

/** One rule for everybody, or one for each of those who may connect. */
function sourceRules(frontend: Frontend, service: string, target: Target): Rule[] {
  const matches = asked(frontend, service);
  if (frontend.sources === undefined) return [{ matches, target }];
  return frontend.sources.map((address) => ({ matches: [{ kind: 'source', address }, ...matches], target }));
}

/** What a client of the frontend asks for. */
function asked({ entrance, protocol, port }: Frontend, service: string): Match[] {
  const address: Match[] = entrance.kind === 'address' ? [{ kind: 'destination', address: entrance.ip }] : [];
  const ports = { first: port, last: port };
  return [...address, { kind: 'protocol', protocol, ports }, { kind: 'comment', text: service }];
}

/** Puts rules where the trees lead those who ask for the frontend. */
function placed(table: IptablesTable, frontend: Frontend, rules: readonly Rule[]): Entry {
  const { audience, entrance, protocol, port } = frontend;
  const root = treeRoot({ audience, entrance: entrance.kind });
  const steps =
    entrance.kind === 'address' ? addressSteps(root, 'destination', entrance.ip) : portSteps(root, protocol, port);
  return { table, steps, chain: leaf(root, steps), key: frontendKey(frontend), rules };
}

const leaf = (root: string, steps: readonly Step[]): string => steps.at(-1)?.to ?? root;

/** Whose source is replaced, who returns to where it was, and whom everyone else is led to. */
function forwardRules(frontend: Frontend): Rule[] {
  const { endpoints, masquerade } = frontend;
  return [
    { matches: [], target: { kind: 'jump', chain: masqueradeChain(masquerade) } },
    ...endpoints.flatMap((endpoint) => returnRule(frontend, endpoint)),
    ...endpoints.map((endpoint, i) => drawRule(frontend, endpoint, endpoints.length - i)),
  ];
}

/** Every new connection counts the time of affinity anew. */
function returnRule(frontend: Frontend, endpoint: Endpoint): Rule[] {
  const { affinity, protocol } = frontend;
  if (affinity === undefined) return [];
  const list = affinityList(frontendKey(frontend), endpointKey(endpoint));
  const seen: Match = { kind: 'seen', list, seconds: affinity };
  return [{ matches: [{ kind: 'protocol', protocol }, seen, { kind: 'note', list }], target: toEndpoint(endpoint) }];
}

/** Takes its share of those that the rules before it left: one in as many as there still are. */
function drawRule(frontend: Frontend, endpoint: Endpoint, left: number): Rule {
  const { affinity, protocol } = frontend;
  const matches: Match[] = [{ kind: 'protocol', protocol }];
  if (left > 1) matches.push({ kind: 'one-in', count: left });
  if (affinity !== undefined) {
    matches.push({ kind: 'note', list: affinityList(frontendKey(frontend), endpointKey(endpoint)) });
  }
  return { matches, target: toEndpoint(endpoint) };
}

const toEndpoint = ({ ip, port }: Endpoint): Target => ({ kind: 'dnat', ip, port });

/** A Service's address has no other ports: say so, instead of letting the client wait. */
export function virtualAddressEntry(ip: string): Entry {
  const root = treeRoot({ audience: 'anyone', entrance: 'address' });
  const steps = addressSteps(root, 'destination', ip);
  const rule: Rule = { matches: [{ kind: 'destination', address: ip }], target: { kind: 'goto', chain: STRAY } };
  // Behind all frontends of the address.
  return { table: 'filter', steps, chain: leaf(root, steps), key: `~${ip}`, rules: [rule] };
}

/** Node ports are served at this address. */
export function nodeAddressEntries(ip: string): Entry[] {
  return IPTABLES_TABLES.flatMap((table) =>
    AUDIENCES.map((audience): Entry => {
      const target: Target = { kind: 'jump', chain: treeRoot({ audience, entrance: 'node-port' }) };
      const rules: Rule[] = [{ matches: [{ kind: 'destination', address: ip }], target }];
      return { table, steps: [], chain: audienceChain(audience), key: ip, rules };
    }),
  );
}

/**
 * A guest that reaches itself through a Service needs its source replaced, or it would see its own address as the source
 * and drop the packet. One level of branches: a node has a few hundred guests.
 */
export function hairpinEntry(ip: string): Entry {
  const steps = addressSteps(HAIRPIN, 'source', ip, 1);
  const matches: Match[] = [
    { kind: 'source', address: ip },
    { kind: 'destination', address: ip },
  ];
  return {
    table: 'nat',
    steps,
    chain: leaf(HAIRPIN, steps),
    key: ip,
    rules: [{ matches, target: { kind: 'masquerade' } }],
  };
}
