/** Defaults and validation of Deployments. Follows SetDefaults_Deployment and ValidateDeployment. */
import { defaultPodTemplate, validateServingTemplate } from '../../core/v1/pod-template.ts';
import { forbidden, immutable, invalidValue, notSupported } from '../../field-errors.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';
import type { Deployment } from './deployment.ts';
import { notNegative, selectsLabels, validateOwnSelector } from './replicas.ts';

type Spec = Deployment['spec'];
type Strategy = NonNullable<Spec['strategy']>;

const QUARTER = '25%';
/** Old replica sets that are kept. */
const REVISIONS = 10;
/** Seconds. */
const PROGRESS_DEADLINE = 600;

export function defaultDeployment(deployment: Deployment): Deployment {
  const { spec } = deployment;
  return {
    ...deployment,
    spec: {
      ...spec,
      replicas: spec.replicas ?? 1,
      template: defaultPodTemplate(spec.template),
      strategy: defaultStrategy(spec.strategy ?? {}),
      revisionHistoryLimit: spec.revisionHistoryLimit ?? REVISIONS,
      progressDeadlineSeconds: spec.progressDeadlineSeconds ?? PROGRESS_DEADLINE,
    },
  };
}

function defaultStrategy(strategy: Strategy): Strategy {
  const type = strategy.type || 'RollingUpdate';
  if (type !== 'RollingUpdate') return { ...strategy, type };
  const { maxUnavailable = QUARTER, maxSurge = QUARTER } = strategy.rollingUpdate ?? {};
  return { type, rollingUpdate: { maxUnavailable, maxSurge } };
}

export function validateDeployment({ spec }: Deployment, old: Deployment | undefined): readonly Cause[] {
  const { selector, template, minReadySeconds = 0, progressDeadlineSeconds } = spec;
  const causes: Cause[] = [
    ...notNegative('spec.replicas', spec.replicas),
    ...validateOwnSelector(selector),
    ...validateServingTemplate(template, {
      kind: 'ReplicaSet',
      field: 'spec.template',
      matches: selectsLabels(selector),
    }),
    ...validateStrategy(spec.strategy ?? {}),
    ...notNegative('spec.minReadySeconds', minReadySeconds),
    ...notNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...notNegative('spec.progressDeadlineSeconds', progressDeadlineSeconds),
  ];
  if (progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds) {
    const why = 'must be greater than minReadySeconds';
    causes.push(invalidValue('spec.progressDeadlineSeconds', progressDeadlineSeconds, why));
  }
  if (old !== undefined && !sameValue(selector, old.spec.selector)) causes.push(immutable('spec.selector', selector));
  return causes;
}

function validateStrategy({ type, rollingUpdate }: Strategy): readonly Cause[] {
  const field = 'spec.strategy';
  switch (type) {
    case 'Recreate': {
      const why = "may not be specified when strategy `type` is 'Recreate'";
      return rollingUpdate === undefined ? [] : [forbidden(`${field}.rollingUpdate`, why)];
    }
    case 'RollingUpdate':
      return validateRollingUpdate(rollingUpdate ?? {}, `${field}.rollingUpdate`);
    default:
      return [notSupported(`${field}.type`, type, ['Recreate', 'RollingUpdate'])];
  }
}

function validateRollingUpdate(rolling: NonNullable<Strategy['rollingUpdate']>, field: string): readonly Cause[] {
  const { maxUnavailable = QUARTER, maxSurge = QUARTER } = rolling;
  const at = `${field}.maxUnavailable`;
  const causes = [...validateIntOrPercent(maxUnavailable, at), ...validateIntOrPercent(maxSurge, `${field}.maxSurge`)];
  if (causes.length > 0) return causes;
  if (Number.parseInt(String(maxUnavailable), 10) === 0 && Number.parseInt(String(maxSurge), 10) === 0) {
    causes.push(invalidValue(at, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  if (typeof maxUnavailable === 'string' && Number.parseInt(maxUnavailable, 10) > 100) {
    causes.push(invalidValue(at, maxUnavailable, 'must not be greater than 100%'));
  }
  return causes;
}

function validateIntOrPercent(value: number | string, field: string): readonly Cause[] {
  if (typeof value === 'number') return notNegative(field, value);
  // Nine digits are more than any cluster has pods, and stay exact.
  return /^[0-9]{1,9}%$/.test(value)
    ? []
    : [invalidValue(field, value, "must be an integer or percentage (e.g '5%%')")];
}
