/**
 * The protobuf messages that are understood, as data: field numbers from `generated.proto` of k8s.io/api/core/v1 and
 * k8s.io/apimachinery/pkg/apis/meta/v1. Fields that are left out are those that the server sets itself.
 */
export type Field = {
  readonly name: string;
  readonly many?: 'list' | 'map';
  /** A pointer in Go: zero is a value, and not the same as nothing. */
  readonly pointer?: true;
} & (
  | { readonly type: 'string' | 'bytes' | 'integer' | 'boolean' | 'time' | 'int-or-string' | 'entry' | 'bytes-entry' }
  /** Bytes that stand in JSON as base64. */
  | { readonly type: 'base64' }
  /** The server's to say: whatever it is, it is not read. */
  | { readonly type: 'ignored' }
  | { readonly type: 'message'; readonly message: Message }
);

/** Fields by number. */
export type Message = Readonly<Record<number, Field>>;

type Scalar = Exclude<Field['type'], 'message' | 'entry' | 'bytes-entry' | 'ignored'>;
const one = (name: string, type: Scalar = 'string'): Field => ({ name, type });
const pointer = (name: string, type: Scalar): Field => ({ name, type, pointer: true });
const texts = (name: string): Field => ({ name, type: 'string', many: 'list' });
const textMap = (name: string): Field => ({ name, type: 'entry', many: 'map' });
const bytesMap = (name: string): Field => ({ name, type: 'bytes-entry', many: 'map' });
const part = (name: string, message: Message): Field => ({ name, type: 'message', message });
const parts = (name: string, message: Message): Field => ({ name, type: 'message', message, many: 'list' });

const typeMeta: Message = { 1: one('apiVersion'), 2: one('kind') };

/** runtime.Unknown: what every body is wrapped in. */
export const UNKNOWN: Message = { 1: part('typeMeta', typeMeta), 2: one('raw', 'bytes') };

const ownerReference: Message = {
  1: one('kind'),
  3: one('name'),
  4: one('uid'),
  5: one('apiVersion'),
  6: pointer('controller', 'boolean'),
  7: pointer('blockOwnerDeletion', 'boolean'),
};

const objectMeta: Message = {
  1: one('name'),
  2: one('generateName'),
  3: one('namespace'),
  5: one('uid'),
  6: one('resourceVersion'),
  8: one('creationTimestamp', 'time'),
  11: textMap('labels'),
  12: textMap('annotations'),
  13: parts('ownerReferences', ownerReference),
  14: texts('finalizers'),
};

const namespace: Message = { 1: part('metadata', objectMeta), 2: part('spec', { 1: texts('finalizers') }) };

const servicePort: Message = {
  1: one('name'),
  2: one('protocol'),
  3: one('port', 'integer'),
  4: one('targetPort', 'int-or-string'),
  5: one('nodePort', 'integer'),
  6: one('appProtocol'),
};

const serviceSpec: Message = {
  1: parts('ports', servicePort),
  2: textMap('selector'),
  3: one('clusterIP'),
  4: one('type'),
  5: texts('externalIPs'),
  7: one('sessionAffinity'),
  8: one('loadBalancerIP'),
  9: texts('loadBalancerSourceRanges'),
  10: one('externalName'),
  11: one('externalTrafficPolicy'),
  12: one('healthCheckNodePort', 'integer'),
  13: one('publishNotReadyAddresses', 'boolean'),
  14: part('sessionAffinityConfig', { 1: part('clientIP', { 1: pointer('timeoutSeconds', 'integer') }) }),
  17: one('ipFamilyPolicy'),
  18: texts('clusterIPs'),
  19: texts('ipFamilies'),
  20: pointer('allocateLoadBalancerNodePorts', 'boolean'),
  21: one('loadBalancerClass'),
  22: one('internalTrafficPolicy'),
  23: one('trafficDistribution'),
};

const service: Message = { 1: part('metadata', objectMeta), 2: part('spec', serviceSpec) };

const secret: Message = {
  1: part('metadata', objectMeta),
  2: bytesMap('data'),
  3: one('type'),
  4: textMap('stringData'),
  5: pointer('immutable', 'boolean'),
};

const deleteOptions: Message = {
  1: pointer('gracePeriodSeconds', 'integer'),
  2: part('preconditions', { 1: one('uid'), 2: one('resourceVersion') }),
  3: pointer('orphanDependents', 'boolean'),
  4: one('propagationPolicy'),
  5: texts('dryRun'),
};

