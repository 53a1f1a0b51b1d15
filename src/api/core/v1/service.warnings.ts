/** Fields of Services that are accepted and have no effect, in the words of an API server's warnings. */
import type { Service } from './service.ts';

export function serviceWarnings({ spec = {} }: Service): readonly string[] {
  const { type, clusterIP, loadBalancerIP, externalIPs = [], externalName, sessionAffinity } = spec;
  const isHeadless = clusterIP === 'None';
  const ignored = [
    { field: 'spec.loadBalancerIP', where: 'for headless services', is: isHeadless && Boolean(loadBalancerIP) },
    { field: 'spec.externalIPs', where: 'for headless services', is: isHeadless && externalIPs.length > 0 },
    { field: 'spec.SessionAffinity', where: 'for headless services', is: isHeadless && sessionAffinity === 'ClientIP' },
    {
      field: 'spec.externalIPs',
      where: 'when spec.type is "ExternalName"',
      is: type === 'ExternalName' && externalIPs.length > 0,
    },
    {
      field: 'spec.externalName',
      where: 'when spec.type is not "ExternalName"',
      is: type !== 'ExternalName' && Boolean(externalName),
    },
  ];
  return ignored.filter(({ is }) => is).map(({ field, where }) => `${field} is ignored ${where}`);
}
