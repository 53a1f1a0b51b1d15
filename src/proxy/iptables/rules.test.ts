import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mustParseIP } from '../../lib/ip.ts';
import type { Iptables } from '../../netfilter/iptables/iptables.ts';
import type { Hook, TablePatch } from '../../netfilter/iptables/model.ts';
import { SavedTable } from '../../netfilter/iptables/saved.ts';
import { desiredForwarding } from '../forwarding/desired.ts';
import { ForwardingTable } from '../forwarding/forwarding-table.ts';
import { service, slice } from '../testing/builders.ts';
import { numbered } from '../testing/many.ts';
import { LOCALITIES, NODE_ADDRESSES, NODE_NAME, setService } from '../testing/node.ts';
import { randomChange, randomFrom } from '../testing/random-changes.ts';
import { iptablesMode } from './iptables-mode.ts';
import { DEFAULT_MARK, hooks, PREFIX } from './layout.ts';
import { renderIptables } from './render.ts';
import { IptablesRules, rulesOf } from './rules.ts';

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const web = service('web', { clusterIPs: ['10.96.0.10'] });

function newTable(): ForwardingTable {
  const table = new ForwardingTable(LOCALITIES.keys());
  table.setNodeAddresses(NODE_ADDRESSES.map(mustParseIP));
  return table;
}

async function serving(table: ForwardingTable): Promise<IptablesRules> {
  table.takeChanges();
  return rulesOf(table, new IptablesRules({ localities: LOCALITIES, mark: DEFAULT_MARK }));
}

/** The chains that a change writes, and the rules in them. */
function written(patches: readonly TablePatch[]): readonly string[] {
  return patches.flatMap(({ family, table, chains }) =>
    chains.map(({ chain, after }) => `${family} ${table} ${chain.replace(/-F-.*/, '-F')} ${after?.length ?? 'gone'}`),
  );
}

describe('a change of one Service', () => {
  const change = async (...ips: string[]) => {
    const table = newTable();
    setService(table, web, [web, slice('web', ['10.244.2.1', '10.244.2.2'])]);
    const rules = await serving(table);
    setService(table, web, [web, slice('web', ips, { addressType: 'IPv4' })]);
    rules.note(table.takeChanges());
    return written(rules.takePatches());
  };

  test('that replaces an endpoint writes one chain', async () => {
    assert.deepEqual(await change('10.244.2.1', '10.244.2.9'), ['IPv4 nat POSTERN-F 3']);
  });

  test('that takes the last endpoint removes its chains, and refuses instead', async () => {
    assert.deepEqual(await change(), [
      'IPv4 nat POSTERN-F gone',
      'IPv4 nat POSTERN-VIP 0',
      'IPv4 nat POSTERN-VIP-00a gone',
      'IPv4 nat POSTERN-VIP-0a gone',
      'IPv4 nat POSTERN-VIP-a gone',
      'IPv4 filter POSTERN-VIP-00a 2',
    ]);
  });

  test('that changes nothing for this node writes nothing', async () => {
    assert.deepEqual(await change('10.244.2.2', '10.244.2.1'), []);
  });

  test('writes as much, however many Services there are', async () => {
    const table = newTable();
    for (let number = 0; number < 1000; number++) {
      const [one, ...slices] = numbered(number);
      setService(table, one as typeof web, slices as ReturnType<typeof slice>[]);
    }
    const rules = await serving(table);
    const [one, , second] = numbered(7);
    setService(table, one as typeof web, [slice('service-7', ['10.244.2.77']), second as ReturnType<typeof slice>]);
    rules.note(table.takeChanges());
    assert.deepEqual(written(rules.takePatches()), ['IPv4 nat POSTERN-F 2']);
  });
});

test('everything that a node writes fits the kernel: names have 28 characters at most', async () => {
  const table = newTable();
  const ports = [{ port: 80, protocol: 'SCTP' as const, nodePort: 30000 }];
  const local = { type: 'LoadBalancer' as const, externalTrafficPolicy: 'Local' as const, ports };
  setService(table, service('web', { clusterIPs: ['10.96.0.10', 'fd00:10:96::10'], ...local }), [
    slice('web', [{ addresses: ['10.244.1.5'], nodeName: NODE_NAME }], { protocol: 'SCTP' }),
  ]);
  const text = await renderIptables(table, LOCALITIES);
  const names = [...text.matchAll(/^:(\S+)/gm)].map(([, name = '']) => name);
  assert(names.length > 50);
  for (const name of names) assert(name.startsWith(PREFIX) && name.length <= 28, name);
});

test('the same Services make the same text, in whatever order they came', async () => {
  const objects = Array.from({ length: 20 }, (_, number) => numbered(number));
  const render = (order: typeof objects) => {
    const table = newTable();
    for (const [one, ...slices] of order) setService(table, one as typeof web, slices as ReturnType<typeof slice>[]);
    return renderIptables(table, LOCALITIES);
  };
  assert.equal(await render(objects), await render([...objects].reverse()));
});

