import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../host/clock.ts';
import { printMetrics } from '../../../lib/metrics.ts';
import { ConnectionLimits } from './connections.ts';
import { FailedTokens } from './failed-tokens.ts';
import { sourceOf } from './source.ts';

let port = 1000;
/** A connection from an address, as far as limits know it. */
function connection(remoteAddress: string | undefined): Socket & { destroyed: boolean } {
  const emitter = new EventEmitter();
  const socket = Object.assign(emitter, {
    ...{ remoteAddress, remotePort: port++, localAddress: '192.0.2.1', localPort: 6443, destroyed: false },
    destroy() {
      socket.destroyed = true;
      emitter.emit('close');
    },
  });
  return socket as unknown as Socket & { destroyed: boolean };
}

const limits = () => new ConnectionLimits({ perSource: 4, unknownPerSource: 2, unknown: 5 });

/** So many connections from there, and which of them were ended. */
function connect(to: ConnectionLimits, address: string | undefined, count: number) {
  const sockets = Array.from({ length: count }, () => connection(address));
  for (const socket of sockets) to.onConnection(socket);
  return sockets;
}
const ended = (sockets: readonly { destroyed: boolean }[]) => sockets.map(({ destroyed }) => destroyed);
const show = (to: ConnectionLimits, socket: Socket) => to.shown(socket, to.newcomer(socket) ?? '');

describe('connections', () => {
  it('of one source are bounded, those that have not shown who they are more so', () => {
    const to = limits();
    const sockets = connect(to, '192.0.2.9', 2);
    assert.deepEqual(ended(connect(to, '192.0.2.9', 1)), [true]);
    for (const socket of sockets) show(to, socket);
    assert.deepEqual(ended(connect(to, '192.0.2.9', 3)), [false, false, true]);
    sockets[0]?.destroy();
    const text = printMetrics(to.metrics());
    assert.match(text, /connections\{authenticated="true"\} 1\n/);
    assert.match(text, /connections\{authenticated="false"\} 2\n/);
    assert.match(text, /connections_refused_total 2\n/);
  });

  it('of an IPv6 network are of one source, whatever address of it they come from', () => {
    const to = limits();
    const all = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1'].flatMap((address) =>
      connect(to, address, 1),
    );
    assert.deepEqual(ended(all), [false, false, true, false]);
    assert.equal(sourceOf(connection('::ffff:192.0.2.9')), '192.0.2.9');
    assert.equal(sourceOf(connection(undefined)), undefined);
  });

  it('that are the oldest make way when there are too many that have not shown who they are', () => {
    const to = limits();
    const all = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6'].flatMap((address) =>
      connect(to, address, 1),
    );
    assert.deepEqual(ended(all), [true, false, false, false, false, false]);
  });

  it('of this machine may be more before they have shown who they are; those of a Unix socket are not counted', () => {
    const to = limits();
    assert.deepEqual(ended(connect(to, '127.0.0.1', 5)), [false, false, false, false, true]);
    assert.deepEqual(ended(connect(to, undefined, 9)), new Array(9).fill(false));
  });
});

describe('tokens that are not good', () => {
  const from = '192.0.2.9';

  it('are looked at only so often, of one source, and again after a while', () => {
    const clock = new FakeClock();
    const failed = new FailedTokens(clock);
    for (let i = 0; i < 50; i++) {
      failed.check(from);
      failed.failed(from);
    }
    assert.throws(() => failed.check(from), { code: 429 });
    failed.check('192.0.2.8');
    void clock.advance(200);
    failed.check(from);
  });

  it('of very many sources take memory for some of them', () => {
    const failed = new FailedTokens(new FakeClock());
    for (let i = 0; i < 50; i++) failed.failed(from);
    for (let i = 0; i < 10_000; i++) failed.failed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    failed.check(from);
  });
});
