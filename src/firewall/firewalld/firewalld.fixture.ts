// Real firewalld and real packets: run alone in fresh namespaces by firewalld.test.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import { silentLogger } from '../../host/log.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
import type { Opening } from '../backend.ts';
import { CLIENTS, NODE, opening } from '../contract.ts';
import { isFirewalldRunning, openFirewalld } from './firewalld.ts';
import { FirewalldHost, firewallCmd, run, until } from './testing/host.ts';

const host = new FirewalldHost();

/** Accepts connections of both families until the test ends. */
async function listen(t: TestContext, port: number): Promise<number> {
  const server = createServer((socket) => socket.end()).listen(port, '::');
  t.after(() => server.close());
  await once(server, 'listening');
  return port;
}

before(async () => {
  process.env['DBUS_SYSTEM_BUS_ADDRESS'] = 'unix:path=/nonexistent/bus';
  assert.equal(await isFirewalldRunning(), false, 'without a bus');
  await host.start();
});
after(() => host.stop());

describe('firewalld', () => {
  const wanted: readonly Opening[] = [
    opening('IPv4', 80),
    opening('IPv6', 7952, { kind: 'heartbeats', protocol: 'udp' }),
  ];
  const life = new AbortController();
  const backend = openFirewalld({ interfaces: ['lan0'], log: silentLogger, signal: life.signal });
  const verdict = async (one: Opening) => (await backend.verdicts([one]))[0];
  const isOpen = async () => (await backend.current()).length === wanted.length;

  after(async () => {
    await backend.remove();
    life.abort();
  });

  test('firewall-cmd shows what is open, and the same as before once all is closed', async () => {
    const list = () => firewallCmd('--list-all', '--zone=public').split('\n').sort().join('\n');
    const before = list();
    await backend.load(wanted);
    assert.match(
      list(),
      /priority="31952" family="ipv6" destination address="fd00:50::100" port port="7952" protocol="udp"/,
    );
    await backend.remove();
    assert.equal(list(), before);
  });

  test('packets get in while it is open, from where they may, and no more once it is closed', async (t) => {
    const server = await listen(t, 10_256);
    for (const family of IP_FAMILIES) {
      const probe = opening(family, 10_256, { kind: 'health-check', address: NODE[family] });
      const near = { ...probe, sources: [...CLIENTS[family]] };
      const far = { ...probe, sources: [family === 'IPv4' ? '203.0.113.0/24' : '2001:db8:9::/48'] };
      await backend.load([]);
      assert.equal(await host.connects(NODE[family], server), false, `${family} closed`);
      for (const [before, now, isOpen] of [
        [[], [probe], true],
        [[probe], [far], false],
        [[far], [near], true],
        [[near], [], false],
      ] as const) {
        await backend.change({ removed: before, added: now });
        assert.equal(await host.connects(NODE[family], server), isOpen, `${family} ${JSON.stringify(now)}`);
      }
    }
  });

  test('an interface is in the zone that the beginning of its name was put into', async (t) => {
    const server = await listen(t, 10_256);
    const probe = opening('IPv4', server, { kind: 'health-check', address: NODE.IPv4 });
    firewallCmd('--zone=work', '--add-interface=lan+');
    t.after(() => firewallCmd('--zone=work', '--remove-interface=lan+'));
    await backend.load([probe]);
    assert.equal(await host.connects(NODE.IPv4, server), true);
    assert.deepEqual(await verdict(probe), { kind: 'open-by-us' });
    await backend.load([]);
    assert.equal(await host.connects(NODE.IPv4, server), false);
  });

  test('what is translated gets by the zone, as its verdict says', async (t) => {
    const server = await listen(t, 10_256);
    await backend.load([]);
    const nodePort = opening('IPv4', 30_080, { kind: 'node-port', address: NODE.IPv4 });
    assert.equal(await host.connects(NODE.IPv4, nodePort.port), false);
    const hook = 'type nat hook prerouting priority dstnat';
    run('nft', `table ip pst-test { chain c { ${hook}; tcp dport ${nodePort.port} redirect to :${server}; }; }`);
    t.after(() => run('nft', 'delete table ip pst-test'));
    assert.equal(await host.connects(NODE.IPv4, nodePort.port), true);
    assert.equal((await verdict(nodePort))?.kind, 'bypassed');
    assert.equal(await host.connects(NODE.IPv4, server), false, 'what is not translated');
  });

  test('what is open stays so through a reload, without us', async () => {
    await backend.load(wanted);
    firewallCmd('--reload');
    assert.ok(await isOpen());
  });

  test('a restart of firewalld, its reload and its end are told, and what is missing is put back', async () => {
    const watched = new AbortController();
    let told = 0;
    backend.watch?.(() => {
      told += 1;
    }, watched.signal);
    const isTold = async (what: string, happens: () => Promise<unknown> | unknown) => {
      const before = told;
      // The first of them may come before the subscription: it happens again until it is heard of.
      await until(what, async () => {
        await happens();
        await until('it is told', () => told > before, 1_000);
        return true;
      });
    };
    await isTold('a reload', () => firewallCmd('--reload'));
    await isTold('a restart', async () => {
      await host.stopFirewalld();
      await assert.rejects(backend.load(wanted), /firewalld does not run/);
      assert.equal(await isFirewalldRunning(), false);
      await host.startFirewalld();
    });
    assert.ok(await isOpen(), 'from its permanent configuration');
    await isTold('a rule of ours that was removed', () => {
      const [rule = ''] = firewallCmd('--zone=public', '--list-rich-rules').match(/^.*port port="80".*$/m) ?? [];
      firewallCmd('--zone=public', `--remove-rich-rule=${rule}`);
    }).finally(() => backend.load(wanted));
    assert.ok(await isOpen());
    await isTold('a bus that went away', async () => {
      await host.stopFirewalld();
      await host.stopBus();
      await assert.rejects(backend.load(wanted), { name: 'BusError' });
      await host.startBus();
      await host.startFirewalld();
    });
    await backend.load(wanted);
    assert.ok(await isOpen());
    watched.abort();
  });

  test('panic mode is left alone, and told', async () => {
    await backend.load([]);
    firewallCmd('--panic-on');
    await assert.rejects(backend.load(wanted), /panic mode.*--panic-off/);
    assert.deepEqual(await verdict(opening('IPv4', 80)), { kind: 'blocked', by: 'panic mode of firewalld' });
    assert.equal(firewallCmd('--query-panic').trim(), 'yes');
    firewallCmd('--panic-off');
    await backend.load(wanted);
    assert.ok(await isOpen());
  });

  test('says who opens a port, who blocks it, and that translation bypasses the zone', async () => {
    await backend.load([]);
    const probe = opening('IPv4', 10_256, { kind: 'health-check', address: NODE.IPv4 });
    assert.deepEqual(await verdict(probe), {
      kind: 'blocked',
      by: 'zone public of firewalld, which refuses what it does not name',
    });
    assert.equal((await verdict(opening('IPv4', 8080)))?.kind, 'bypassed');
    firewallCmd('--zone=public', '--add-port=10000-10300/tcp');
    assert.deepEqual(await verdict(probe), {
      kind: 'open-by-others',
      by: 'port 10000-10300/tcp of zone public of firewalld',
    });
    const refusal = 'rule family="ipv4" port port="10256" protocol="tcp" reject';
    firewallCmd('--zone=public', `--add-rich-rule=${refusal}`);
    assert.deepEqual(await verdict(probe), { kind: 'blocked', by: `${refusal}, in zone public of firewalld` });
    await backend.load([probe]);
    assert.equal((await verdict(probe))?.kind, 'blocked', 'what the administrator refuses stays refused');
  });
});
