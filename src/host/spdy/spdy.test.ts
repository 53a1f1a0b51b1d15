import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { createDeflate, constants as zlib } from 'node:zlib';
import { DICTIONARY } from './dictionary.ts';
import { SpdyError } from './error.ts';
import { dataHead, type Frame, FrameReader, goAway, ping, rstStream, synReply, synStream } from './frames.ts';
import { HeaderReader, HeaderWriter } from './headers.ts';
import { SpdySession, type SpdyStream } from './session.ts';

function pair(onStream: (stream: SpdyStream) => void): { client: SpdySession; server: SpdySession } {
  const [a, b] = duplexPair();
  return {
    client: new SpdySession(a, { role: 'client' }),
    server: new SpdySession(b, { role: 'server', onStream }),
  };
}

async function text(stream: Duplex): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}

/** RFC 1950 section 8.2. */
function adler32Of(bytes: Buffer): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

test('the dictionary is that of the protocol', () => {
  assert.deepEqual([DICTIONARY.length, adler32Of(DICTIONARY)], [1423, 0xe3c6a7c2]);
});

test('headers are read as they were written, by us and by who compresses with the dictionary', async () => {
  const [writer, reader] = [new HeaderWriter(), new HeaderReader()];
  const blocks = [{ streamtype: 'error' }, { streamtype: 'stdin', port: '80' }, {}];
  for (const headers of blocks) assert.deepEqual(await reader.read(writer.write(headers)), headers);
  reader.close();

  const deflate = createDeflate({ dictionary: DICTIONARY });
  const compressed = async (bytes: Buffer): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    const take = (chunk: Buffer) => chunks.push(chunk);
    deflate.on('data', take);
    deflate.write(bytes);
    await new Promise<void>((resolve) => deflate.flush(zlib.Z_SYNC_FLUSH, resolve));
    deflate.off('data', take);
    return Buffer.concat(chunks);
  };
  const other = new HeaderReader();
  for (const value of ['stdin', 'stdin', 'resize']) {
    // What a writer puts in its stored block, without the heads of zlib and of the block, and the flush at the end.
    const plain = new HeaderWriter().write({ streamtype: value }).subarray(7, -5);
    assert.deepEqual(await other.read(await compressed(plain)), { streamtype: value });
  }
  other.close();
  deflate.close();
});

test('headers that unpack to more than they may, or to something else, are refused', async () => {
  const bomb = await new Promise<Buffer>((resolve) => {
    const chunks: Buffer[] = [];
    const deflate = createDeflate().on('data', (chunk: Buffer) => chunks.push(chunk));
    deflate.on('end', () => resolve(Buffer.concat(chunks))).end(Buffer.alloc(4 * 1024 * 1024));
  });
  assert.ok(bomb.length < 8192);
  for (const block of [bomb, Buffer.from('not zlib at all'), new HeaderWriter().write({ a: 'b' }).subarray(0, 12)]) {
    const reader = new HeaderReader();
    await assert.rejects(reader.read(block), SpdyError);
    reader.close();
  }
});

test('frames are the same however the bytes are cut', () => {
  const block = new HeaderWriter().write({ streamtype: 'data' });
  const bytes = Buffer.concat([
    synStream(1, block),
    synReply(1, block),
    dataHead(1, 5, false),
    Buffer.from('hello'),
    dataHead(1, 0, true),
    ping(2),
    rstStream(3, 5),
    goAway(1),
  ]);
  const whole = [...new FrameReader().take(bytes)];
  assert.deepEqual(
    whole.map(({ kind }) => kind),
    ['syn-stream', 'syn-reply', 'data', 'data', 'ping', 'rst-stream', 'goaway'],
  );
  for (const size of [1, 2, 3, 7, 11, 64]) {
    const reader = new FrameReader();
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; at += size) frames.push(...reader.take(bytes.subarray(at, at + size)));
    const data = frames.flatMap((frame) => (frame.kind === 'data' ? [frame.bytes] : []));
    assert.equal(Buffer.concat(data).toString(), 'hello');
    assert.deepEqual(
      frames.filter(({ kind }) => kind !== 'data'),
      whole.filter(({ kind }) => kind !== 'data'),
    );
  }
});

test('whatever bytes come, they are frames or a mistake, and never more than they are', () => {
  let seed = Buffer.from('spdy');
  for (let round = 0; round < 300; round++) {
    seed = createHash('sha512').update(seed).digest();
    // Half of them begin as a frame does.
    const bytes = round % 2 === 0 ? seed : Buffer.concat([Buffer.from([0x80, 3, 0, round % 10, 0, 0, 0, 20]), seed]);
    try {
      for (const frame of new FrameReader().take(bytes)) assert.ok(frame.kind !== 'data' || frame.bytes.length <= 64);
    } catch (error) {
      assert.ok(error instanceof SpdyError, String(error));
    }
  }
});

