/** A way to etcd that loses what is asked or what is answered: a TCP proxy on a free loopback port. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Scope } from './etcd.fixture.ts';

/** `questions`, `answers`: what is lost from now on; the connection then breaks, and later ones are whole. */
export type Loss = 'questions' | 'answers';

export interface LossyWay {
  readonly endpoint: string;
  lose(what: Loss): void;
}

/** Milliseconds after which a connection on which something was lost breaks. */
const BREAK_AFTER = 100;

export async function lossyWay(scope: Scope, to: string): Promise<LossyWay> {
  const { hostname, port } = new URL(to);
  const open = new Set<{ readonly client: Socket; readonly server: Socket }>();
  const listener = createServer((client) => {
    const server = connect(Number(port), hostname);
    const pair = { client, server };
    open.add(pair);
    const end = () => {
      client.destroy();
      server.destroy();
      open.delete(pair);
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.pipe(server);
    server.pipe(client);
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  scope.after(() => {
    for (const { client } of open) client.destroy();
    listener.close();
  });
  const { port: own } = listener.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${own}`,
    lose: (what) => {
      for (const { client, server } of open) {
        const [from, into] = what === 'questions' ? [client, server] : [server, client];
        from.unpipe(into);
        from.resume();
        setTimeout(() => client.destroy(), BREAK_AFTER);
      }
    },
  };
}
