import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../host/clock.ts';
import { ApiServers } from './api-servers.ts';

const A = 'https://192.0.2.1:6443';
const B = 'https://192.0.2.2:6443';
const C = 'https://192.0.2.3:6443';
const nameOf = async (servers: ApiServers) => (await servers.choose()).name;

describe('the API servers', () => {
  it('are used in the order that was given, and one that failed not again for ten seconds', async () => {
    const clock = new FakeClock();
    const servers = new ApiServers({ server: A, otherServers: [B, C] }, { clock });
    assert.equal(await nameOf(servers), A);
    servers.failed(await servers.choose());
    assert.equal(await nameOf(servers), B);
    servers.failed(await servers.choose());
    await clock.advance(9999);
    assert.equal(await nameOf(servers), C);
    servers.failed(await servers.choose());
    // All have failed: the first has had the longest time to come back.
    await clock.advance(1);
    assert.equal(await nameOf(servers), A);
  });

  it('stay the same while nothing fails, also when others are learned of and when credentials are renewed', async () => {
    const servers = new ApiServers({ server: A, otherServers: [B], token: 'old' });
    const chosen = await servers.choose();
    servers.learn([C, A]);
    assert.equal(await servers.choose(), chosen);
    assert.deepEqual(servers.urls, [A, B, C]);
    servers.renew({ clientCertificate: 'CERT', clientKey: 'KEY' });
    const renewed = await servers.choose();
    assert.deepEqual(renewed, { name: A, endpoint: { server: A, clientCertificate: 'CERT', clientKey: 'KEY' } });
    assert.deepEqual(
      servers.all().map(({ server, clientKey, token }) => [server, clientKey, token]),
      [A, B, C].map((server) => [server, 'KEY', undefined]),
    );
  });

  it('are spread over by those who are to, who go back after some minutes', async () => {
    const clock = new FakeClock();
    const servers = new ApiServers({ server: A, otherServers: [B, C] }, { clock, spread: true, random: () => 0.5 });
    assert.equal(await nameOf(servers), B);
    await clock.advance(10 * 60_000);
    servers.failed(await servers.choose());
    assert.equal(await nameOf(servers), C);
    await clock.advance(7 * 60_000);
    assert.equal(await nameOf(servers), C);
    await clock.advance(30_000);
    assert.equal(await nameOf(servers), B);
  });

  it('are gone back to more and more seldom where that never lasts', async () => {
    const clock = new FakeClock();
    const servers = new ApiServers({ server: A, otherServers: [B] }, { clock, spread: true, random: () => 0 });
    const back: number[] = [];
    for (let minute = 0; minute < 200; minute++) {
      if ((await nameOf(servers)) === A) {
        back.push(minute);
        servers.failed(await servers.choose());
        await servers.choose();
      }
      await clock.advance(60_000);
    }
    assert.deepEqual(back, [0, 10, 30, 70, 150]);
  });

  it('give a new one its share of those who are to spread', async () => {
    const moved = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const clock = new FakeClock();
        const servers = new ApiServers({ server: A, otherServers: [B] }, { clock, spread: true, random: () => i / 30 });
        await servers.choose();
        servers.learn([A, B, C]);
        await clock.advance(5 * 60_000);
        return (await nameOf(servers)) === C;
      }),
    );
    assert.equal(moved.filter(Boolean).length, 10);
  });

  it('are looked up again by name when one fails, and told of where they change', async () => {
    const clock = new FakeClock();
    let addresses = ['192.0.2.1', '192.0.2.2'];
    const server = 'https://api.example:6443';
    const servers = new ApiServers({ server }, { clock, lookUp: async () => addresses });
    assert.equal(await nameOf(servers), `${server} (192.0.2.1)`);
    const told: (string | undefined)[][] = [];
    const forget = servers.onChange(() => told.push(servers.all().map(({ connectTo }) => connectTo)));
    addresses = ['192.0.2.2', '192.0.2.3'];
    await clock.advance(6000);
    servers.failed(await servers.choose());
    assert.equal((await servers.choose()).endpoint.connectTo, '192.0.2.2');
    assert.deepEqual(told, [addresses]);
    forget();
    addresses = [];
    await clock.advance(6000);
    servers.failed(await servers.choose());
    await servers.choose();
    assert.equal(told.length, 1);
  });

  it('are one behind a socket, whatever else is heard, and no more than there can be', () => {
    const local = new ApiServers({ server: A, socketPath: '/run/x.sock' });
    local.learn([B, C]);
    assert.equal(local.several, false);
    const servers = new ApiServers({ server: A });
    servers.learn(['no URL', ...Array.from({ length: 1000 }, (_, i) => `https://10.0.${i >> 8}.${i & 255}:1`)]);
    assert.equal(servers.count, 33);
  });
});
