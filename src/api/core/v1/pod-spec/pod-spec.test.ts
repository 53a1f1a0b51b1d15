import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processorTime } from '../../../../../test/support/processor-time.ts';
import { invalid } from '../../../status.ts';
import { admitted, mistakesOf } from '../../../testing.ts';
import { Pod } from '../pod.ts';
import { defaultPodSpec } from './defaults.ts';
import { podLimits, podQoS, podRequests } from './resource-totals.ts';
import { validatePodSpec } from './validate.ts';

const C = { name: 'c', image: 'i:1' };
const pod = (spec: object, old?: Pod) => admitted(Pod, { spec: { containers: [C], ...spec } }, old);
const mistakes = (spec: object, old?: Pod) => mistakesOf(Pod, { spec: { containers: [C], ...spec } }, old);
/** Mistakes of a pod of one container. */
const ofContainer = (container: object, spec: object = {}) =>
  mistakes({ containers: [{ ...C, ...container }], ...spec }).map((text) => text.replace('spec.containers[0].', ''));

test('a pod is shown with every default that Kubernetes writes out', () => {
  assert.deepEqual(pod({ containers: [{ name: 'c', image: 'nginx', ports: [{ containerPort: 80 }] }] }).spec, {
    containers: [
      {
        name: 'c',
        image: 'nginx',
        ports: [{ containerPort: 80, protocol: 'TCP' }],
        imagePullPolicy: 'Always',
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      },
    ],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    securityContext: {},
    enableServiceLinks: true,
  });
});

test('only the tag latest, or none, is pulled each time', () => {
  const policy = (image: string) => pod({ containers: [{ name: 'c', image }] }).spec?.containers?.[0]?.imagePullPolicy;
  assert.equal(policy('nginx'), 'Always');
  assert.equal(policy('registry:5000/nginx'), 'Always');
  assert.equal(policy('registry:5000/nginx:latest'), 'Always');
  assert.equal(policy('nginx:1.27'), 'IfNotPresent');
  assert.equal(policy(`nginx@sha256:${'a'.repeat(64)}`), 'IfNotPresent');
});

