/**
 * Times connections from the world's client to its server, some direct and as many through Services, by turns, so that what
 * else the machine does is shared. Runs beside what programmed the kernel, in the same namespace.
 */
import { median } from '../harness.ts';
import { input, output } from './namespace.ts';
import { enter, listenOn, socketAddress, timeConnection, timeNothing } from './sockets.ts';
import { clusterIP, PORT, SERVERS } from './world.ts';

export interface Connect {
  readonly services: number;
  /** Services that are connected to, spread over all. */
  readonly inUse: number;
  readonly samples: number;
}

/** Microseconds for each, without what the call itself takes. */
export interface Connected {
  readonly direct: readonly number[];
  readonly service: readonly number[];
}

const WARM_UP = 500;

const { services, inUse, samples } = input<Connect>();
enter('server');
const listener = listenOn(PORT);
enter('client');
const draw = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T;
const servers = SERVERS.map((ip) => socketAddress(ip, PORT));
const clusterIPs = Array.from({ length: inUse }, (_, i) =>
  socketAddress(clusterIP(Math.floor((i * services) / inUse)), 80),
);
const direct: number[] = [];
const service: number[] = [];
for (let i = -WARM_UP; i < samples; i++) {
  const turns = [
    () => direct.push(timeConnection(listener, draw(servers))),
    () => service.push(timeConnection(listener, draw(clusterIPs))),
  ];
  for (const turn of i % 2 === 0 ? turns : turns.reverse()) turn();
}
const nothing = median(Array.from({ length: 1000 }, timeNothing));
const measured = (times: readonly number[]) => times.slice(WARM_UP).map((time) => time - nothing);
output({ direct: measured(direct), service: measured(service) } satisfies Connected);
