/** The cases of ../../testdata/, as input of iptables-restore: what each adds to a node without Services. */

import type { Service } from '../../../api/core/v1/service.ts';
import { mustParseIP } from '../../../lib/ip.ts';
import { ForwardingTable } from '../../forwarding/forwarding-table.ts';
import { caseNames, objectsOf } from '../../testing/cases.ts';
import { LOCALITIES, NODE_ADDRESSES, type Objects, setService } from '../../testing/node.ts';
import { DEFAULT_MARK } from '../layout.ts';
import { printPatches, renderIptables } from '../render.ts';
import { IptablesRules } from '../rules.ts';

export { caseNames };

export const expectedRules = (name: string): URL => new URL(`../testdata/${name}.rules`, import.meta.url);

/** For the case `base`, all that a node without Services has. */
export async function restoreInput(name: string): Promise<string> {
  const table = new ForwardingTable(LOCALITIES.keys());
  if (name === 'base') return renderIptables(table, LOCALITIES);
  const rules = new IptablesRules({ localities: LOCALITIES, mark: DEFAULT_MARK });
  rules.keep();
  fill(table, objectsOf(name));
  rules.note(table.takeChanges());
  return printPatches(rules.takePatches());
}

/** The two families' parts of an input. */
export function splitFamilies(input: string): { readonly IPv4: string; readonly IPv6: string } {
  const [IPv4 = '', IPv6 = ''] = input.split(/^# ip6tables-restore.*$/m);
  return { IPv4, IPv6 };
}

/** Everything that these objects make a node forward. */
export function fill(table: ForwardingTable, objects: Objects): void {
  table.setNodeAddresses(NODE_ADDRESSES.map(mustParseIP));
  for (const object of objects) if (object.kind === 'Service') setService(table, object as Service, objects);
}
