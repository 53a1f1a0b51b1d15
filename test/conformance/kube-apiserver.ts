/** A real kube-apiserver for tests, where there is one: $KUBE_APISERVER, or `kube-apiserver` in the PATH. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoint } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { printKubeconfig } from '../../src/client/kubeconfig.ts';
import { type CommandResult, runCommand } from '../../src/host/process.ts';
import { freePorts } from '../../src/store/etcd/etcd.fixture.ts';

const KUBE_APISERVER = process.env['KUBE_APISERVER'] ?? 'kube-apiserver';
/** How long it may take until it serves, on a busy machine. */
const READY_WITHIN = 90_000;

/** The `skip` of tests with it. */
export function skipWithoutKubeApiserver(): string | false {
  const { error } = spawnSync(KUBE_APISERVER, ['--version']);
  return error === undefined ? false : 'there is no kube-apiserver here: name one with $KUBE_APISERVER';
}

export interface KubeApiserverOptions {
  readonly etcdEndpoints: readonly string[];
  /** Holds `pki/` of a Postern server, whose certificates and keys it uses; its kubeconfig is written here. */
  readonly dir: string;
  /** Who talks to it in `kubectl` below; its server is not looked at. */
  readonly admin: Endpoint;
  /** Where clients reach it. Default: 127.0.0.1. */
  readonly address?: string;
  /** What pods are told instead. Default: `address`. */
  readonly advertised?: string;
  /** Further arguments. */
  readonly argv?: readonly string[];
}

export interface KubeApiserver {
  readonly url: string;
  readonly port: number;
  readonly kubeconfig: string;
  kubectl(args: readonly string[], input?: string): Promise<CommandResult>;
  end(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it anew after that, at the same port. */
  restart(): Promise<void>;
}

/** Resolves once it says that it is ready. */
export async function startKubeApiserver(options: KubeApiserverOptions): Promise<KubeApiserver> {
  const { dir, admin, address = '127.0.0.1' } = options;
  const [port = 0] = await freePorts(1);
  const url = `https://${address}:${port}`;
  const endpoint: Endpoint = { ...admin, server: url };
  const kubeconfig = join(dir, 'kubernetes.kubeconfig');
  await writeFile(kubeconfig, printKubeconfig({ endpoint, name: 'kubernetes' }), { mode: 0o600 });
  const argv = await argumentsOf(options, address, port);
  let child = await launch(argv, endpoint);
  return {
    url,
    port,
    kubeconfig,
    kubectl: (args, input) =>
      runCommand(['kubectl', '--kubeconfig', kubeconfig, ...args], {
        timeout: 60_000,
        ...(input === undefined ? {} : { input }),
      }),
    end: async (signal = 'SIGTERM') => {
      if (hasEnded(child)) return;
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    },
    restart: async () => {
      child = await launch(argv, endpoint);
    },
  };
}

async function argumentsOf(
  { etcdEndpoints, dir, advertised, argv = [] }: KubeApiserverOptions,
  address: string,
  port: number,
): Promise<readonly string[]> {
  const pki = join(dir, 'pki');
  const [serving, tokenKey] = [join(pki, 'server.pem'), join(pki, 'service-account.pem')];
  const publicKey = join(dir, 'service-account.pub');
  await runCommand(['openssl', 'pkey', '-in', tokenKey, '-pubout', '-out', publicKey]);
  return [
    ...[`--etcd-servers=${etcdEndpoints.join(',')}`, '--storage-media-type=application/json'],
    ...[`--bind-address=${address}`, `--secure-port=${port}`, `--advertise-address=${advertised ?? address}`],
    ...[`--tls-cert-file=${serving}`, `--tls-private-key-file=${serving}`],
    ...[`--client-ca-file=${join(pki, 'ca.pem')}`, '--authorization-mode=Node,RBAC'],
    ...[`--service-account-key-file=${publicKey}`, `--service-account-signing-key-file=${tokenKey}`],
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    '--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112',
    ...argv,
  ];
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

async function launch(argv: readonly string[], endpoint: Endpoint): Promise<ChildProcess> {
  // Ends with this process, however that ends.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', KUBE_APISERVER, ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  const client = createClient(endpoint);
  try {
    for (const start = Date.now(); ; ) {
      const error = await client.raw('GET', '/readyz').then(() => undefined, String);
      if (error === undefined) return child;
      if (hasEnded(child)) throw new Error(`the kube-apiserver ended with ${child.exitCode}\n${said}`);
      if (Date.now() - start > READY_WITHIN) {
        child.kill('SIGKILL');
        throw new Error(`the kube-apiserver is not ready: ${error}\n${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    client.close();
  }
}
