/** Lists in a loop, on many connections: what one client can do to a server. Run with the server's port, a CA, a certificate and its key. */
import { Agent, get } from 'node:https';

const LOOPS = 24;

const [port = '', ca = '', cert = '', key = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: LOOPS, ca, cert, key });
let refused = 0;
let lists = 0;
let told = false;

function list(): Promise<void> {
  return new Promise((resolve) => {
    const request = get({ agent, host: '127.0.0.1', port, path: '/api/v1/configmaps' }, (response) => {
      if (response.statusCode === 200) lists++;
      else refused++;
      response.resume().once('close', resolve);
    });
    request.once('error', () => resolve());
  });
}

async function loop(): Promise<void> {
  while (process.connected) {
    await list();
    if (lists + refused < LOOPS || told) continue;
    told = true;
    process.send?.('flooding');
  }
}

process.once('message', () => {
  process.send?.({ lists, refused });
  process.disconnect();
});
await Promise.all(Array.from({ length: LOOPS }, loop));
agent.destroy();