const configMap: Message = {
  1: part('metadata', objectMeta),
  2: textMap('data'),
  3: bytesMap('binaryData'),
  4: pointer('immutable', 'boolean'),
};

const serviceAccount: Message = {
  1: part('metadata', objectMeta),
  3: parts('imagePullSecrets', { 1: one('name') }),
  4: pointer('automountServiceAccountToken', 'boolean'),
};

const boundObjectRef: Message = { 1: one('kind'), 2: one('apiVersion'), 3: one('name'), 4: one('uid') };
const tokenRequest: Message = {
  1: part('metadata', objectMeta),
  2: part('spec', {
    1: texts('audiences'),
    3: part('boundObjectRef', boundObjectRef),
    4: pointer('expirationSeconds', 'integer'),
  }),
};

const eviction: Message = { 1: part('metadata', objectMeta), 2: part('deleteOptions', deleteOptions) };
const binding: Message = {
  1: part('metadata', objectMeta),
  2: part('target', { 1: one('kind'), 2: one('namespace'), 3: one('name'), 4: one('uid'), 5: one('apiVersion') }),
};
const tokenReview: Message = {
  1: part('metadata', objectMeta),
  2: part('spec', { 1: one('token'), 2: texts('audiences') }),
};

const STATUS: Field = { name: 'status', type: 'ignored' };

const labelSelector: Message = {
  1: textMap('matchLabels'),
  2: parts('matchExpressions', { 1: one('key'), 2: one('operator'), 3: texts('values') }),
};

const rules = parts('rules', {
  1: texts('verbs'),
  2: texts('apiGroups'),
  3: texts('resources'),
  4: texts('resourceNames'),
  5: texts('nonResourceURLs'),
});
const role: Message = { 1: part('metadata', objectMeta), 2: rules };
const clusterRole: Message = {
  ...role,
  3: part('aggregationRule', { 1: parts('clusterRoleSelectors', labelSelector) }),
};
const roleBinding: Message = {
  1: part('metadata', objectMeta),
  2: parts('subjects', { 1: one('kind'), 2: one('apiGroup'), 3: one('name'), 4: one('namespace') }),
  3: part('roleRef', { 1: one('apiGroup'), 2: one('kind'), 3: one('name') }),
};

/** As `kubectl certificate approve` sends it back. What the server says of who asks is not read. */
const certificateSigningRequest: Message = {
  1: part('metadata', objectMeta),
  2: part('spec', {
    1: one('request', 'base64'),
    2: one('username'),
    3: one('uid'),
    4: texts('groups'),
    5: texts('usages'),
    7: one('signerName'),
    8: pointer('expirationSeconds', 'integer'),
  }),
  3: part('status', {
    1: parts('conditions', {
      1: one('type'),
      2: one('reason'),
      3: one('message'),
      4: one('lastUpdateTime', 'time'),
      5: one('lastTransitionTime', 'time'),
      6: one('status'),
    }),
    2: one('certificate', 'base64'),
  }),
};

const reviewedSelector: Message = {
  1: one('rawSelector'),
  2: parts('requirements', { 1: one('key'), 2: one('operator'), 3: texts('values') }),
};
const attributes: Message = {
  1: part('resourceAttributes', {
    1: one('namespace'),
    2: one('verb'),
    3: one('group'),
    4: one('version'),
    5: one('resource'),
    6: one('subresource'),
    7: one('name'),
    8: part('fieldSelector', reviewedSelector),
    9: part('labelSelector', reviewedSelector),
  }),
  2: part('nonResourceAttributes', { 1: one('path'), 2: one('verb') }),
};
const selfAccessReview: Message = { 1: part('metadata', objectMeta), 2: part('spec', attributes), 3: STATUS };
/** What else is known of the user, field 5, is not read: no authorizer goes by it. */
const accessReview: Message = {
  1: part('metadata', objectMeta),
  2: part('spec', { ...attributes, 3: one('user'), 4: texts('groups'), 6: one('uid') }),
  3: STATUS,
};
const rulesReview: Message = { 1: part('metadata', objectMeta), 2: part('spec', { 1: one('namespace') }), 3: STATUS };