test('what leads to our chains is put there once, and stays where someone moved it', async () => {
  const rules = await serving(newTable());
  const wanted = hooks('nat', 'IPv4');
  const difference = async (actual: readonly Hook[]) => {
    const saved = new SavedTable(PREFIX);
    saved.hooks.push(...actual);
    const { hooked, unhooked } = await rules.difference('IPv4', 'nat', saved);
    return [hooked.map(({ into }) => into), unhooked.map(({ into }) => into)];
  };
  const [first, ...rest] = wanted;
  assert(first !== undefined);
  const old = { into: 'PREROUTING', rule: '-j POSTERN-OLD' };
  assert.deepEqual(await difference([]), [['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'], []]);
  assert.deepEqual(await difference([...wanted].reverse()), [[], []]);
  assert.deepEqual(await difference([first, first, ...rest]), [['PREROUTING'], ['PREROUTING', 'PREROUTING']]);
  assert.deepEqual(await difference([old, ...wanted]), [['PREROUTING'], ['PREROUTING', 'PREROUTING']]);
});

test('with node ports on localhost, loopback addresses stay off the wire; without, nothing is said of them', async () => {
  const localities = new Map(
    [...LOCALITIES].map(([family, locality]) => {
      return [family, { ...locality, localhostNodePorts: family === 'IPv4' }];
    }),
  );
  const text = await renderIptables(newTable(), localities);
  for (const chain of ['INPUT', 'FORWARD']) {
    assert.match(text, new RegExp(`-A POSTERN-${chain} -s 127.0.0.0/8 ! -i lo -j DROP\n`));
    assert.match(text, new RegExp(`-A POSTERN-${chain} -d 127.0.0.0/8 ! -i lo -j DROP\n`));
  }
  assert.match(text, /-A POSTERN-PREROUTING -d 127\.0\.0\.0\/8 -j RETURN\n/);
  assert.doesNotMatch(await renderIptables(newTable(), LOCALITIES), /127\.0\.0\.0/);
});

test('a mark is one bit', async () => {
  const iptables = {} as Iptables;
  for (const mark of [0, 3, -1, 1.5, 2 ** 32]) {
    assert.throws(() => iptablesMode({ iptables, localities: LOCALITIES, mark }), RangeError);
  }
  assert.match(await renderIptables(newTable(), LOCALITIES, 2 ** 31), /--mark 0x80000000\/0x80000000 /);
});

/** A kernel's table in memory. */
class Chains {
  readonly chains = new Map<string, readonly string[]>();

  apply(patch: TablePatch): void {
    for (const { chain, before, after } of patch.chains) {
      assert.deepEqual(this.chains.get(chain), before, chain);
      if (after === undefined) this.chains.delete(chain);
      else this.chains.set(chain, after);
    }
    for (const [chain, rules] of this.chains) {
      for (const rule of rules) {
        const [, target = ''] = /-[jg] (POSTERN-\S+)$/.exec(rule) ?? [];
        assert(target === '' || this.chains.has(target), `${chain} leads to ${target}, which is not there`);
      }
    }
  }
}

test(`any history writes what its end alone would, and what is refused leaves no trace (SEED=${SEED})`, async () => {
  const random = randomFrom(SEED);
  const table = newTable();
  const rules = await serving(table);
  const kernel = new Map<string, Chains>();
  const of = ({ family, table: name }: TablePatch) => {
    const key = `${family} ${name}`;
    const chains = kernel.get(key) ?? new Chains();
    kernel.set(key, chains);
    return chains;
  };
  const empty = () => new SavedTable(PREFIX);
  const everything = async (all: IptablesRules) => {
    const patches: TablePatch[] = [];
    for (const family of all.families) {
      for (const name of ['nat', 'filter'] as const) patches.push(await all.difference(family, name, empty()));
    }
    return patches;
  };
  for (const patch of await everything(rules)) of(patch).apply(patch);
  for (let step = 0; step < 500; step++) {
    const { name, service: one, slices } = randomChange(random);
    table.set(`default/${name}`, one && desiredForwarding(one, slices, { name: NODE_NAME }));
    if (random() < 0.3) continue;
    const changes = table.takeChanges();
    if (random() < 0.3) {
      rules.note(changes);
      rules.takePatches();
      rules.undo();
    }
    rules.note(changes);
    for (const patch of rules.takePatches()) of(patch).apply(patch);
    rules.keep();
  }
  rules.note(table.takeChanges());
  for (const patch of rules.takePatches()) of(patch).apply(patch);
  for (const patch of await everything(await serving(table))) {
    const wanted = patch.chains.map(({ chain, after }) => [chain, after]);
    assert.deepEqual([...of(patch).chains].sort(), wanted.sort());
  }
});
