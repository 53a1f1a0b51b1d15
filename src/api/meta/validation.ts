/** Validation of what every object has. Follows k8s.io/apimachinery/pkg/api/validation/objectmeta.go. */
import { duplicateValue, forbidden, immutable, invalidValue, requiredValue, tooLong } from '../field-errors.ts';
import type { AnyKind } from '../kinds.ts';
import { labelKeyMistake, labelValueMistake, nameMistake } from '../names.ts';
import type { Cause } from '../status.ts';
import type { KubeObject, LabelSelector, ObjectMeta } from './v1.ts';

/** All annotations of an object together, keys and values, in bytes. */
const ANNOTATIONS_MAX = 256 * 1024;
/** Longest prefix of a generated name: the server adds five characters. */
const GENERATE_NAME_MAX = 58;
const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];

/** Every mistake of an object: in its metadata, then what its kind finds. `old` is undefined on create. */
export function validateObject<T extends KubeObject>(kind: AnyKind, object: T, old?: T): readonly Cause[] {
  return [
    ...validateMeta(kind, object.metadata),
    ...(old === undefined ? [] : validateMetaUpdate(object.metadata, old.metadata)),
    ...kind.validate(object, old),
  ];
}

function validateMeta(kind: AnyKind, metadata: ObjectMeta): readonly Cause[] {
  return [
    ...validateName(kind, metadata),
    ...validateNamespace(kind, metadata),
    ...validateLabels(metadata.labels, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations, 'metadata.annotations'),
    ...validateOwners(metadata),
    ...validateFinalizers(kind, metadata),
  ];
}

function validateMetaUpdate(metadata: ObjectMeta, old: ObjectMeta): readonly Cause[] {
  const fixed = (['name', 'namespace', 'uid', 'creationTimestamp'] as const).filter(
    (field) => metadata[field] !== undefined && metadata[field] !== old[field],
  );
  const added = (metadata.finalizers ?? []).filter((finalizer) => !old.finalizers?.includes(finalizer));
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
  return [
    ...fixed.map((field) => immutable(`metadata.${field}`, metadata[field])),
    ...(old.deletionTimestamp !== undefined && added.length > 0 ? [forbidden('metadata.finalizers', why)] : []),
  ];
}

function validateName(kind: AnyKind, { name = '', generateName = '' }: ObjectMeta): readonly Cause[] {
  const causes: Cause[] = [];
  if (generateName !== '') {
    // The prefix usually ends in a dash, which only the whole name may not.
    const sample = generateName.slice(0, GENERATE_NAME_MAX).replace(/-$/, 'a');
    causes.push(...mistakeIn('metadata.generateName', generateName, nameMistake(kind.nameFormat, sample)));
  }
  if (name === '' && generateName === '') {
    causes.push(requiredValue('metadata.name', 'name or generateName is required'));
  } else if (name !== '') {
    causes.push(...mistakeIn('metadata.name', name, nameMistake(kind.nameFormat, name)));
  }
  return causes;
}

function validateNamespace(kind: AnyKind, { namespace = '' }: ObjectMeta): readonly Cause[] {
  if (kind.namespaced === (namespace !== '')) {
    return namespace === '' ? [] : mistakeIn('metadata.namespace', namespace, nameMistake('dns-label', namespace));
  }
  return kind.namespaced
    ? [requiredValue('metadata.namespace')]
    : [forbidden('metadata.namespace', 'not allowed on this type')];
}

/** Checks keys and values of labels, wherever they stand. */
export function validateLabels(labels: ObjectMeta['labels'], field: string): readonly Cause[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...mistakeIn(field, key, labelKeyMistake(key)),
    ...mistakeIn(field, value, labelValueMistake(value)),
  ]);
}

/** Checks keys and total size of annotations. */
export function validateAnnotations(annotations: ObjectMeta['annotations'], field: string): readonly Cause[] {
  const entries = Object.entries(annotations ?? {});
  const size = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  return [
    ...entries.flatMap(([key]) => mistakeIn(field, key, labelKeyMistake(key.toLowerCase()))),
    ...(size > ANNOTATIONS_MAX ? [tooLong(field, ANNOTATIONS_MAX)] : []),
  ];
}

/** Kinds of Kubernetes itself take no finalizers without a domain but its own; those of custom resources take any. */
function validateFinalizers(kind: AnyKind, { finalizers = [] }: ObjectMeta): readonly Cause[] {
  const field = 'metadata.finalizers';
  const isBuiltIn = !kind.group.includes('.') || kind.group.endsWith('.k8s.io');
  const why = 'name is neither a standard finalizer name nor is it fully qualified';
  return [
    ...finalizers.flatMap((finalizer) => mistakeIn(field, finalizer, labelKeyMistake(finalizer))),
    ...finalizers.flatMap((finalizer, i) =>
      !isBuiltIn || finalizer.includes('/') || STANDARD_FINALIZERS.includes(finalizer)
        ? []
        : [invalidValue(`${field}[${i}]`, finalizer, why)],
    ),
  ];
}

function validateOwners({ ownerReferences = [] }: ObjectMeta): readonly Cause[] {
  const field = 'metadata.ownerReferences';
  const causes = ownerReferences.flatMap((owner, i) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((part) => owner[part] === '')
      .map((part) => invalidValue(`${field}[${i}].${part}`, '', 'must not be empty')),
  );
  const controllers = ownerReferences.filter(({ controller }) => controller).map(({ kind, name }) => `${kind}/${name}`);
  if (controllers.length > 1) {
    const found = `Found "true" in references for ${controllers.join(' and ')}`;
    causes.push(invalidValue(field, true, `Only one reference can have Controller set to true. ${found}`));
  }
  return causes;
}

/** Checks a LabelSelector object, as pools and advertisements hold them. */
export function validateSelector(selector: LabelSelector, field: string): readonly Cause[] {
  const expressions = (selector.matchExpressions ?? []).flatMap(({ key, operator, values = [] }, i) => {
    const at = `${field}.matchExpressions[${i}]`;
    const isSet = operator === 'In' || operator === 'NotIn';
    const causes: Cause[] = [...mistakeIn(`${at}.key`, key, labelKeyMistake(key))];
    if (isSet && values.length === 0) {
      causes.push(requiredValue(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (!isSet && operator !== 'Exists' && operator !== 'DoesNotExist') {
      causes.push(invalidValue(`${at}.operator`, operator, 'not a valid selector operator'));
    } else if (!isSet && values.length > 0) {
      causes.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    }
    return [
      ...causes,
      ...values.flatMap((value, j) => mistakeIn(`${at}.values[${j}]`, value, labelValueMistake(value))),
    ];
  });
  return [...validateLabels(selector.matchLabels, `${field}.matchLabels`), ...expressions];
}

/** A list of causes: one when there is a mistake, else none. */
export function mistakeIn(field: string, value: unknown, mistake: string | undefined): readonly Cause[] {
  return mistake === undefined ? [] : [invalidValue(field, value, mistake)];
}

/** One cause for each item that stands in a list a second time. `fieldOf` names the item's field. */
export function duplicates<T>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
  fieldOf: (i: number) => string,
): readonly Cause[] {
  const seen = new Set<string>();
  return items.flatMap((item, i) => {
    const key = keyOf(item);
    if (key === undefined) return [];
    if (seen.has(key)) return [duplicateValue(fieldOf(i), key)];
    seen.add(key);
    return [];
  });
}
