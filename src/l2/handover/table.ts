/**
 * What the kernel is to do with packets of connections that this node does not know, to addresses that it has taken over while
 * their former announcer still worked: pass them on. Pure.
 */
import type {
  Chain,
  Element,
  NamedSet,
  Operation,
  Rule,
  Table,
  TableFamily,
  Transaction,
} from '../../netfilter/model.ts';

const NAME = 'postern-l2';
const FORMER = 'former';
const PASS_ON = 'pass-on';
const DADDR = { kind: 'daddr' } as const;
/** After connection tracking has looked at a packet (-200), before destinations are translated (-100). */
const BEFORE_TRANSLATION = -150;

/** Seconds after which an entry ends that nobody renews: this program may have been killed. */
export const ENTRY_SECONDS = 600;

const former: NamedSet = {
  name: FORMER,
  key: { kind: 'types', types: ['address'] },
  value: { kind: 'types', types: ['address'] },
  timeout: ENTRY_SECONDS,
};

/** A new connection is this node's own; all else that it does not know is the former announcer's, or nobody's. */
const entrance: Rule = {
  matches: [{ kind: 'in-set', key: [DADDR], set: FORMER }, { kind: 'mid-connection' }, { kind: 'unknown' }],
  statement: { kind: 'verdict', verdict: { kind: 'goto', chain: PASS_ON } },
};

const chains: readonly Chain[] = [
  {
    name: PASS_ON,
    rules: [
      { matches: [], statement: { kind: 'duplicate', key: [DADDR], map: FORMER } },
      { matches: [], statement: { kind: 'verdict', verdict: { kind: 'drop' } } },
    ],
  },
  {
    name: 'prerouting',
    hook: { type: 'filter', hook: 'prerouting', priority: BEFORE_TRANSLATION },
    rules: [entrance],
  },
];

const TABLES: Readonly<Record<TableFamily, Table>> = {
  ip: { family: 'ip', name: NAME, sets: [former], chains },
  ip6: { family: 'ip6', name: NAME, sets: [former], chains },
};

/** Former announcers' addresses, by the address that was taken over; all in canonical text. */
export type Formers = ReadonlyMap<string, string>;

/** Puts tables with exactly these entries in place of whatever is there. */
export function wholeTables(formers: Formers): Transaction {
  const all = [...formers].map(([address, to]) => ({ family: familyOf(address), placed: placed(address, to) }));
  return Object.values(TABLES).map((table): Operation => {
    const elements = all.filter(({ family }) => family === table.family).map(({ placed }) => placed);
    return { kind: 'replace-table', table, elements };
  });
}

/** Changes one entry; where it stays as it is, its time begins anew. */
export function entryChange(address: string, before: string | undefined, after: string | undefined): Transaction {
  const table = TABLES[familyOf(address)];
  const remove = (to: string): Operation => ({ kind: 'delete-element', table, placed: placed(address, to) });
  const add = (to: string): Operation => ({ kind: 'add-element', table, placed: placed(address, to) });
  return [...(before === undefined ? [] : [remove(before)]), ...(after === undefined ? [] : [add(after)])];
}

export const NO_TABLES: Transaction = Object.values(TABLES).map(({ family, name }) => ({
  kind: 'delete-table',
  table: { family, name },
}));

function placed(address: string, to: string): { readonly set: string; readonly element: Element } {
  return { set: FORMER, element: { key: [address], value: [to] } };
}

function familyOf(address: string): TableFamily {
  return address.includes(':') ? 'ip6' : 'ip';
}
