/** What a load balancer holds, from what is asked of it; and what cannot be so. */
import type { models } from 'oci-loadbalancer';
import { familyOf } from '../../../../../lib/ip.ts';
import type { Plain } from '../../calls.ts';
import type { Cloud, LoadBalancer } from '../cloud.ts';
import { conflict, invalid, limitExceeded, relatedNotFound } from '../failure.ts';
import { present } from '../present.ts';

export type BackendSet = Plain<models.BackendSet>;
export type Listener = Plain<models.Listener>;
type Named<T> = Readonly<Record<string, T>>;

export function keptBackendSet(name: string, asked: Plain<models.BackendSetDetails>): BackendSet {
  const details = present(asked);
  const checker = present(details.healthChecker);
  return {
    ...details,
    name,
    backends: (details.backends ?? []).map(keptBackend),
    healthChecker: {
      ...checker,
      port: checker.port ?? 0,
      returnCode: checker.returnCode ?? 200,
      retries: checker.retries ?? 3,
      timeoutInMillis: checker.timeoutInMillis ?? 3000,
      intervalInMillis: checker.intervalInMillis ?? 10_000,
      responseBodyRegex: checker.responseBodyRegex ?? '',
    },
    ...keptSsl(details.sslConfiguration),
  } as BackendSet;
}

function keptBackend(asked: Plain<models.BackendDetails>): Plain<models.Backend> {
  const details = present(asked);
  const host = familyOf(details.ipAddress) === 'IPv6' ? `[${details.ipAddress}]` : details.ipAddress;
  return {
    ...details,
    name: `${host}:${details.port}`,
    weight: details.weight ?? 1,
    drain: details.drain ?? false,
    backup: details.backup ?? false,
    offline: details.offline ?? false,
  };
}

export function keptListener(name: string, asked: Plain<models.ListenerDetails>): Listener {
  const details = present(asked);
  return {
    ...details,
    name,
    hostnameNames: details.hostnameNames ?? [],
    ruleSetNames: details.ruleSetNames ?? [],
    ...keptSsl(details.sslConfiguration),
  } as Listener;
}

function keptSsl(asked: Plain<models.SSLConfigurationDetails> | undefined) {
  if (asked === undefined) return {};
  const details = present(asked);
  return {
    sslConfiguration: {
      ...details,
      verifyDepth: details.verifyDepth ?? 1,
      verifyPeerCertificate: details.verifyPeerCertificate ?? false,
      protocols: details.protocols ?? ['TLSv1.2'],
      cipherSuiteName: details.cipherSuiteName ?? 'oci-default-ssl-cipher-suite-v1',
    },
  };
}

export const keptCertificate = (details: Plain<models.CertificateDetails>): Plain<models.Certificate> => ({
  certificateName: details.certificateName,
  publicCertificate: details.publicCertificate ?? '',
  caCertificate: details.caCertificate ?? '',
});

type Contents = Pick<LoadBalancer, 'listeners' | 'backendSets' | 'certificates' | 'networkSecurityGroupIds'>;

/** Whether all of it can be together; throws what the API answers. */
export function checkContents(cloud: Cloud, contents: Contents): void {
  const { listeners = {}, backendSets = {}, certificates = {}, networkSecurityGroupIds = [] } = contents;
  checkCounts(cloud, listeners, backendSets, networkSecurityGroupIds);
  for (const set of Object.values(backendSets)) checkBackendSet(set, certificates);
  const ports = new Map<number, string>();
  for (const listener of Object.values(listeners)) {
    if (backendSets[listener.defaultBackendSetName] === undefined) {
      throw invalid(
        `Listener ${listener.name} names backend set ${listener.defaultBackendSetName}, which is not there.`,
      );
    }
    const other = ports.get(listener.port);
    if (other !== undefined && (listener.hostnameNames?.length ?? 0) === 0) {
      throw invalid(`Listeners ${other} and ${listener.name} have the same port ${listener.port}.`);
    }
    ports.set(listener.port, listener.name);
    checkCertificate(listener.name, listener.sslConfiguration?.certificateName, certificates);
  }
}

function checkCounts(
  { limits, networkSecurityGroups }: Cloud,
  listeners: Named<Listener>,
  backendSets: Named<BackendSet>,
  groups: readonly string[],
): void {
  const backends = Object.values(backendSets).reduce((sum, set) => sum + set.backends.length, 0);
  const counts = [
    ['listeners', Object.keys(listeners).length, limits.listeners],
    ['backend sets', Object.keys(backendSets).length, limits.backendSets],
    ['backends', backends, limits.backends],
    ['network security groups', groups.length, limits.networkSecurityGroups],
  ] as const;
  for (const [what, count, most] of counts) {
    if (count > most) throw limitExceeded(`The load balancer would have ${count} ${what}; it may have ${most}.`);
  }
  for (const id of groups) if (networkSecurityGroups.get(id) === undefined) throw relatedNotFound(id);
}

function checkBackendSet(set: BackendSet, certificates: Named<unknown>): void {
  const names = set.backends.map(({ name }) => name);
  if (new Set(names).size < names.length) throw invalid(`Backend set ${set.name} has a backend twice.`);
  if (set.policy === 'IP_HASH' && set.backends.some(({ backup }) => backup)) {
    throw invalid(`Backend set ${set.name} has policy IP_HASH and a backup backend.`);
  }
  checkCertificate(set.name, set.sslConfiguration?.certificateName, certificates);
}

function checkCertificate(of: string, name: string | undefined, certificates: Named<unknown>): void {
  if (name && certificates[name] === undefined) throw invalid(`${of} names certificate ${name}, which is not there.`);
}

/** What something else of the load balancer still needs cannot go. */
export function checkUnused(kind: string, name: string, { listeners = {}, backendSets = {} }: Contents): void {
  const users = [
    ...Object.values(listeners).filter((one) =>
      kind === 'Certificate' ? one.sslConfiguration?.certificateName === name : one.defaultBackendSetName === name,
    ),
    ...Object.values(backendSets).filter(
      (one) => kind === 'Certificate' && one.sslConfiguration?.certificateName === name,
    ),
  ];
  if (users.length > 0) throw conflict(`${kind} '${name}' is attached to ${users.map((one) => one.name).join(', ')}.`);
}
