/** An unmodified Kubernetes without its controllers and kubelets: an etcd and a kube-apiserver, which writes down who asked for what. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openPki } from '../../src/apiserver/pki/pki.ts';
import type { Endpoint } from '../../src/client/client.ts';
import type { CommandResult } from '../../src/host/process.ts';
import { type Scope, startEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import { type KubeApiserver, startKubeApiserver } from './kube-apiserver.ts';

/** Every request, once it is answered. https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/ */
const AUDIT = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{ level: Metadata }]`;

/** What a request was, and how it was answered. */
export interface Audited {
  readonly verb: string;
  readonly requestURI: string;
  readonly requestReceivedTimestamp: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
}

export interface KubernetesWorld {
  readonly dir: string;
  readonly server: KubeApiserver;
  readonly caData: string;
  readonly admin: Endpoint;
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Credentials of a service account, as its pods have them. */
  account(namespace: string, name: string): Promise<Endpoint>;
  audit(): Promise<readonly Audited[]>;
}

/** Ends with the scope. `address` is the machine's own. */
export async function startKubernetes(scope: Scope, dir: string, address: string): Promise<KubernetesWorld> {
  const etcd = await startEtcd(scope, { members: 1 });
  const pki = await openPki(join(dir, 'pki'), { hosts: [address, '10.96.0.1'] });
  const { certificate, key } = await pki.issueClientCertificate({
    commonName: 'admin',
    organizations: ['system:masters'],
  });
  const caData = pki.caCertificate;
  const policy = join(dir, 'audit-policy.yaml');
  const log = join(dir, 'audit.log');
  await writeFile(policy, AUDIT);
  const server = await startKubeApiserver({
    ...{ etcdEndpoints: etcd.endpoints, dir, address },
    admin: { server: '', caData, clientCertificate: certificate, clientKey: key },
    // Guests' devices are the machine's: clusters allow it, a kube-apiserver by itself does not.
    argv: ['--allow-privileged=true', `--audit-policy-file=${policy}`, `--audit-log-path=${log}`],
  });
  scope.after(() => server.end('SIGKILL'));
  const kubectl = async (args: readonly string[], input?: string): Promise<string> =>
    printed(await server.kubectl(args, input));
  return {
    ...{ dir, server, caData, kubectl },
    admin: { server: server.url, caData, clientCertificate: certificate, clientKey: key },
    account: async (namespace, name) => {
      const token = (await kubectl(['create', 'token', name, '-n', namespace])).trim();
      return { server: server.url, caData, token };
    },
    audit: async () => {
      const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as Audited);
    },
  };
}

const printed = ({ stdout }: CommandResult): string => stdout;
