/** Mistakes in where a container has the pod's volumes. */
import { forbidden, invalidValue, notFoundValue, notSupported, requiredValue } from '../../../field-errors.ts';
import type { Cause } from '../../../status.ts';
import type { Container, VolumeMount } from '../pod-spec.ts';
import { validateDescendingPath } from './volumes.ts';

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];

export function validateMounts(container: Container, field: string, volumes: ReadonlySet<string>): readonly Cause[] {
  const { volumeMounts = [], securityContext } = container;
  const paths = new Set<string>();
  return volumeMounts.flatMap((mount, i) => {
    const at = `${field}[${i}]`;
    const causes: Cause[] = [];
    if (mount.name === '') causes.push(requiredValue(`${at}.name`));
    else if (!volumes.has(mount.name)) causes.push(notFoundValue(`${at}.name`, mount.name));
    if (mount.mountPath === '') causes.push(requiredValue(`${at}.mountPath`));
    if (paths.has(mount.mountPath)) causes.push(invalidValue(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
    return [
      ...causes,
      ...validateSubPath(mount, at),
      ...validatePropagation(mount, at, securityContext?.privileged ?? false),
    ];
  });
}

function validateSubPath({ subPath = '', subPathExpr = '' }: VolumeMount, at: string): readonly Cause[] {
  const why = 'subPathExpr and subPath are mutually exclusive';
  return [
    ...validateDescendingPath(subPath, `${at}.subPath`),
    ...(subPath !== '' && subPathExpr !== '' ? [invalidValue(`${at}.subPathExpr`, subPathExpr, why)] : []),
    ...validateDescendingPath(subPathExpr, `${at}.subPathExpr`),
  ];
}

function validatePropagation({ mountPropagation: propagation }: VolumeMount, at: string, privileged: boolean) {
  const field = `${at}.mountPropagation`;
  if (propagation === undefined) return [];
  if (!PROPAGATIONS.includes(propagation)) return [notSupported(field, propagation, PROPAGATIONS)];
  const why = 'Bidirectional mount propagation is available only to privileged containers';
  return propagation === 'Bidirectional' && !privileged ? [forbidden(field, why)] : [];
}
