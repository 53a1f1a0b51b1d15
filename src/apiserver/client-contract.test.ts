/** Clients of the real server: the contract that the client's fake passes too. */
import { clientContract } from '../client/contract.ts';
import { createClient, type ServedClient } from '../client/http-client.ts';
import { nearClient } from '../client/near-client.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const CLIENTS: Readonly<Record<string, (server: TestServer) => ServedClient>> = {
  'the HTTP client, over an address,': (server) => createClient(endpointOf(server)),
  'the HTTP client, over a Unix socket,': (server) =>
    createClient({ ...endpointOf(server), socketPath: server.socketPath }),
  "the client in the server's own process": (server) =>
    nearClient(createClient(endpointOf(server)), server.server.reads),
};

function endpointOf({ server, pki, admin }: TestServer) {
  return {
    server: `https://127.0.0.1:${server.port}`,
    caData: pki.caCertificate,
    clientCertificate: admin.certificate,
    clientKey: admin.key,
  };
}

for (const [name, connect] of Object.entries(CLIENTS)) {
  clientContract(name, async () => {
    const server = await startTestServer({ socket: true });
    const client = connect(server);
    return {
      client,
      close: async () => {
        client.close();
        await server.close();
      },
    };
  });
}
