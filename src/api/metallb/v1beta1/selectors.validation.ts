/** Mistakes in the lists of label selectors that MetalLB's kinds hold. */
import { duplicateValue } from '../../field-errors.ts';
import type { LabelSelector } from '../../meta/v1.ts';
import { validateSelector } from '../../meta/validation.ts';
import type { Cause } from '../../status.ts';

/** Checks each selector of a list; none may stand there twice, as in MetalLB. */
export function validateSelectors(selectors: readonly LabelSelector[] | undefined, field: string): readonly Cause[] {
  const seen = new Set<string>();
  return (selectors ?? []).flatMap((selector, i) => {
    const at = `${field}[${i}]`;
    const form = canonical(selector);
    const isRepeated = seen.has(form);
    seen.add(form);
    return [...validateSelector(selector, at), ...(isRepeated ? [duplicateValue(at, selector)] : [])];
  });
}

/** One text for all ways to write the same requirements. */
function canonical({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => [key, operator, values.toSorted()]);
  return JSON.stringify([
    Object.entries(matchLabels).toSorted(),
    expressions.map((each) => JSON.stringify(each)).sort(),
  ]);
}
