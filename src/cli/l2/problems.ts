/** What is not as it should be, from the reports of announcers: one sentence for each, with the next thing to look at. */

import type { PeerState } from '../../l2/lan/messages.ts';
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
  const held = new Set(conflicts.map(({ address }) => address));
  return [
    ...(silent === undefined ? [] : [`${node} announces nothing: ${silent}`]),
    ...conflicts.map(
      ({ address, mac, interface: link, since }) =>
        `${address} is held by ${mac} on ${link} of ${node}, ${ago(at, since)}: not announced until that host lets go of it`,
    ),
    ...announcing
      .filter(({ address, interfaces, since }) => interfaces.length === 0 && at - since > PROBING && !held.has(address))
      .map(({ address }) => `${address} is announced by ${node} on no interface: none that it may use is there and up`),
  ];
}

function announcedTwice(reports: readonly L2Report[]): readonly string[] {
  const announcers = Map.groupBy(
    reports.flatMap(({ node, announcing }) =>
      announcing.filter(({ interfaces }) => interfaces.length > 0).map(({ address }) => ({ node, address })),
    ),
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
  const inState = (wanted: PeerState) => peers.filter(({ state }) => state === wanted);
  const lost = inState('lost').map(({ name, since }) => `${name} (${ago(at, since)})`);
  const leased = heartbeats.interval === 0 ? [] : inState('leased').map(({ name }) => name);
  return [
    ...(lost.length === 0 ? [] : [`${node} has lost ${listed(lost)}`]),
    ...(leased.length === 0
      ? []
      : [`${node} knows ${listed(leased)} by lease alone: is UDP port ${heartbeats.port} open between them?`]),
  ];
}

/** Names in one sentence. */
const NAMED = 10;

/** With commas between, and no more of them than anybody reads. */
export function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return more > 1 ? `${names.slice(0, NAMED).join(', ')} and ${more} others` : names.join(', ');
}

const ago = (at: number, since: number): string => `for ${printDuration(Math.max(0, at - since))}`;
