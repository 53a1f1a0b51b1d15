/**
 * An API server of few words, for tests of failover. It has one Lease, which changes every 50 ms, on all such servers alike: revision N
 * comes N x 50 ms after the moment that is given. Run with its address, its port and that moment, in milliseconds since 1970.
 */
import { createServer, type ServerResponse } from 'node:http';
import { Lease } from '../api/coordination/v1/lease.ts';

const TICK = 50;

const [host = '', port = '', zero = ''] = process.argv.slice(2);
const newest = () => Math.floor((Date.now() - Number(zero)) / TICK);
const lease = (revision: number): Lease => ({
  apiVersion: Lease.apiVersion,
  kind: Lease.kind,
  metadata: { name: 'a', namespace: 'ns', resourceVersion: String(revision) },
});

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://server');
  if (searchParams.has('watch')) return watch(response, Number(searchParams.get('resourceVersion')));
  const now = newest();
  if (!pathname.endsWith('/leases')) return response.end(JSON.stringify(lease(now)));
  return response.end(JSON.stringify({ metadata: { resourceVersion: String(now) }, items: [lease(now)] }));
});

function watch(response: ServerResponse, from: number): void {
  let told = from;
  const tell = () => {
    for (; told < newest(); told++)
      response.write(`${JSON.stringify({ type: 'MODIFIED', object: lease(told + 1) })}\n`);
  };
  response.flushHeaders();
  const timer = setInterval(tell, TICK);
  response.once('close', () => clearInterval(timer));
}

server.listen(Number(port), host, () => process.send?.('listening'));