test('probes, variables and volumes say what they mean', () => {
  const { containers, volumes } =
    pod({
      containers: [
        {
          ...C,
          readinessProbe: { httpGet: { port: 80 } },
          env: [
            { name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          ],
        },
      ],
      volumes: [
        { name: 'a' },
        { name: 'b', configMap: { name: 'm' } },
        { name: 'c', hostPath: { path: '/x' } },
        { name: 'd', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
      ],
    }).spec ?? {};
  assert.deepEqual(containers?.[0]?.readinessProbe, {
    httpGet: { port: 80, path: '/', scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  assert.deepEqual(containers?.[0]?.env, [
    { name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.podIP', apiVersion: 'v1' } } },
    { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '0' } } },
  ]);
  assert.deepEqual(volumes, [
    { name: 'a', emptyDir: {} },
    { name: 'b', configMap: { name: 'm', defaultMode: 420 } },
    { name: 'c', hostPath: { path: '/x', type: '' } },
    {
      name: 'd',
      projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }], defaultMode: 420 },
    },
  ]);
});

test('a pod asks for what it is limited to, and for its host ports on the network of the node; a template does not', () => {
  const containers = [{ ...C, ports: [{ containerPort: 80 }], resources: { limits: { cpu: '1', memory: '1Gi' } } }];
  const [container] = pod({ containers, hostNetwork: true }).spec?.containers ?? [];
  assert.deepEqual(container?.resources?.requests, { cpu: '1', memory: '1Gi' });
  assert.equal(container?.ports?.[0]?.hostPort, 80);
  const template = defaultPodSpec({ containers, hostNetwork: true });
  assert.equal(template.containers?.[0]?.resources?.requests, undefined);
  assert.equal(template.containers?.[0]?.ports?.[0]?.hostPort, undefined);
  assert.equal(template.enableServiceLinks, undefined);
});

test('defaults of defaults are themselves', () => {
  const once = pod({ serviceAccount: 'web', initContainers: [{ name: 'i', image: 'i' }], volumes: [{ name: 'v' }] });
  assert.deepEqual(Pod.defaults(once), once);
  assert.equal(once.spec?.serviceAccountName, 'web');
});

const CASES: readonly [what: string, found: readonly string[], expected: readonly string[]][] = [
  ['needs an image', ofContainer({ image: '' }), ['image: Required value']],
  [
    'has one name for each container',
    mistakes({ initContainers: [C] }),
    ['spec.initContainers[0].name: Duplicate value: "c"'],
  ],
  [
    'mounts volumes that it has, each path once',
    ofContainer(
      {
        volumeMounts: [
          { name: 'x', mountPath: '/a' },
          { name: 'v', mountPath: '/a', subPath: '../b' },
        ],
      },
      { volumes: [{ name: 'v' }] },
    ),
    [
      'volumeMounts[0].name: Not found: "x"',
      'volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
      'volumeMounts[1].subPath: Invalid value: "../b": must not contain \'..\'',
    ],
  ],
  [
    'has one source for each volume',
    mistakes({ volumes: [{ name: 'v', emptyDir: {}, nfs: { server: 's' } }, { name: 'v' }] }),
    [
      'spec.volumes[0].nfs: Forbidden: may not specify more than 1 volume type',
      'spec.volumes[1].name: Duplicate value: "v"',
    ],
  ],
  [
    'has files of volumes in the volume',
    mistakes({
      volumes: [{ name: 'v', configMap: { name: 'm', items: [{ key: 'k', path: '..data' }], defaultMode: 512 } }],
    }),
    [
      'spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive',
      'spec.volumes[0].configMap.items[0].path: Invalid value: "..data": must not start with \'..\'',
    ],
  ],
  [
    'is probed in one way, at a port that can be',
    ofContainer({
      livenessProbe: { httpGet: { port: 70_000, scheme: 'FTP' }, exec: { command: ['x'] }, successThreshold: 2 },
      startupProbe: {},
    }),
    [
      'livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type',
      'livenessProbe.httpGet.port: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
      'livenessProbe.successThreshold: Invalid value: 2: must be 1',
      'startupProbe: Required value: must specify a handler type',
    ],
  ],
  [
    'asks for no more than it may use',
    ofContainer({ resources: { limits: { memory: '1Gi', cpu: 'much' }, requests: { memory: '2Gi', gpu: '1' } } }),
    [
      'resources.limits[cpu]: Invalid value: "much": quantities must match the regular expression \'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$\'',
      'resources.requests[cpu]: Invalid value: "much": quantities must match the regular expression \'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$\'',
      'resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers',
      'resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
      'resources.limits: Required value: Limit must be set for non overcommitable resources',
    ],
  ],
  [
    'names its variables, and one source for each',
    ofContainer({
      env: [
        { name: 'A=B', value: 'x' },
        { name: 'C', valueFrom: { fieldRef: { fieldPath: 'spec.secret' } } },
        { name: 'D', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' }, secretKeyRef: { name: 's', key: 'k' } } },
      ],
    }),
    [
      'env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
      'env[1].valueFrom.fieldRef.fieldPath: Invalid value: "spec.secret": error converting fieldPath: field label not supported: spec.secret',
      'env[2].valueFrom: Invalid value: "": may not have more than one field specified at a time',
    ],
  ],
  [
    'has each host port once, and its own on the network of the node',
    ofContainer(
      {
        ports: [
          { containerPort: 80, hostPort: 81 },
          { containerPort: 81, hostPort: 81 },
        ],
      },
      { hostNetwork: true },
    ),
    [
      'ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true',
      'ports[1].hostPort: Duplicate value: "TCP//81"',
    ],
  ],
  [
    'has probes only where something goes on running',
    mistakes({ initContainers: [{ name: 'i', image: 'i', readinessProbe: { tcpSocket: { port: 1 } } }] }),
    [
      'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
  ],
  [
    'may have sidecars that are probed, and no other restart policies',
    [
      ...mistakes({
        initContainers: [
          { name: 'i', image: 'i', restartPolicy: 'Always', readinessProbe: { tcpSocket: { port: 1 } } },
          { name: 'j', image: 'i', restartPolicy: 'OnFailure' },
        ],
      }),
      ...ofContainer({ restartPolicy: 'Always' }),
    ],
    [
      'spec.initContainers[1].restartPolicy: Unsupported value: "OnFailure": supported values: "Always"',
      'restartPolicy: Forbidden: may not be set for non-init containers',
    ],
  ],
  [
    'does not both gain and give up privileges',
    ofContainer({ securityContext: { privileged: true, allowPrivilegeEscalation: false, runAsUser: -1 } }),
    [
      'securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false,"runAsUser":-1}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
      'securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
  ],
  [
    'has resolvers that a resolver reads',
    mistakes({ dnsPolicy: 'None', dnsConfig: { nameservers: ['x', '1.1.1.1', '1.1.1.2', '1.1.1.3'] } }),
    [
      'spec.dnsConfig.nameservers: Invalid value: ["x","1.1.1.1","1.1.1.2","1.1.1.3"]: must not have more than 3 nameservers',
      'spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  ],
  [
    'tolerates what can be',
    mistakes({
      tolerations: [
        { operator: 'Equal', value: 'x' },
        { key: 'k', operator: 'Exists', value: 'x' },
      ],
    }),
    [
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      'spec.tolerations[1].operator: Invalid value: {"key":"k","operator":"Exists","value":"x"}: value must be empty when `operator` is \'Exists\'',
    ],
  ],
  [
    'is spread and drawn by what can be compared',
    mistakes({
      topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'Never' }],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] },
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 101, preference: { matchExpressions: [{ key: 'k', operator: 'Gt', values: [] }] } },
          ],
        },
      },
    }),
    [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
      'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100',
      "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
      'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
      'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Never": supported values: "DoNotSchedule", "ScheduleAnyway"',
    ],
  ],
  [
    'sleeps no longer before its end than it has',
    ofContainer({ lifecycle: { preStop: { sleep: { seconds: 31 } } } }),
    [
      'lifecycle.preStop.sleep.seconds: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)',
    ],
  ],
  [
    'is made without containers for debugging',
    mistakes({ ephemeralContainers: [{ name: 'd', image: 'i' }] }),
    ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
  ],
];