const containerPort: Message = {
  1: one('name'),
  2: one('hostPort', 'integer'),
  3: one('containerPort', 'integer'),
  4: one('protocol'),
  5: one('hostIP'),
};
const container: Message = {
  1: one('name'),
  2: one('image'),
  3: texts('command'),
  4: texts('args'),
  5: one('workingDir'),
  6: parts('ports', containerPort),
  7: parts('env', { 1: one('name'), 2: one('value') }),
  13: one('terminationMessagePath'),
  14: one('imagePullPolicy'),
  16: one('stdin', 'boolean'),
  17: one('stdinOnce', 'boolean'),
  18: one('tty', 'boolean'),
  20: one('terminationMessagePolicy'),
};
const podSpec: Message = {
  2: parts('containers', container),
  3: one('restartPolicy'),
  4: pointer('terminationGracePeriodSeconds', 'integer'),
  5: pointer('activeDeadlineSeconds', 'integer'),
  6: one('dnsPolicy'),
  7: textMap('nodeSelector'),
  8: one('serviceAccountName'),
  9: one('serviceAccount'),
  10: one('nodeName'),
  11: one('hostNetwork', 'boolean'),
  12: one('hostPID', 'boolean'),
  13: one('hostIPC', 'boolean'),
  16: one('hostname'),
  17: one('subdomain'),
  19: one('schedulerName'),
  20: parts('initContainers', container),
};
const template: Message = { 1: part('metadata', objectMeta), 2: part('spec', podSpec) };

const rollingUpdate: Message = { 1: one('maxUnavailable', 'int-or-string'), 2: one('maxSurge', 'int-or-string') };
const deploymentSpec: Message = {
  1: pointer('replicas', 'integer'),
  2: part('selector', labelSelector),
  3: part('template', template),
  4: part('strategy', { 1: one('type'), 2: part('rollingUpdate', rollingUpdate) }),
  5: one('minReadySeconds', 'integer'),
  6: pointer('revisionHistoryLimit', 'integer'),
  7: one('paused', 'boolean'),
  9: pointer('progressDeadlineSeconds', 'integer'),
};
const deployment: Message = { 1: part('metadata', objectMeta), 2: part('spec', deploymentSpec), 3: STATUS };

const jobSpec: Message = {
  1: pointer('parallelism', 'integer'),
  2: pointer('completions', 'integer'),
  3: pointer('activeDeadlineSeconds', 'integer'),
  6: part('template', template),
  7: pointer('backoffLimit', 'integer'),
  8: pointer('ttlSecondsAfterFinished', 'integer'),
};
const job: Message = { 1: part('metadata', objectMeta), 2: part('spec', jobSpec), 3: STATUS };

/**
 * What `kubectl create deployment` and `create job` say, and little more: of these a field that is not here and says something
 * is refused, as leaving it out would make something else than what was asked for.
 */
export const EXACT: ReadonlySet<Message> = new Set([
  ...[container, containerPort, podSpec, template, deploymentSpec, jobSpec, rollingUpdate],
]);

/** By `apiVersion/kind`. */
export const MESSAGES: Readonly<Record<string, Message>> = {
  'v1/Namespace': namespace,
  'v1/Service': service,
  'v1/Secret': secret,
  'v1/ConfigMap': configMap,
  'v1/ServiceAccount': serviceAccount,
  'v1/Binding': binding,
  'apps/v1/Deployment': deployment,
  'batch/v1/Job': job,
  'policy/v1/Eviction': eviction,
  // Only to be told that there are none.
  'policy/v1/PodDisruptionBudget': { 1: part('metadata', objectMeta) },
  'authentication.k8s.io/v1/TokenRequest': tokenRequest,
  'authentication.k8s.io/v1/TokenReview': tokenReview,
  'authentication.k8s.io/v1/SelfSubjectReview': { 1: part('metadata', objectMeta) },
  'authorization.k8s.io/v1/SelfSubjectAccessReview': selfAccessReview,
  'authorization.k8s.io/v1/SelfSubjectRulesReview': rulesReview,
  'authorization.k8s.io/v1/SubjectAccessReview': accessReview,
  'authorization.k8s.io/v1/LocalSubjectAccessReview': accessReview,
  'certificates.k8s.io/v1/CertificateSigningRequest': certificateSigningRequest,
  'rbac.authorization.k8s.io/v1/Role': role,
  'rbac.authorization.k8s.io/v1/ClusterRole': clusterRole,
  'rbac.authorization.k8s.io/v1/RoleBinding': roleBinding,
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': roleBinding,
  'v1/DeleteOptions': deleteOptions,
  'meta.k8s.io/v1/DeleteOptions': deleteOptions,
};
