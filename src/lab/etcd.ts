/** An etcd with a member beside every server of a lab, as command lines. Members and clients know each other by certificates. */
import { printIP } from '../lib/ip.ts';
import { LabError } from './error.ts';
import type { EtcdCertificates } from './etcd-certificates.ts';
import { missingPrograms } from './privileges.ts';
import type { Place } from './topology.ts';

const CLIENT_PORT = 2379;
const PEER_PORT = 2380;
/** Plain HTTP, and only for its own place: whether the member has a leader. */
const HEALTH_URL = 'http://127.0.0.1:2381';

/** Throws a {@link LabError} with the remedy when this machine cannot run members. */
export function checkEtcd(): void {
  const { programs, packages } = missingPrograms({ etcd: 'etcd-server', curl: 'curl' });
  if (programs.length === 0) return;
  throw new LabError(
    `Several servers keep their objects in an etcd, and these are missing: ${programs.join(', ')}. Install: apt-get install -y --no-install-recommends ${packages.join(' ')}`,
  );
}

/** Client URLs of all members, that of `first` first. */
export function etcdEndpoints(servers: readonly Place[], first: Place): readonly string[] {
  return [first, ...servers.filter((server) => server !== first)].map((server) => url(server, CLIENT_PORT));
}

export interface MemberOptions {
  readonly server: Place;
  /** All that have a member. */
  readonly servers: readonly Place[];
  readonly dataDir: string;
  readonly files: EtcdCertificates;
}

/** Runs one member in its server's place. Prints `ready` when the cluster has a leader. */
export function memberArgv({ server, servers, dataDir, files }: MemberOptions): readonly string[] {
  const { certificate, key } = files.member;
  const argv = [
    ...[`--name=${server.name}`, `--data-dir=${dataDir}`, '--initial-cluster-token=postern-lab'],
    `--initial-cluster=${servers.map((each) => `${each.name}=${url(each, PEER_PORT)}`).join(',')}`,
    ...[`--listen-peer-urls=${url(server, PEER_PORT)}`, `--initial-advertise-peer-urls=${url(server, PEER_PORT)}`],
    ...[`--listen-client-urls=${url(server, CLIENT_PORT)}`, `--advertise-client-urls=${url(server, CLIENT_PORT)}`],
    ...[`--cert-file=${certificate}`, `--key-file=${key}`, `--trusted-ca-file=${files.ca}`, '--client-cert-auth'],
    ...[`--peer-cert-file=${certificate}`, `--peer-key-file=${key}`, `--peer-trusted-ca-file=${files.ca}`],
    ...['--peer-client-cert-auth', `--listen-metrics-urls=${HEALTH_URL}`],
    ...['--heartbeat-interval=100', '--election-timeout=1000', '--logger=zap', '--log-level=warn'],
  ];
  return ['sh', '-c', RUN, `${HEALTH_URL}/health`, ...argv];
}

/** Says `ready` when the member does, and runs it. */
const RUN = `
( ( until curl -fs -m 2 -o /dev/null "$0"; do kill -0 $$ || exit; sleep 0.1; done; echo ready ) & )
exec etcd "$@"
`;

function url({ addresses: [address] }: Place, port: number): string {
  if (address === undefined) throw new Error('a server has an address');
  const host = address.family === 'IPv6' ? `[${printIP(address)}]` : printIP(address);
  return `https://${host}:${port}`;
}
