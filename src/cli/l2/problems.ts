/** What is not as it should be, from the reports of announcers: one sentence for each, with the next thing to look at. */
import { printDuration, seconds } from '../../lib/duration.ts';
import type { L2Report } from './report.ts';

/** More than it takes to ask the LAN whether anybody has an address, before it is announced for the first time. */
const PROBING = seconds(2);

export function problemsOf(reports: readonly L2Report[]): readonly string[] {
  const all = [
    ...reports.flatMap(ofItself),
    ...announcedTwice(reports),
    ...reports.flatMap((report) => notAnnounced(report, reports)),
    ...reports.flatMap(ofPeers),
  ];
  return [...new Set(all)];
}

function ofItself({ node, at, silent, conflicts, announcing }: L2Report): readonly string[] {
  return [
    ...(silent === undefined ? [] : [`${node} announces nothing: ${silent}`]),
    ...conflicts.map(
      ({ address, mac, interface: link, since }) =>
        `${address} is held by ${mac} on ${link} of ${node}, ${ago(at, since)}: not announced until that host lets go of it`,
    ),
    ...announcing
      .filter(({ interfaces, since }) => interfaces.length === 0 && at - since > PROBING)
      .map(({ address }) => `${address} is announced by ${node} on no interface: none that it may use is there and up`),
  ];
}

function announcedTwice(reports: readonly L2Report[]): readonly string[] {
  const announcers = Map.groupBy(
    reports.flatMap(({ node, announcing }) => announcing.map(({ address }) => ({ node, address }))),
    ({ address }) => address,
  );
  return [...announcers]
    .filter(([, all]) => all.length > 1)
    .map(([address, all]) => `${address} is announced by ${all.map(({ node }) => node).join(' and ')} at once`);
}

function notAnnounced(report: L2Report, all: readonly L2Report[]): readonly string[] {
  const nobody = report.nobody.map(
    (address) =>
      `${address} has no node that lives and may announce it: \`postern why service NAME\` says what keeps each`,
  );
  const idle = Object.entries(report.elected).flatMap(([address, winner]) => {
    const elected = all.find(({ node }) => node === winner);
    if (elected === undefined || elected.silent !== undefined) return [];
    const isKnown = [...elected.announcing, ...elected.conflicts].some((one) => one.address === address);
    return isKnown
      ? []
      : [`${address} falls to ${winner} as ${report.node} sees it, and ${winner} does not announce it`];
  });
  return [...nobody, ...idle];
}

function ofPeers({ node, at, peers, heartbeats }: L2Report): readonly string[] {
  return peers.flatMap(({ name, state, since }) => {
    if (state === 'lost') return [`${name} is lost to ${node}, ${ago(at, since)}`];
    if (state !== 'leased' || heartbeats.interval === 0) return [];
    return [`${name} is known to ${node} by its lease alone: is UDP port ${heartbeats.port} open between them?`];
  });
}

const ago = (at: number, since: number): string => `for ${printDuration(Math.max(0, at - since))}`;
