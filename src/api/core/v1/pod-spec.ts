/**
 * What a pod is to be: the spec of a Pod, and of every template of one. Fields that Postern acts on have a type here; others that
 * Kubernetes 1.34 has are kept as they came. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
 */
import { objectMeta } from '../../meta/v1.ts';
import {
  anything,
  boolean,
  int32,
  int64,
  intOrString,
  list,
  listMap,
  map,
  object,
  quantity,
  required,
  string,
  type TypeOf,
  withDefault,
} from '../../schema.ts';
import { affinity, toleration, topologySpreadConstraint } from './pod-placement.ts';
import { volume } from './volume.ts';

const containerPort = object({
  name: string(),
  containerPort: required(int32()),
  hostPort: int32('Port of the node that leads to this one.'),
  hostIP: string('Address of the node that hostPort is bound to. Default: all.'),
  protocol: withDefault(string(), 'TCP'),
});

/** A key of a ConfigMap or Secret in the pod's namespace. */
const keyRef = object({ name: string(), key: required(string()), optional: boolean() });
const fieldRef = object({ apiVersion: string(), fieldPath: required(string()) });
const resourceFieldRef = object({ containerName: string(), resource: required(string()), divisor: quantity() });

const envVar = object({
  name: required(string()),
  value: string('Text in which $(NAME) stands for the value of an earlier variable.'),
  valueFrom: object({
    fieldRef,
    resourceFieldRef,
    configMapKeyRef: keyRef,
    secretKeyRef: keyRef,
    fileKeyRef: anything(),
  }),
});
const source = object({ name: string(), optional: boolean() });
const envFrom = object({ prefix: string(), configMapRef: source, secretRef: source });

const volumeMount = object({
  name: required(string()),
  mountPath: required(string()),
  subPath: string(),
  subPathExpr: string(),
  readOnly: boolean(),
  mountPropagation: string('None, HostToContainer or Bidirectional. Default: None.'),
  recursiveReadOnly: string(),
});

const httpHeader = object({ name: required(string()), value: required(string()) });
const execAction = object({ command: list(string()) });
const httpGetAction = object({
  path: string(),
  port: required(intOrString()),
  host: string(),
  scheme: string('HTTP or HTTPS. Default: HTTP.'),
  httpHeaders: list(httpHeader),
});
const tcpSocketAction = object({ port: required(intOrString()), host: string() });
const grpcAction = object({ port: required(int32()), service: string() });

const probe = object({
  exec: execAction,
  httpGet: httpGetAction,
  tcpSocket: tcpSocketAction,
  grpc: grpcAction,
  initialDelaySeconds: int32(),
  timeoutSeconds: int32('Default: 1.'),
  periodSeconds: int32('Default: 10.'),
  successThreshold: int32('Default: 1.'),
  failureThreshold: int32('Default: 3.'),
  terminationGracePeriodSeconds: int64(),
});
const lifecycleHandler = object({
  exec: execAction,
  httpGet: httpGetAction,
  tcpSocket: tcpSocketAction,
  sleep: object({ seconds: required(int64()) }),
});
const lifecycle = object({ postStart: lifecycleHandler, preStop: lifecycleHandler, stopSignal: string() });

const resources = object({ limits: map(quantity()), requests: map(quantity()), claims: anything() });

const seLinuxOptions = object({ user: string(), role: string(), type: string(), level: string() });
const profile = object({ type: required(string()), localhostProfile: string() });
const containerSecurityContext = object({
  capabilities: object({ add: list(string()), drop: list(string()) }),
  privileged: boolean(),
  seLinuxOptions,
  runAsUser: int64(),
  runAsGroup: int64(),
  runAsNonRoot: boolean(),
  readOnlyRootFilesystem: boolean(),
  allowPrivilegeEscalation: boolean(),
  procMount: string(),
  seccompProfile: profile,
  appArmorProfile: profile,
  windowsOptions: anything(),
});
const podSecurityContext = object({
  seLinuxOptions,
  runAsUser: int64(),
  runAsGroup: int64(),
  runAsNonRoot: boolean(),
  supplementalGroups: list(int64()),
  supplementalGroupsPolicy: string(),
  fsGroup: int64(),
  fsGroupChangePolicy: string(),
  sysctls: list(object({ name: required(string()), value: required(string()) })),
  seccompProfile: profile,
  appArmorProfile: profile,
  seLinuxChangePolicy: string(),
  windowsOptions: anything(),
});

