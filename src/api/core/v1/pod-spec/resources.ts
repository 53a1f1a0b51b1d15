/** Mistakes in what a container asks for and may use. https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/ */
import { invalidValue, requiredValue } from '../../../field-errors.ts';
import { mistakeIn } from '../../../meta/validation.ts';
import { labelKeyMistake } from '../../../names.ts';
import { parseQuantity } from '../../../quantity.ts';
import type { Cause } from '../../../status.ts';
import type { ResourceRequirements } from '../pod-spec.ts';

type Amounts = NonNullable<ResourceRequirements['limits']>;

const STANDARD = ['cpu', 'memory', 'ephemeral-storage'];
const HUGE_PAGES = 'hugepages-';
/** The form of a resource.Quantity, as Kubernetes words it. */
const QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

export function validateResources(resources: ResourceRequirements, field: string): readonly Cause[] {
  const { limits = {}, requests = {} } = resources;
  return [
    ...validateAmounts(limits, `${field}.limits`),
    ...validateAmounts(requests, `${field}.requests`),
    ...Object.entries(requests).flatMap(([name, request]) =>
      validateRequest({ name, request, limit: limits[name], field }),
    ),
  ];
}

function validateAmounts(amounts: Amounts, field: string): readonly Cause[] {
  return Object.entries(amounts).flatMap(([name, quantity]) => {
    const at = `${field}[${name}]`;
    const amount = parseQuantity(quantity);
    return [...mistakeIn(at, name, nameMistake(name)), ...mistakeIn(at, quantity, quantityMistake(name, amount))];
  });
}

function nameMistake(name: string): string | undefined {
  const mistake = labelKeyMistake(name);
  if (mistake !== undefined) return mistake;
  if (STANDARD.includes(name) || name.startsWith(HUGE_PAGES) || name.includes('/')) return undefined;
  return 'must be a standard resource for containers';
}

function quantityMistake(name: string, amount: number | undefined): string | undefined {
  if (amount === undefined) return QUANTITY;
  if (amount < 0) return 'must be greater than or equal to 0';
  return STANDARD.includes(name) || Number.isInteger(amount) ? undefined : 'must be an integer';
}

interface Request {
  readonly name: string;
  readonly request: string | number;
  readonly limit: string | number | undefined;
  readonly field: string;
}

/** What cannot be shared is asked for as a whole: its limit is its request. */
function validateRequest({ name, request, limit, field }: Request): readonly Cause[] {
  const isShared = STANDARD.includes(name);
  if (limit === undefined) {
    const why = 'Limit must be set for non overcommitable resources';
    return isShared ? [] : [requiredValue(`${field}.limits`, why)];
  }
  const [asked, most] = [parseQuantity(request) ?? 0, parseQuantity(limit) ?? 0];
  if (!isShared && asked !== most) {
    return [invalidValue(`${field}.requests`, String(request), `must be equal to ${name} limit of ${limit}`)];
  }
  if (asked <= most) return [];
  return [
    invalidValue(`${field}.requests`, String(request), `must be less than or equal to ${name} limit of ${limit}`),
  ];
}
