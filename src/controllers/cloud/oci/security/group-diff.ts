/** The rules of a network security group as they are, and what is claimed in it: what is to be added, renamed and removed. */
import { markOf, parseMark, printMark, revised } from './marks.ts';
import { byContent, type Claim, type Wanted } from './merge.ts';
import { contentOfGroupRule, type GroupRule, groupRule, type NewGroupRule } from './rules.ts';

/** Rules that a group may have of both directions. https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/networksecuritygroups.htm */
export const GROUP_LIMIT = 120;

export interface GroupChanges {
  readonly add: readonly NewGroupRule[];
  /** With their ids. */
  readonly update: readonly (NewGroupRule & { readonly id: string })[];
  /** Ids. */
  readonly remove: readonly string[];
  /** For what there was no room. */
  readonly refused: readonly Wanted[];
}

/** Rules of others are neither changed nor removed; one that lets the same pass is not made again. */
export function diffGroup(rules: readonly GroupRule[], { scope, wanted }: Claim): GroupChanges {
  const asked = byContent(wanted);
  const there = new Set<string>();
  const remove: string[] = [];
  const update: (NewGroupRule & { readonly id: string })[] = [];
  for (const rule of rules) {
    const { id, description } = rule;
    const content = contentOfGroupRule(rule);
    const mark = parseMark(description);
    const mine = content === undefined || there.has(content) ? undefined : asked.get(content);
    const now = mark && revised(mark, [scope], mine?.owners ?? []);
    if (mark !== undefined && now === undefined && id !== undefined) {
      remove.push(id);
      continue;
    }
    if (content !== undefined) there.add(content);
    if (now === undefined || id === undefined || printMark(now) === description) continue;
    // One that we keep for others is as it was, but for its description.
    const details = mine === undefined ? sameRule(rule) : groupRule(mine.rule, '');
    update.push({ ...details, id, description: printMark(now) });
  }
  const missing = [...asked].filter(([content]) => !there.has(content)).map(([, one]) => one);
  const room = Math.max(0, GROUP_LIMIT - (rules.length - remove.length));
  return {
    add: missing.slice(0, room).map(({ rule, owners }) => groupRule(rule, printMark(markOf(owners)))),
    update,
    remove,
    refused: missing.slice(room).flatMap(({ rule, owners }) => owners.map((owner) => ({ owner, rule }))),
  };
}

/** What may be given of a rule; of ours the types are those that we gave. */
function sameRule({ id, isValid, timeCreated, ...given }: GroupRule): NewGroupRule {
  return given as NewGroupRule;
}
