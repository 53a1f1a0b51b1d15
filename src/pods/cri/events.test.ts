import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { silentLogger } from '../../host/log.ts';
import { openRuntime } from './client.ts';
import { definitionsIn } from './connection.ts';
import { type ContainerEvent, type ContainerRuntime, CRIError } from './cri.ts';

type Call = ServerWritableStream<object, object>;

const definition = (await definitionsIn('runtime.proto'))['runtime.v1.RuntimeService'];
assert.ok(definition !== undefined && !('format' in definition));
const service = definition;

/** A runtime that has GetContainerEvents, as containerd since 1.7; of the other calls it knows nothing. */
async function newerRuntime(socketPath: string, onListener: (call: Call) => void): Promise<Server> {
  const server = new Server();
  server.addService(service, { GetContainerEvents: onListener });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${socketPath}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  return server;
}

let runtime: ContainerRuntime;
let server: Server;
let ends: AbortController;
let listening: PromiseWithResolvers<Call>;

beforeEach(async (t) => {
  ends = new AbortController();
  listening = Promise.withResolvers();
  assert.ok('after' in t);
  const socketPath = join(tempDir(t), 's');
  server = await newerRuntime(socketPath, listening.resolve);
  runtime = await openRuntime({ socketPath, log: silentLogger });
});
afterEach(() => {
  runtime.close();
  server.forceShutdown();
});

test('the runtime’s own events are passed on as they come', async () => {
  const events = runtime.events(ends.signal)[Symbol.asyncIterator]();
  const first = events.next();
  const call = await listening.promise;
  call.write({ containerId: 'a', containerEventType: 'CONTAINER_CREATED_EVENT' });
  assert.deepEqual((await first).value, { type: 'CREATED', containerID: 'a' } satisfies ContainerEvent);
  for (const type of ['STARTED', 'STOPPED', 'DELETED'] as const) {
    call.write({ containerId: 'b', containerEventType: `CONTAINER_${type}_EVENT` });
    assert.deepEqual((await events.next()).value, { type, containerID: 'b' });
  }
  const last = events.next();
  ends.abort();
  assert.deepEqual(await last, { done: true, value: undefined });
});

test('a runtime that ends the events, or is gone, is told', async () => {
  const ended = assert.rejects(Array.fromAsync(runtime.events(ends.signal)), isLost);
  (await listening.promise).end();
  await ended;
  listening = Promise.withResolvers();
  const gone = assert.rejects(Array.fromAsync(runtime.events(ends.signal)), isLost);
  server.forceShutdown();
  await gone;
});

test('a runtime that knows neither kind of events is told', async () => {
  server.removeService(service);
  await assert.rejects(
    Array.fromAsync(runtime.events(ends.signal)),
    (error: unknown) => error instanceof CRIError && error.code === 'unimplemented' && error.call === 'Subscribe',
  );
});

const isLost = (error: unknown): boolean => error instanceof CRIError && error.code === 'unavailable';
