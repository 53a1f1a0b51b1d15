/** What a network load balancer holds, from what is asked of it; and what cannot be so. */
import type { models } from 'oci-networkloadbalancer';
import { familyOf } from '../../../../../lib/ip.ts';
import type { Plain } from '../../calls.ts';
import type { Cloud, NetworkLoadBalancer } from '../cloud.ts';
import { alreadyExists, conflict, invalid, limitExceeded, relatedNotFound } from '../failure.ts';
import { present } from '../present.ts';

export type BackendSet = Plain<models.BackendSet>;
export type Listener = Plain<models.Listener>;

/** What is not said stays as it was `before`, or is the default. */
export function keptBackendSet(
  name: string,
  details: Plain<models.UpdateBackendSetDetails>,
  before?: BackendSet,
): BackendSet {
  const { backends, healthChecker, ...rest } = present(details);
  return {
    policy: 'FIVE_TUPLE',
    isPreserveSource: true,
    isFailOpen: false,
    isInstantFailoverEnabled: false,
    ipVersion: 'IPV4',
    ...before,
    ...rest,
    name,
    backends: backends?.map(keptBackend) ?? before?.backends ?? [],
    healthChecker: {
      retries: 3,
      timeoutInMillis: 3000,
      intervalInMillis: 10_000,
      port: 0,
      requestData: '',
      responseData: '',
      ...(healthChecker ?? before?.healthChecker),
    },
  } as BackendSet;
}

function keptBackend(details: Plain<models.BackendDetails>): Plain<models.Backend> {
  const host =
    details.targetId ?? (familyOf(details.ipAddress ?? '') === 'IPv6' ? `[${details.ipAddress}]` : details.ipAddress);
  return {
    weight: 1,
    isDrain: false,
    isBackup: false,
    isOffline: false,
    ...present(details),
    name: `${host}:${details.port}`,
  };
}

/** Seconds after which the network load balancer forgets a connection of which nothing is said. */
const IDLE = { TCP: { tcpIdleTimeout: 360 }, UDP: { udpIdleTimeout: 120 }, L3IP: { l3IpIdleTimeout: 200 } };
const IDLE_OF_BOTH = { ...IDLE.TCP, ...IDLE.UDP };

export function keptListener(name: string, details: Plain<models.UpdateListenerDetails>, before?: Listener): Listener {
  const protocol = details.protocol ?? before?.protocol;
  const idle = protocol === 'TCP' || protocol === 'UDP' || protocol === 'L3IP' ? IDLE[protocol] : IDLE_OF_BOTH;
  return { ...idle, ipVersion: 'IPV4', isPpv2Enabled: false, ...before, ...present(details), name } as Listener;
}

type Contents = Pick<NetworkLoadBalancer, 'listeners' | 'backendSets' | 'networkSecurityGroupIds' | 'nlbIpVersion'>;

/** Whether all of it can be together; throws what the API answers. */
export function checkContents(cloud: Cloud, contents: Contents): void {
  checkCounts(cloud, contents);
  const { listeners = {}, backendSets = {}, nlbIpVersion = 'IPV4' } = contents;
  const has = (version = 'IPV4') => nlbIpVersion === version || nlbIpVersion === 'IPV4_AND_IPV6';
  for (const set of Object.values(backendSets)) {
    if (!has(set.ipVersion))
      throw invalid(`Backend set ${set.name} is ${set.ipVersion}, and the load balancer ${nlbIpVersion}.`);
    checkBackends(cloud, set);
  }
  const taken = new Map<string, string>();
  for (const listener of Object.values(listeners)) {
    const set = backendSets[listener.defaultBackendSetName];
    if (set === undefined) {
      throw invalid(
        `Listener ${listener.name} names backend set ${listener.defaultBackendSetName}, which is not there.`,
      );
    }
    if (set.ipVersion !== listener.ipVersion) {
      throw invalid(`Listener ${listener.name} is ${listener.ipVersion}, and its backend set ${set.ipVersion}.`);
    }
    for (const place of placesOf(listener)) {
      const other = taken.get(place);
      if (other !== undefined) throw invalid(`Listeners ${other} and ${listener.name} have the same ${place}.`);
      taken.set(place, listener.name);
    }
  }
}

/** A port of a protocol and version belongs to one listener. */
const placesOf = ({ protocol, port, ipVersion }: Listener) =>
  (protocol === 'TCP_AND_UDP' || protocol === 'ANY' ? ['TCP', 'UDP'] : [protocol]).map(
    (one) => `${one} ${port} ${ipVersion}`,
  );

function checkBackends(cloud: Cloud, { name, backends = [], ipVersion }: BackendSet): void {
  const names = backends.map((backend) => backend.name);
  if (new Set(names).size < names.length)
    throw alreadyExists(`Backend set ${name} has an address or id and port twice.`);
  for (const { ipAddress, targetId } of backends) {
    if (targetId?.startsWith('ocid1.instance.') && cloud.instances.get(targetId) === undefined)
      throw relatedNotFound(targetId);
    const version = ipAddress === undefined ? undefined : familyOf(ipAddress)?.toUpperCase();
    if (version !== undefined && version !== ipVersion)
      throw invalid(`Backend set ${name} is ${ipVersion}, and has ${ipAddress}.`);
  }
}

function checkCounts({ limits, networkSecurityGroups }: Cloud, contents: Contents): void {
  const { listeners = {}, backendSets = {}, networkSecurityGroupIds = [] } = contents;
  const counts = [
    ['listeners', Object.keys(listeners).length, limits.listeners],
    ['backend sets', Object.keys(backendSets).length, limits.backendSets],
    ['network security groups', networkSecurityGroupIds.length, limits.networkSecurityGroups],
    ...Object.values(backendSets).map(
      ({ name, backends }) =>
        [`backends in ${name}`, backends?.length ?? 0, limits.backendsPerNetworkBackendSet] as const,
    ),
  ] as const;
  for (const [what, count, most] of counts) {
    if (count > most)
      throw limitExceeded(`The network load balancer would have ${count} ${what}; it may have ${most}.`);
  }
  for (const id of networkSecurityGroupIds) if (networkSecurityGroups.get(id) === undefined) throw relatedNotFound(id);
}

/** A backend set that a listener still needs cannot go. */
export function checkUnused(name: string, { listeners = {} }: Contents): void {
  const users = Object.values(listeners).filter((listener) => listener.defaultBackendSetName === name);
  if (users.length > 0) throw conflict(`Backend set ${name} is in use by ${users.map((one) => one.name).join(', ')}.`);
}
