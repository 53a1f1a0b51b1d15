/** Who announces what in a cluster, as tables for people. */
import { printDuration } from '../../lib/duration.ts';
import { textTable } from '../output.ts';
import type { ClusterView } from './cluster.ts';
import type { AnnouncerState } from './leases.ts';
import { listed } from './problems.ts';

export function clusterText(view: ClusterView): string {
  const problems = clusterProblems(view);
  return [
    view.services.length === 0 ? 'No Service has a load balancer address.' : servicesTable(view),
    view.announcers.length === 0 ? 'No announcer has ever run in this cluster.' : announcersTable(view.announcers),
    ...(problems.length === 0 ? [] : [['Not as it should be:', ...problems].join('\n  ')]),
  ].join('\n\n');
}

function servicesTable({ services }: ClusterView): string {
  const rows = services.flatMap(({ service, addresses, announcers }) => {
    const by = announcers.length === 0 ? [{ node: '-', interfaces: [] }] : announcers;
    return by.map(({ node, interfaces }) => [service, addresses.join(', '), node, interfaces.join(',') || '-']);
  });
  return textTable(['SERVICE', 'ADDRESSES', 'NODE', 'INTERFACES'], rows);
}

function announcersTable(announcers: readonly AnnouncerState[]): string {
  const rows = announcers.map(({ node, lease, age, port, hears, onLan }) => [
    ...[
      node,
      lease,
      age === undefined ? 'never' : `${printDuration(age)} ago`,
      port === undefined ? 'none' : `UDP ${port}`,
    ],
    ...[hears.join(', ') || '-', onLan ? 'yes' : 'no'],
  ]);
  return textTable(['ANNOUNCER', 'LEASE', 'RENEWED', 'HEARTBEATS', 'HEARS', 'ON LAN'], rows);
}

/** What is not as it should be, one sentence each. */
function clusterProblems({ services, announcers }: ClusterView): readonly string[] {
  const sending = announcers.filter(({ lease, port }) => lease === 'fresh' && port !== undefined);
  return [
    ...services
      .filter((one) => one.announcers.length === 0)
      .map(({ service, addresses }) => {
        const [namespace, name] = service.split('/');
        return `${addresses.join(', ')} of ${service}: nobody says that it announces them: postern why service ${name} -n ${namespace}`;
      }),
    ...announcers
      .filter(({ lease }) => lease === 'stale')
      .map(
        ({ node, age }) =>
          `${node} has not renewed its lease${age === undefined ? '' : ` for ${printDuration(age)}`}: it has stopped, or has lost the API`,
      ),
    ...announcers
      .filter(({ lease, onLan }) => lease === 'fresh' && !onLan)
      .map(({ node }) => `${node} has lost its LAN`),
    ...sending.flatMap(({ node, hears }) => {
      const unheard = sending.filter((other) => other.node !== node && !hears.includes(other.node));
      const ports = [...new Set(unheard.map(({ port }) => port))].join(', ');
      const names = listed(unheard.map((other) => other.node));
      return unheard.length === 0 ? [] : [`${node} does not hear ${names}: is UDP port ${ports} open between them?`];
    }),
  ];
}
