import assert from 'node:assert/strict';
import { type Duplex, PassThrough } from 'node:stream';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { NodeLinks } from './node-links.ts';

const never = new AbortController().signal;

/** A node whose agent opens every connection at once, or keeps the ids of those that it was asked for. */
function linked(answers: boolean, clock = new FakeClock()) {
  const links = new NodeLinks(clock);
  const asked: string[] = [];
  const replaced: number[] = [];
  const leave = links.join('n1', {
    ask: (id) => {
      asked.push(id);
      if (answers) queueMicrotask(() => links.give('n1', id, new PassThrough()));
    },
    replaced: () => replaced.push(1),
  });
  return { links, clock, asked, replaced, leave };
}

test('a node has as many connections as it may, and place again when one has ended', async () => {
  const { links } = linked(true);
  const sockets: Duplex[] = [];
  for (let i = 0; i < 512; i++) sockets.push(await links.connect('n1', never));
  assert.equal(links.connections, 512);
  await assert.rejects(links.connect('n1', never), { code: 429, message: /has 512 streams open/ });
  sockets[0]?.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  sockets.push(await links.connect('n1', never));
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(links.connections, 0);
});

test('an agent that opens nothing is not waited for without end, and what comes too late is ended', async () => {
  const { links, clock, asked } = linked(false);
  const connecting = links.connect('n1', never);
  const refused = assert.rejects(connecting, { code: 504, message: /opened no connection within 10 s/ });
  await clock.advance(10_000);
  await refused;
  const late = new PassThrough();
  assert.equal(links.expects('n1', asked[0] ?? ''), false);
  links.give('n1', asked[0] ?? '', late);
  assert.ok(late.destroyed);
  assert.equal(links.connections, 0);
});

test('who gives up is waited for no longer', async () => {
  const { links } = linked(false);
  const gone = new AbortController();
  const connecting = assert.rejects(links.connect('n1', gone.signal));
  gone.abort();
  await connecting;
  assert.equal(links.connections, 0);
});

test('the newest link to a node is used, and an older one when that ends; there are only so many', async () => {
  const { links, asked, replaced } = linked(true);
  const join = () => links.join('n1', { ask: (id) => links.give('n1', id, new PassThrough()), replaced: () => {} });
  const leaves = [join(), join(), join()];
  (await links.connect('n1', never)).destroy();
  assert.deepEqual([asked.length, replaced.length], [0, 0]);
  for (const leave of leaves) leave();
  (await links.connect('n1', never)).destroy();
  assert.equal(asked.length, 1);
  for (let i = 0; i < 4; i++) join();
  assert.deepEqual([replaced.length, links.nodes], [1, 1]);
});

test('a node that has left cannot be asked; one that has come again can', async () => {
  const { links, leave } = linked(true);
  const again = links.join('n1', { ask: (id) => links.give('n1', id, new PassThrough()), replaced: () => {} });
  leave();
  assert.equal(links.nodes, 1);
  (await links.connect('n1', never)).destroy();
  again();
  await assert.rejects(links.connect('n1', never), { code: 503 });
});
