/** Changes to what a load balancer holds. */
import type { models } from 'oci-loadbalancer';
import type { Plain } from '../../calls.ts';
import type { Cloud, LoadBalancer } from '../cloud.ts';
import { conflict, notFound } from '../failure.ts';
import type { Answer, Asked } from '../operation.ts';
import { present } from '../present.ts';
import { checkContents, checkUnused, keptBackendSet, keptCertificate, keptListener } from './contents.ts';
import { acceptChange, changeable } from './life.ts';

type Change = (cloud: Cloud, asked: Asked) => Answer;
type Part = 'listeners' | 'backendSets' | 'certificates';

/** What there is of each: its name in messages and work requests, and where the path names one. */
const PARTS = {
  listeners: { kind: 'Listener', parameter: 'listenerName' },
  backendSets: { kind: 'BackendSet', parameter: 'backendSetName' },
  certificates: { kind: 'Certificate', parameter: 'certificateName' },
} as const;

function put(
  part: Part,
  kept: (name: string, body: unknown) => LoadBalancer[Part] & object,
): { create: Change; update: Change } {
  const { kind, parameter } = PARTS[part];
  const change = (cloud: Cloud, found: LoadBalancer, verb: string, name: string, body: unknown) => {
    const next = { [part]: { ...found[part], ...kept(name, body) } };
    checkContents(cloud, { ...found, ...next });
    return acceptChange(cloud, found, `${verb}${kind}`, next);
  };
  return {
    create: (cloud, asked) => {
      const found = changeable(cloud, asked);
      const body = asked.body as { readonly name?: string; readonly certificateName?: string };
      const name = body.name ?? body.certificateName ?? '';
      if (found[part]?.[name] !== undefined) throw conflict(`${kind} '${name}' is already there.`);
      return change(cloud, found, 'Create', name, body);
    },
    update: (cloud, asked) => {
      const found = changeable(cloud, asked);
      const name = asked.path[parameter] ?? '';
      if (found[part]?.[name] === undefined) throw notFound(name);
      return change(cloud, found, 'Update', name, asked.body);
    },
  };
}

export function remove(part: Part): Change {
  const { kind, parameter } = PARTS[part];
  return (cloud, asked) => {
    const found = changeable(cloud, asked);
    const name = asked.path[parameter] ?? '';
    if (found[part]?.[name] === undefined) throw notFound(name);
    if (part !== 'listeners') checkUnused(kind, name, found);
    const { [name]: _, ...others } = found[part] as Readonly<Record<string, unknown>>;
    return acceptChange(cloud, found, `Delete${kind}`, { [part]: others });
  };
}

export const listeners = put('listeners', (name, body) => ({
  [name]: keptListener(name, body as Plain<models.UpdateListenerDetails>),
}));
export const backendSets = put('backendSets', (name, body) => ({
  [name]: keptBackendSet(name, body as Plain<models.UpdateBackendSetDetails>),
}));
export const certificates = put('certificates', (name, body) => ({
  [name]: keptCertificate(body as Plain<models.CreateCertificateDetails>),
}));

export const updateLoadBalancer: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  const { reservedIps: _, ipv6SubnetCidr: __, ...details } = asked.body as Plain<models.UpdateLoadBalancerDetails>;
  return acceptChange(cloud, found, 'UpdateLoadBalancer', present(details));
};

export const updateShape: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  return acceptChange(cloud, found, 'UpdateShape', present(asked.body as Plain<models.UpdateLoadBalancerShapeDetails>));
};

export const updateGroups: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  const { networkSecurityGroupIds } = asked.body as Plain<models.UpdateNetworkSecurityGroupsDetails>;
  const next = { networkSecurityGroupIds: networkSecurityGroupIds ?? [] };
  checkContents(cloud, { ...found, ...next });
  return acceptChange(cloud, found, 'UpdateNetworkSecurityGroups', next);
};