test('streams carry bytes both ways, and each direction ends by itself', async () => {
  const { client, server } = pair(async (stream) => {
    const heard = await text(stream);
    stream.end(`${stream.headers['name']} heard ${heard}`);
  });
  const streams = await Promise.all(['a', 'b', 'c'].map((name) => client.open({ name })));
  const answers = streams.map(text);
  for (const stream of streams) stream.end(`${stream.id}`);
  assert.deepEqual(await Promise.all(answers), ['a heard 1', 'b heard 3', 'c heard 5']);
  client.close();
  await Promise.all([client.closed, server.closed]);
});

test('a stream that nobody reads holds up who sends, and no more than a little is kept', async () => {
  let waiting: SpdyStream | undefined;
  const { client } = pair((stream) => {
    waiting = stream;
  });
  const stream = await client.open({});
  const bytes = Buffer.alloc(4 * 1024 * 1024, 'x');
  const sent = new Promise((resolve) => stream.write(bytes, resolve));
  let isSent = false;
  void sent.then(() => {
    isSent = true;
  });
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(waiting !== undefined);
  assert.ok(!isSent && waiting.readableLength < 256 * 1024, `${waiting.readableLength}`);
  stream.end();
  assert.equal((await text(waiting)).length, bytes.length);
  client.destroy();
});

test('streams that are not wanted are refused, and those of a session that ends end with it', async () => {
  const [a, b] = duplexPair();
  const client = new SpdySession(a, { role: 'client' });
  const unwilling = new SpdySession(b, { role: 'server' });
  await assert.rejects(client.open({}), /reset the stream \(3\)/);
  unwilling.destroy();
  await client.closed;
  await assert.rejects(client.open({}), SpdyError);

  const other = pair(() => {});
  const stream = await other.client.open({});
  other.server.close();
  assert.equal(await text(stream), '');
});

test('a stream that is given up is told to the other side, and the others go on', async () => {
  const ended: number[] = [];
  const { client } = pair((stream) => {
    stream.once('close', () => ended.push(stream.id));
    stream.pipe(stream);
  });
  const [first, second] = [await client.open({}), await client.open({})];
  first.destroy();
  second.end('still here');
  assert.equal(await text(second), 'still here');
  assert.equal(ended[0], first.id);
  client.destroy();
});

test('what came before a reset is still read: Kubernetes resets streams that are over', async () => {
  const { client } = pair((stream) => {
    stream.write('last words', () => stream.destroy());
  });
  const stream = await client.open({});
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await text(stream), 'last words');
  client.destroy();
});

test('what came before the connection broke is still read', async () => {
  const [a, b] = duplexPair();
  const client = new SpdySession(a, { role: 'client' });
  new SpdySession(b, { role: 'server', onStream: (stream) => void stream.write('last words') });
  const stream = await client.open({});
  await once(stream, 'readable');
  a.destroy(new Error('reset'));
  await client.closed;
  assert.equal(await text(stream), 'last words');
});

test('who opens more streams than it may is refused, and who breaks the protocol is cut off', async () => {
  const { client } = pair(() => {});
  const opened = await Promise.allSettled(Array.from({ length: 300 }, () => client.open({})));
  assert.equal(opened.filter(({ status }) => status === 'fulfilled').length, 256);
  client.destroy();

  const [a, b] = duplexPair();
  const server = new SpdySession(b, { role: 'server', onStream: () => {} });
  a.write(synStream(2, new HeaderWriter().write({})));
  await server.closed;
  assert.ok(b.destroyed);
});

test('who is leaving is asked for no more streams, and those that are open go on', async () => {
  const [a, b] = duplexPair();
  const client = new SpdySession(a, { role: 'client' });
  const server = new SpdySession(b, { role: 'server', onStream: (stream) => void stream.pipe(stream) });
  const stream = await client.open({});
  b.write(goAway(1));
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(client.open({}), SpdyError);
  stream.end('still here');
  assert.equal(await text(stream), 'still here');
  server.destroy();
});

test('who asks without end, and reads none of the answers, is cut off', async () => {
  const [raw, other] = duplexPair();
  const session = new SpdySession(other, { role: 'server' });
  raw.once('error', () => {});
  const pings = Buffer.concat(Array.from({ length: 1000 }, (_, i) => ping(2 * i + 1)));
  let sent = 0;
  for (; sent < 100 && !other.destroyed; sent++) {
    raw.write(pings);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(sent < 100, 'it was cut off');
  await session.closed;
  assert.ok(other.writableLength < 256 * 1024, String(other.writableLength));
});

test('a ping is answered', async () => {
  const [a, b] = duplexPair();
  new SpdySession(b, { role: 'server', onStream: () => {} });
  a.write(ping(7));
  const [answer] = await Promise.all([new Promise((resolve) => a.once('data', resolve))]);
  assert.deepEqual(answer, ping(7));
  a.destroy();
});
