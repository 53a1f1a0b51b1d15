/** For tests: a server over HTTPS that answers as it is told, also wrongly, and a configuration to reach it with. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import type { Logger } from '../../../../host/log.ts';
import { Secret } from '../config/secret.ts';
import type { OciConfig } from '../config.ts';
import type { ApiKey } from '../testing/api-key.ts';
import { issue, makeAuthority } from '../testing/certificates.ts';

export type Answering = (request: IncomingMessage, body: string, response: ServerResponse) => void;

export interface TestServer {
  readonly endpoint: string;
  /** In PEM. */
  readonly ca: string;
  /** Of connections that were made to it. */
  readonly connections: () => number;
  readonly stop: () => void;
}

export async function startTestServer(answer: Answering): Promise<TestServer> {
  const authority = await makeAuthority('CN=test authority');
  const { certificate, key } = await issue(authority, { subject: 'CN=test server', host: '127.0.0.1' });
  let connections = 0;
  const server = createServer({ cert: certificate, key }, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    answer(request, body, response);
  });
  server.on('connection', () => {
    connections++;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `https://127.0.0.1:${port}`,
    ca: authority.certificate,
    connections: () => connections,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export const TENANCY = 'ocid1.tenancy.oc1..aaaatenancy';
export const USER = 'ocid1.user.oc1..aaaauser';
export const COMPARTMENT = 'ocid1.compartment.oc1..aaaacompartment';

export function testConfig({ endpoint, ca }: TestServer, { privateKey, fingerprint }: ApiKey): OciConfig {
  const credentials = { kind: 'api-key', tenancy: TENANCY, user: USER, fingerprint } as const;
  return {
    credentials: { ...credentials, privateKey: new Secret(privateKey) },
    region: 'us-phoenix-1',
    compartment: COMPARTMENT,
    vcn: undefined,
    loadBalancer: {
      disabled: false,
      subnet1: undefined,
      subnet2: undefined,
      securityListManagementMode: 'All',
      securityLists: {},
    },
    tags: { freeform: {}, defined: {} },
    rateLimits: undefined,
    endpoints: { core: endpoint, loadBalancer: endpoint, networkLoadBalancer: endpoint },
    ca,
    warnings: [],
  };
}

/** Keeps all that is logged, as deep as it goes. */
export function loggerTo(lines: string[]): Logger {
  const log = (fields: object, message: string) => void lines.push(`${message} ${inspect(fields, { depth: 9 })}`);
  return { debug: log, info: log, warn: log, error: log, child: () => loggerTo(lines) };
}
