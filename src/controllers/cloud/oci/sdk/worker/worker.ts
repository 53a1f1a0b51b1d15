/** The thread that has the SDK. */
import tls from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
import type { FromThread, ThreadData, ToThread } from '../messages.ts';
import { sdkAnswer } from './answer.ts';
import { type Clients, openClients } from './clients.ts';
import { type Exchange, withExchange } from './exchange.ts';
import { failureOf } from './failure.ts';
import { sdkRequest } from './request.ts';

const port = parentPort;
if (port === null) throw new Error('this file runs as a thread');
const data = workerData as ThreadData;
// For this thread alone, and for all that the SDK does in it.
if (data.ca !== undefined) tls.setDefaultCACertificates([...tls.getCACertificates(), data.ca]);

const tell = (message: FromThread): void => port.postMessage(message);
port.on('message', (call: ToThread) => {
  const exchange: Exchange = { signal: AbortSignal.timeout(call.limit), stage: 'signing' };
  const done = withExchange(exchange, () => Promise.race([invoke(call, exchange), timeUp(exchange.signal)]));
  done.then(
    (response) => tell({ kind: 'answer', id: call.id, response }),
    (error) => tell({ kind: 'failure', id: call.id, failure: failureOf(call.operation, exchange, error) }),
  );
});
tell({ kind: 'ready' });

let opened: Promise<Clients> | undefined;

/** The metadata service may be out of reach for a while: then it is tried again with the next call. */
function clients(): Promise<Clients> {
  opened ??= openClients(data).catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

async function invoke({ service, operation, request }: ToThread, exchange: Exchange): Promise<unknown> {
  const client = (await clients())[service];
  const call: unknown = Reflect.get(client, operation);
  exchange.stage = 'composing';
  if (typeof call !== 'function') throw new Error(`the SDK has no ${operation}`);
  return sdkAnswer(await Reflect.apply(call, client, [sdkRequest(operation, request)]));
}

function timeUp(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
