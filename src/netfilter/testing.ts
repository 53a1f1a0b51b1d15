/** What every Netfilter does, in memory and in the kernel. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Element, elementKey, goto, type Operation, type Table, type TableName } from './model.ts';
import { type Netfilter, TransactionError } from './netfilter.ts';

const NAME: TableName = { family: 'ip', name: 'pst-contract' };
const DROP = { kind: 'verdict', verdict: { kind: 'drop' } } as const;

const RULES = [{ matches: [], statement: DROP }];

const DADDR = { kind: 'daddr' } as const;
const TCP_PORT = { kind: 'dport', protocol: 'tcp' } as const;

/** A table with a map from addresses to verdicts, a set, and two chains to go to. */
const TABLE: Table = {
  ...NAME,
  sets: [
    { name: 'seen', key: { kind: 'types', types: ['address'] } },
    { name: 'ways', key: { kind: 'types', types: ['address'] }, value: 'verdict' },
    {
      name: 'networks',
      key: { kind: 'types', types: ['address'] },
      interval: true,
      elements: [{ key: ['10.0.0.0/8'] }],
    },
    {
      name: 'endpoints',
      key: { kind: 'typeof', expressions: [DADDR, TCP_PORT, { kind: 'random', modulus: 65536 }] },
      value: { kind: 'typeof', expressions: [DADDR, TCP_PORT] },
    },
    { name: 'clients', key: { kind: 'types', types: ['address', 'inet_service', 'address'] }, interval: true },
  ],
  chains: [
    { name: 'left', rules: [{ matches: [], statement: DROP }] },
    { name: 'right', rules: [] },
    {
      name: 'entry',
      hook: { type: 'nat', hook: 'prerouting', priority: -100 },
      rules: [
        { matches: [], statement: { kind: 'vmap', key: [{ kind: 'daddr' }], map: 'ways' } },
        { matches: [{ kind: 'in-set', key: [{ kind: 'saddr' }], set: 'seen' }], statement: DROP },
      ],
    },
  ],
};

