/** Mistakes in Events. */
import { invalidValue, notSupported } from '../../field-errors.ts';
import type { Cause } from '../../status.ts';
import type { Event } from './event.ts';

/** Where Kubernetes puts events about objects that are in no namespace. */
const CLUSTER_SCOPED = ['default', 'kube-system'];
const TYPES = ['Normal', 'Warning'];

export function validateEvent(event: Event): readonly Cause[] {
  const { involvedObject, type, metadata } = event;
  const about = involvedObject.namespace ?? '';
  const namespace = metadata.namespace ?? '';
  const fits = about === '' ? CLUSTER_SCOPED.includes(namespace) : about === namespace;
  return [
    ...(fits ? [] : [invalidValue('involvedObject.namespace', about, 'does not match event.namespace')]),
    ...(type === undefined || TYPES.includes(type) ? [] : [notSupported('type', type, TYPES)]),
  ];
}
