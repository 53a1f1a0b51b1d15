/** Says who it is and whom it sees, over every protocol: `{"by":"a1","port":9376,"from":"10.244.1.12"}`, one line. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { serveSCTP } from './sctp.ts';

/** What a server says to each question. */
export interface Greeting {
  readonly by: string;
  /** The port that it was asked at. */
  readonly port: number;
  readonly from: string;
}

/** Serves one port over TCP, UDP and SCTP, IPv4 and IPv6. Over TCP, every line is answered with the greeting again. */
export async function serve(name: string, port: number): Promise<void> {
  const greet = (from: string | undefined) => {
    const greeting: Greeting = { by: name, port, from: (from ?? '').replace(/^::ffff:/, '') };
    return `${JSON.stringify(greeting)}\n`;
  };
  const tcp = createServer((socket) => {
    const greeting = greet(socket.remoteAddress);
    socket.on('error', () => {});
    socket.on('data', () => socket.write(greeting));
    socket.write(greeting);
  });
  tcp.listen({ port, host: '::', backlog: 1024 });
  const udp = createSocket({ type: 'udp6', ipv6Only: false, recvBufferSize: 1 << 20 });
  udp.on('message', (_, from) => udp.send(greet(from.address), from.port, from.address));
  udp.bind(port, '::');
  serveSCTP(port, greet);
  await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
}