const container = object({
  name: required(string()),
  image: string(),
  command: list(string()),
  args: list(string()),
  workingDir: string(),
  restartPolicy: string('Always makes an init container a sidecar: it runs as long as the pod.'),
  ports: listMap(containerPort, ['containerPort', 'protocol']),
  envFrom: list(envFrom),
  // Named for their merge keys: a patch changes one variable, not the list.
  env: listMap(envVar, ['name']),
  resources,
  volumeMounts: listMap(volumeMount, ['mountPath']),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle,
  terminationMessagePath: string('Default: /dev/termination-log.'),
  terminationMessagePolicy: string('File or FallbackToLogsOnError. Default: File.'),
  imagePullPolicy: string('Always, IfNotPresent or Never. Default: Always for the tag latest, else IfNotPresent.'),
  securityContext: containerSecurityContext,
  stdin: boolean(),
  stdinOnce: boolean(),
  tty: boolean(),
  volumeDevices: anything(),
  resizePolicy: anything(),
  restartPolicyRules: anything(),
});

const dnsConfig = object({
  nameservers: list(string()),
  searches: list(string()),
  options: list(object({ name: string(), value: string() })),
});

/** The schema of a pod's spec. */
export const podSpec = object({
  nodeName: string('The node it runs on. Empty until one is chosen.'),
  hostname: string(),
  subdomain: string(),
  setHostnameAsFQDN: boolean(),
  hostNetwork: boolean(),
  hostPID: boolean(),
  hostIPC: boolean(),
  shareProcessNamespace: boolean(),
  restartPolicy: string('Always, OnFailure or Never. Default: Always.'),
  terminationGracePeriodSeconds: int64('Seconds between asking the pod to end and ending it. Default: 30.'),
  activeDeadlineSeconds: int64('Seconds after which the pod is ended and has failed.'),
  dnsPolicy: string('ClusterFirst, ClusterFirstWithHostNet, Default or None. Default: ClusterFirst.'),
  dnsConfig,
  enableServiceLinks: boolean('Whether Services are told by environment variables. Default: true.'),
  hostAliases: listMap(object({ ip: required(string()), hostnames: list(string()) }), ['ip']),
  nodeSelector: map(string(), 'Labels that the node must have.'),
  affinity,
  tolerations: list(toleration),
  topologySpreadConstraints: listMap(topologySpreadConstraint, ['topologyKey', 'whenUnsatisfiable']),
  schedulerName: string('Who chooses the node. Default: default-scheduler.'),
  priorityClassName: string(),
  priority: int32(),
  preemptionPolicy: string(),
  schedulingGates: listMap(object({ name: required(string()) }), ['name']),
  serviceAccountName: string(),
  serviceAccount: string('The old name of serviceAccountName.'),
  automountServiceAccountToken: boolean(),
  securityContext: podSecurityContext,
  imagePullSecrets: listMap(object({ name: withDefault(string(), '') }), ['name']),
  containers: listMap(container, ['name']),
  initContainers: listMap(container, ['name']),
  volumes: listMap(volume, ['name']),
  readinessGates: list(object({ conditionType: required(string()) })),
  overhead: map(quantity()),
  os: object({ name: required(string()) }),
  runtimeClassName: string(),
  hostUsers: boolean(),
  hostnameOverride: string(),
  resourceClaims: anything(),
  resources: anything(),
  ephemeralContainers: anything(),
});

/** The schema of a template of pods, as in apps/v1. */
export const podTemplateSpec = object({ metadata: objectMeta, spec: podSpec }, 'The pods to make.');

export type PodSpec = TypeOf<typeof podSpec>;
export type PodTemplateSpec = TypeOf<typeof podTemplateSpec>;
export type Container = TypeOf<typeof container>;
export type ContainerPort = TypeOf<typeof containerPort>;
export type EnvVar = TypeOf<typeof envVar>;
export type EnvFrom = TypeOf<typeof envFrom>;
export type VolumeMount = TypeOf<typeof volumeMount>;
export type Probe = TypeOf<typeof probe>;
export type HTTPGetAction = TypeOf<typeof httpGetAction>;
export type LifecycleHandler = TypeOf<typeof lifecycleHandler>;
export type ResourceRequirements = TypeOf<typeof resources>;
export type ContainerSecurityContext = TypeOf<typeof containerSecurityContext>;
export type PodSecurityContext = TypeOf<typeof podSecurityContext>;
export type PodDNSConfig = TypeOf<typeof dnsConfig>;
