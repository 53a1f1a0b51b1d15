/** The rules of a network security group as they are, and what is claimed in it: what is to be added, renamed and removed. */
import { markOf, parseMark, printMark, revised } from './marks.ts';
import type { Claim, Wanted } from './merge.ts';
import { contentOf, contentOfGroupRule, type GroupRule, groupRule, type NewGroupRule } from './rules.ts';

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
  const asked = new Map<string, Wanted[]>();
  for (const one of wanted) asked.set(contentOf(one.rule), [...(asked.get(contentOf(one.rule)) ?? []), one]);
  const there = new Set<string>();
  const remove: string[] = [];
  const update: (NewGroupRule & { readonly id: string })[] = [];
  for (const rule of rules) {
    const content = contentOfGroupRule(rule);
    const mark = parseMark(rule.description);
    const mine = content === undefined || there.has(content) ? [] : (asked.get(content) ?? []);
    const now =
      mark &&
      revised(
        mark,
        [scope],
        mine.map(({ owner }) => owner),
      );
    if (mark !== undefined && now === undefined && rule.id !== undefined) {
      remove.push(rule.id);
      continue;
    }
    if (content !== undefined) there.add(content);
    const { id } = rule;
    if (now === undefined || id === undefined || printMark(now) === rule.description) continue;
    const [first] = mine;
    // One that we keep for others is as it was, but for its description.
    const details = first === undefined ? sameRule(rule) : groupRule(first.rule, '');
    update.push({ ...details, id, description: printMark(now) });
  }
  const missing = [...asked].filter(([content]) => !there.has(content)).map(([, all]) => all);
  const room = Math.max(0, GROUP_LIMIT - (rules.length - remove.length));
  return {
    add: missing.slice(0, room).flatMap((all) => {
      const [first] = all;
      return first === undefined ? [] : [groupRule(first.rule, printMark(markOf(all.map(({ owner }) => owner))))];
    }),
    update,
    remove,
    refused: missing.slice(room).flat(),
  };
}

/** What may be given of a rule. */
function sameRule(rule: GroupRule): NewGroupRule {
  const { id, isValid, timeCreated, direction, sourceType, destinationType, ...rest } = rule;
  return { ...rest, direction, sourceType, destinationType } as NewGroupRule;
}
