/**
 * A client of the API like any other that knows all servers, as a program at its place. Argument: a kubeconfig. Reads an object, again
 * and again, and prints what went wrong, a line each. Ends with its standard input, after the number of its requests.
 */
import { Service } from '../../src/api/core/v1/service.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';

/** Milliseconds between two requests. */
const EVERY = 50;

const [path = '', namespace = '', name = ''] = process.argv.slice(2);
const client = createClient(await loadKubeconfig(path));
const ended = new AbortController();
process.stdin.resume().once('end', () => ended.abort());
console.log('ready');
let asked = 0;
while (!ended.signal.aborted) {
  asked++;
  await client
    .get(Service, { namespace, name })
    .catch((error: unknown) => console.log(`request ${asked}: ${String(error).replaceAll('\n', ' ')}`));
  await new Promise((resolve) => setTimeout(resolve, EVERY));
}
client.close();
console.log(`asked ${asked}`);
