/**
 * A client and a server, each in a network namespace, and this one between them, as a node between two pods: everything
 * is routed and tracked here, with a Service or without.
 */
import { execFileSync } from 'node:child_process';

export const CLIENT = '10.244.1.2';
/** The server has all of these. */
export const SERVERS = Array.from({ length: 5 }, (_, host) => `10.244.2.${host + 11}`);
export const PORT = 9376;

/** The cluster IP of the Service with this number. */
export const clusterIP = (number: number): string => `10.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;

/** Builds it in this namespace, which must be new. What it makes ends with this process. */
export function buildWorld(): void {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  for (const name of ['client', 'server']) execFileSync('ip', ['netns', 'add', name]);
  batch(
    [],
    [
      'link set lo up',
      'link add to-client type veth peer name eth0 netns client',
      'link add to-server type veth peer name eth0 netns server',
      'addr add 10.244.1.1/24 dev to-client',
      'addr add 10.244.2.1/24 dev to-server',
      'link set to-client up',
      'link set to-server up',
      // A node has a default route.
      'route add default via 10.244.2.11',
    ],
  );
  batch(
    ['-n', 'client'],
    ['link set lo up', `addr add ${CLIENT}/24 dev eth0`, 'link set eth0 up', 'route add default via 10.244.1.1'],
  );
  batch(
    ['-n', 'server'],
    [
      'link set lo up',
      ...SERVERS.map((ip) => `addr add ${ip}/24 dev eth0`),
      'link set eth0 up',
      'route add default via 10.244.2.1',
    ],
  );
  execFileSync('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
}

/** Commands of ip(8), all in one go. */
function batch(namespace: readonly string[], lines: readonly string[]): void {
  execFileSync('ip', [...namespace, '-batch', '-'], { input: lines.join('\n'), stdio: ['pipe', 'ignore', 'inherit'] });
}
