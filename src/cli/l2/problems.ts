/** What is not as it should be, from the reports of announcers: a sentence for each, with the next thing to look at. */
import type { PeerState } from '../../l2/lan/messages.ts';
import { printDuration, seconds } from '../../lib/duration.ts';
import type { L2Report } from './report.ts';

/** More than it takes to ask the LAN whether anybody has an address, before it is announced for the first time. */
const PROBING = seconds(2);

export function problemsOf(reports: readonly L2Report[]): readonly string[] {
  const all = [
    ...reports.flatMap(({ node, silent }) => (silent === undefined ? [] : [`${node} announces nothing: ${silent}`])),
    ...ofAddresses([
      ...reports.flatMap(held),
      ...reports.flatMap(nowhere),
      ...announcedTwice(reports),
      ...nobodys(reports),
      ...idle(reports),
    ]),
    ...reports.flatMap(ofPeers),
  ];
  return [...new Set(all)];
}

/** Something that is wrong with an address. */
interface Trouble {
  readonly address: string;
  readonly what: string;
}

/** One sentence for all addresses with the same trouble: there may be thousands. */
function ofAddresses(troubles: readonly Trouble[]): readonly string[] {
  const same = Map.groupBy(troubles, ({ what }) => what);
  return [...same].map(([what, some]) => `${listed([...new Set(some.map(({ address }) => address))])}: ${what}`);
}

function held({ node, conflicts }: L2Report): readonly Trouble[] {
  return conflicts.map(({ address, mac, interface: link }) => ({
    address,
    what: `held by ${mac} on ${link} of ${node}, and not announced until that host lets go`,
  }));
}

function nowhere({ node, at, announcing, conflicts }: L2Report): readonly Trouble[] {
  const given = new Set(conflicts.map(({ address }) => address));
  return announcing
    .filter(({ address, interfaces, since }) => interfaces.length === 0 && at - since > PROBING && !given.has(address))
    .map(({ address }) => ({
      address,
      what: `announced by ${node} on no interface: none that it may use is there and up`,
    }));
}

function announcedTwice(reports: readonly L2Report[]): readonly Trouble[] {
  const answered = reports.flatMap(({ node, announcing }) =>
    announcing.filter(({ interfaces }) => interfaces.length > 0).map(({ address }) => ({ node, address })),
  );
  return [...Map.groupBy(answered, ({ address }) => address)]
    .filter(([, all]) => all.length > 1)
    .map(([address, all]) => ({ address, what: `announced by ${all.map(({ node }) => node).join(' and ')} at once` }));
}

/** A node that is silent itself knows least of who lives, and one that announces an address knows better than the others. */
function nobodys(reports: readonly L2Report[]): readonly Trouble[] {
  const what = 'no node that lives may announce it; `postern why service NAME` says what keeps each';
  const announced = new Set(reports.flatMap(({ announcing }) => announcing.map(({ address }) => address)));
  return reports
    .filter(({ silent }) => silent === undefined)
    .flatMap(({ nobody }) => nobody.filter((address) => !announced.has(address)))
    .map((address) => ({ address, what }));
}

/** Addresses that fall to a node which was asked too, and does not know of it. */
function idle(reports: readonly L2Report[]): readonly Trouble[] {
  const known = new Map(
    reports
      .filter(({ silent }) => silent === undefined)
      .map(({ node, announcing, conflicts }) => [
        node,
        new Set([...announcing, ...conflicts].map(({ address }) => address)),
      ]),
  );
  return reports.flatMap(({ node, elected }) =>
    Object.entries(elected)
      .filter(([address, winner]) => known.get(winner)?.has(address) === false)
      .map(([address, winner]) => ({
        address,
        what: `falls to ${winner} as ${node} sees it, and ${winner} does not announce it`,
      })),
  );
}

function ofPeers({ node, at, peers, heartbeats }: L2Report): readonly string[] {
  const inState = (wanted: PeerState) => peers.filter(({ state }) => state === wanted);
  const lost = inState('lost').map(({ name, since }) => `${name} (for ${printDuration(Math.max(0, at - since))})`);
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
