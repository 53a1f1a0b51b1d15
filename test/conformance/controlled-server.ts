/** An API server with its controllers, for tests of what they do together. */
import {
  type Json,
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from '../../src/apiserver/testing/server.ts';
import { createClient } from '../../src/client/http-client.ts';
import { startControllers } from '../../src/controllers/controllers.ts';
import { silentLogger } from '../../src/host/log.ts';

export interface ControlledServer {
  readonly api: TestServer;
  close(): Promise<void>;
}

export async function startControlledServer(options: TestServerOptions = {}): Promise<ControlledServer> {
  const api = await startTestServer(options);
  const ended = new AbortController();
  const { certificate, key } = api.admin;
  const client = createClient({
    server: `https://127.0.0.1:${api.server.port}`,
    caData: api.pki.caCertificate,
    clientCertificate: certificate,
    clientKey: key,
  });
  await startControllers({ client, log: silentLogger, clusterCIDRs: [] }, ended.signal);
  return {
    api,
    async close() {
      ended.abort();
      client.close();
      await api.close();
    },
  };
}

/** How long anything may take, in milliseconds: only a failure waits for it. */
const PATIENCE = 20_000;

/**
 * The state of an object of a collection once it `isIt`, as a list and then a watch tell it; undefined when the object is
 * gone, or goes.
 */
export async function until(
  api: TestServer,
  collection: string,
  name: string,
  isIt: (object: Json) => boolean,
): Promise<Json> {
  const path = `${collection}?fieldSelector=metadata.name%3D${name}`;
  const { body } = await api.call('GET', path);
  const [now] = body.items;
  if (now === undefined || isIt(now)) return now;
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), PATIENCE);
  try {
    const from = `&watch=true&resourceVersion=${body.metadata.resourceVersion}`;
    for await (const { type, object } of api.watch(path + from, ended.signal)) {
      if (type === 'DELETED') return undefined;
      if (type !== 'BOOKMARK' && isIt(object)) return object;
    }
    throw new Error(`nothing of the sort was heard of ${name}`);
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
}