const load = { kind: 'replace-table', table: TABLE, elements: [] } as const;
const unload: Operation = { kind: 'delete-table', table: NAME };
/** `naming`: whether whoever changes elements says what types these have. */
export function netfilterContract(
  name: string,
  open: () => Netfilter,
  naming: 'by name alone' | 'with its sets' = 'by name alone',
): void {
  const table: TableName = naming === 'with its sets' ? TABLE : NAME;
  const add = (set: string, element: Element): Operation => ({
    kind: 'add-element',
    table,
    placed: { set, element },
  });
  const remove = (set: string, ip: string): Operation => ({
    kind: 'delete-element',
    table,
    placed: { set, element: { key: [ip] } },
  });
  const way = (ip: string, chain: string): Operation => add('ways', { key: [ip], value: goto(chain) });
  const scenario = (title: string, body: (netfilter: Netfilter) => Promise<void>): void => {
    test(title, async () => {
      const netfilter = open();
      await netfilter.apply([load]);
      await body(netfilter);
      await netfilter.apply([unload]);
    });
  };
  const refused = (promise: Promise<void>): Promise<void> => assert.rejects(promise, TransactionError);

  describe(`Netfilter: ${name}, a table ${naming}`, () => {
    scenario('tells how many rules each chain has', async (netfilter) => {
      const counts = await netfilter.inspect(NAME);
      assert.deepEqual(new Map([...counts].sort()), new Map(Object.entries({ entry: 2, left: 1 })));
    });

    scenario('tells of a table that is gone, and takes removing it again', async (netfilter) => {
      await netfilter.apply([unload, unload]);
      assert.equal((await netfilter.inspect(NAME)).size, 0);
    });

    scenario('puts a table in place of another, with its elements', async (netfilter) => {
      await netfilter.apply([way('10.0.0.1', 'left')]);
      await netfilter.apply([{ ...load, elements: [{ set: 'seen', element: { key: ['10.0.0.2'] } }] }]);
      await netfilter.apply([remove('seen', '10.0.0.2')]);
      await refused(netfilter.apply([remove('ways', '10.0.0.1')]));
    });

    scenario('does nothing of a transaction when one step is refused', async (netfilter) => {
      const chain = { kind: 'add-chain', table: NAME, chain: { name: 'more', rules: RULES } } as const;
      await refused(netfilter.apply([chain, way('10.0.0.1', 'left'), remove('seen', '10.9.9.9')]));
      assert.equal((await netfilter.inspect(NAME)).has('more'), false);
      await refused(netfilter.apply([remove('ways', '10.0.0.1')]));
    });

    scenario('takes an element twice, and never one key with two values', async (netfilter) => {
      await netfilter.apply([way('10.0.0.1', 'left')]);
      await netfilter.apply([way('10.0.0.1', 'left')]);
      await refused(netfilter.apply([way('10.0.0.1', 'right')]));
    });

    scenario('changes the value of a key within one transaction', async (netfilter) => {
      await netfilter.apply([way('10.0.0.1', 'left')]);
      await netfilter.apply([remove('ways', '10.0.0.1'), way('10.0.0.1', 'right')]);
      await netfilter.apply([way('10.0.0.1', 'right')]);
    });

    scenario('takes prefixes beside other components, and one that covers another in its place', async (netfilter) => {
      const client = (range: string) => ({ set: 'clients', element: { key: ['10.96.0.1', 80, range] } });
      const [narrow, wide] = [client('10.1.0.0/16'), client('10.0.0.0/8')];
      await netfilter.apply([narrow, client('0.0.0.0/32')].map((placed) => ({ kind: 'add-element', table, placed })));
      await netfilter.apply([
        { kind: 'delete-element', table, placed: narrow },
        { kind: 'add-element', table, placed: wide },
      ]);
      await netfilter.apply([{ kind: 'delete-element', table, placed: wide }]);
      await refused(netfilter.apply([{ kind: 'delete-element', table, placed: wide }]));
    });

    scenario('keeps a chain that an element leads to', async (netfilter) => {
      const gone = { kind: 'delete-chain', table: NAME, chain: 'left' } as const;
      await netfilter.apply([way('10.0.0.1', 'left')]);
      await refused(netfilter.apply([gone]));
      await netfilter.apply([remove('ways', '10.0.0.1')]);
      await netfilter.apply([gone]);
      assert.equal((await netfilter.inspect(NAME)).has('left'), false);
    });

    scenario('adds a chain and what leads to it at once', async (netfilter) => {
      const chain = { kind: 'add-chain', table: NAME, chain: { name: 'more', rules: RULES } } as const;
      await netfilter.apply([chain, way('10.0.0.1', 'more')]);
      assert.equal((await netfilter.inspect(NAME)).get('more'), 1);
    });

    scenario('tells what its sets hold', async (netfilter) => {
      const held = async (set: string) => {
        const named = TABLE.sets.find(({ name }) => name === set);
        assert(named);
        const all: Element[] = [];
        for await (const some of netfilter.elements(NAME, named)) all.push(...some);
        return all.sort((a, b) => (elementKey(a.key) < elementKey(b.key) ? -1 : 1));
      };
      const client = { key: ['10.96.0.1', 80, '10.1.0.0/16'] };
      const one = { key: ['10.96.0.1', 81, '10.2.0.3/32'] };
      const endpoint = { key: ['10.96.0.1', 80, 70000], value: ['10.9.0.1', 8080] };
      await netfilter.apply([way('10.0.0.1', 'left'), add('seen', { key: ['10.0.0.2'] }), add('clients', client)]);
      await netfilter.apply([add('clients', one), add('endpoints', endpoint)]);
      assert.deepEqual(await held('ways'), [{ key: ['10.0.0.1'], value: goto('left') }]);
      assert.deepEqual(await held('seen'), [{ key: ['10.0.0.2'] }]);
      assert.deepEqual(await held('clients'), [client, { key: ['10.96.0.1', 81, '10.2.0.3'] }]);
      assert.deepEqual(await held('endpoints'), [endpoint]);
      await netfilter.apply([unload]);
      assert.deepEqual(await held('seen'), []);
    });

    scenario('changes what it can after it was refused what it cannot, several times over', async (netfilter) => {
      const nowhere = (ip: string) => remove('seen', ip);
      await refused(netfilter.apply(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(nowhere)));
      await netfilter.apply([way('10.0.0.1', 'left'), add('seen', { key: ['10.0.0.1'] })]);
      await netfilter.apply([]);
      await netfilter.apply([remove('seen', '10.0.0.1'), remove('ways', '10.0.0.1')]);
    });

    scenario('refuses what leads nowhere', async (netfilter) => {
      await refused(netfilter.apply([way('10.0.0.1', 'nowhere')]));
      await refused(netfilter.apply([add('nowhere', { key: ['10.0.0.1'] })]));
    });
  });
}