for (const [what, found, expected] of CASES) {
  test(`a pod ${what}`, () => assert.deepEqual(found, expected));
}

test('the mistakes of a template are told where they are', () => {
  const causes = validatePodSpec(defaultPodSpec({ containers: [{ name: 'c' }] }), 'spec.template.spec', {
    template: true,
  });
  assert.deepEqual(
    causes.map(({ field }) => field),
    ['spec.template.spec.containers[0].image'],
  );
});

test('checking a pod of very many parts takes no longer for each of them', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => i);
  const items = many.map((i) => ({ key: `k${i}`, path: `p${i}` }));
  const sources = [{ configMap: { name: 'm', items } }];
  const began = processorTime();
  const found = mistakes({
    containers: many.slice(0, 2000).map((i) => ({ name: `c${i}`, image: 'i' })),
    volumes: [{ name: 'v', projected: { sources } }],
    tolerations: many.map((i) => ({ key: `k${i}`, operator: 'Exists' })),
  });
  assert.deepEqual(found, []);
  assert.ok(processorTime() - began < 3000);
});

test('of a pod that is there, images, tolerations and an earlier deadline may change, and nothing else', () => {
  const old = pod({ nodeName: 'n1', tolerations: [{ key: 'a', operator: 'Exists' }], activeDeadlineSeconds: 60 });
  const given = { nodeName: 'n1', tolerations: old.spec?.tolerations, activeDeadlineSeconds: 60 };
  assert.deepEqual(mistakes({ ...given, containers: [{ ...C, image: 'i:2' }] }, old), []);
  assert.deepEqual(mistakes({ ...given, activeDeadlineSeconds: 30 }, old), []);
  const more = [...(old.spec?.tolerations ?? []), { key: 'b', operator: 'Exists' }];
  assert.deepEqual(mistakes({ ...given, tolerations: more }, old), []);
  assert.deepEqual(mistakes({ ...given, tolerations: [] }, old), [
    'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
  ]);
  assert.deepEqual(mistakes({ ...given, activeDeadlineSeconds: 90 }, old), [
    'spec.activeDeadlineSeconds: Invalid value: 90: must be less than or equal to previous value',
  ]);
  assert.match(
    mistakes({ ...given, hostname: 'x' }, old).join(),
    /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`/,
  );
  assert.match(mistakes({ ...given, containers: [C, { ...C, name: 'd' }] }, old).join(), /may not add or remove/);
  assert.match(mistakes({ ...given, containers: [{ ...C, image: '' }] }, old).join(), /image: Required value/);
});

test('a pod is not given its node by an update, and gates are only opened', () => {
  const old = pod({ schedulingGates: [{ name: 'a' }, { name: 'b' }] });
  assert.equal(old.status?.conditions?.[0]?.reason, 'SchedulingGated');
  assert.deepEqual(mistakes({ schedulingGates: [{ name: 'b' }], nodeSelector: { disk: 'ssd' } }, old), []);
  assert.deepEqual(mistakes({ schedulingGates: [{ name: 'c' }] }, old), [
    'spec.schedulingGates: Forbidden: only deletion is allowed, but found new scheduling gates c',
  ]);
  assert.match(mistakes({ nodeName: 'n1' }, pod({})).join(), /^spec: Forbidden/);
});

test('a pod that an older release stored can still be written', () => {
  const old = { ...pod({}), spec: { containers: [C], restartPolicy: 'Always', terminationGracePeriodSeconds: 30 } };
  assert.deepEqual(mistakes({}, old), []);
});

const sized = (requests: Record<string, string | number>, limits: Record<string, string> = {}) => ({
  ...C,
  resources: { requests, limits },
});

test('a pod needs what its containers need together, or what one needs that comes before them', () => {
  const spec = {
    initContainers: [
      sized({ cpu: '100m', memory: '1Gi' }),
      { ...sized({ cpu: '0.2' }), restartPolicy: 'Always' },
      sized({ cpu: 1, memory: '64Mi' }),
    ],
    containers: [sized({ cpu: '300m', memory: '128Mi' }), sized({ cpu: '0.1' }), C],
    overhead: { cpu: '10m' },
  };
  assert.deepEqual(podRequests(spec), { cpu: 1210, memory: 2 ** 30 });
  assert.deepEqual(podRequests({ containers: [C] }), {});
  assert.deepEqual(podLimits({ containers: [sized({}, { memory: '1.5Ki' })] }), { memory: 1536 });
});

test('the class of a pod follows from what its containers ask for and may use', () => {
  const all = { cpu: '1', memory: '1Gi' };
  assert.equal(podQoS({ containers: [C] }), 'BestEffort');
  assert.equal(podQoS({ containers: [sized(all, all)] }), 'Guaranteed');
  assert.equal(podQoS({ containers: [sized({ cpu: '1000m', memory: '1024Mi' }, all)] }), 'Guaranteed');
  assert.equal(podQoS({ containers: [sized(all, all), C] }), 'Burstable');
  assert.equal(podQoS({ containers: [sized({ cpu: '1' }, all)] }), 'Burstable');
  assert.equal(podQoS({ containers: [sized({ 'ephemeral-storage': '1Gi' })] }), 'BestEffort');
  assert.equal(pod({ containers: [{ ...C, resources: { limits: all } }] }).status?.qosClass, 'Guaranteed');
});

test('an answer tells of very many mistakes that there are more', () => {
  const env = Array.from({ length: 10_000 }, () => ({ name: '=' }));
  const spec = defaultPodSpec({ containers: [{ ...C, env }] });
  const { status } = invalid(Pod, 'a', validatePodSpec(spec, 'spec', { template: false }));
  assert.equal(status.details?.causes?.length, 256);
  assert.match(status.message ?? '', /, and 9744 more\]$/);
});
