/** The HTTP client against the real server: the contract that the client's fake passes too. */
import { clientContract } from '../client/contract.ts';
import { createClient } from '../client/http-client.ts';
import { startTestServer } from './testing/server.ts';

for (const where of ['an address', 'a Unix socket'] as const) {
  clientContract(`the HTTP client, over ${where},`, async () => {
    const server = await startTestServer({ socket: true });
    const client = createClient({
      server: `https://127.0.0.1:${server.server.port}`,
      ...(where === 'a Unix socket' ? { socketPath: server.socketPath } : {}),
      caData: server.pki.caCertificate,
      clientCertificate: server.admin.certificate,
      clientKey: server.admin.key,
    });
    return {
      client,
      close: async () => {
        client.close();
        await server.close();
      },
    };
  });
}
