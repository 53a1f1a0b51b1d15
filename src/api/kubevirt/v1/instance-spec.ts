/**
 * The spec that a VirtualMachine's template and a VirtualMachineInstance share. Fields of KubeVirt that are not acted on are
 * kept as they came, so that existing manifests apply.
 */
import { affinity, toleration, topologySpreadConstraint } from '../../core/v1/pod-placement.ts';
import {
  boolean,
  int32,
  int64,
  intOrString,
  list,
  listMap,
  map,
  object,
  open,
  quantity,
  required,
  string,
  type TypeOf,
} from '../../schema.ts';

export const probe = open(
  object({
    httpGet: object({
      path: string(),
      port: required(intOrString()),
      host: string(),
      scheme: string(),
      httpHeaders: list(object({ name: required(string()), value: required(string()) })),
    }),
    tcpSocket: object({ port: required(intOrString()), host: string() }),
    initialDelaySeconds: int32(),
    periodSeconds: int32('Default: 10.'),
    timeoutSeconds: int32('Default: 1.'),
    successThreshold: int32('Default: 1.'),
    failureThreshold: int32('Default: 3.'),
  }),
);
export type Probe = TypeOf<typeof probe>;

const kernelBoot = object({
  kernelArgs: string('Added to the kernel’s command line.'),
  container: object({
    image: required(string('An image of the local image store that holds the kernel and the initial RAM disk.')),
    imagePullPolicy: string(),
    imagePullSecret: string(),
    kernelPath: string('Path of the kernel inside the image.'),
    initrdPath: string('Path of the initial RAM disk inside the image.'),
  }),
});

export const volume = open(
  object({
    name: required(string()),
    containerDisk: object({ image: required(string()), path: string(), imagePullPolicy: string() }),
    cloudInitNoCloud: object({
      userData: string(),
      userDataBase64: string(),
      networkData: string(),
      networkDataBase64: string(),
    }),
    emptyDisk: object({ capacity: required(quantity()) }),
  }),
);

export const instanceSpec = open(
  object({
    domain: required(
      open(
        object({
          cpu: open(object({ cores: int32(), sockets: int32(), threads: int32(), model: string() })),
          memory: open(object({ guest: quantity('Memory that the guest sees, such as 128Mi.') })),
          resources: open(object({ requests: map(quantity()), limits: map(quantity()) })),
          firmware: open(object({ kernelBoot, uuid: string(), serial: string() })),
          machine: open(object({ type: string() })),
          devices: required(
            open(
              object({
                disks: listMap(
                  open(
                    object({
                      name: required(string()),
                      bootOrder: int32(),
                      disk: open(object({ bus: string(), readonly: boolean() })),
                      serial: string(),
                    }),
                  ),
                  ['name'],
                ),
                interfaces: list(
                  open(
                    object({
                      name: required(string()),
                      macAddress: string(),
                      model: string(),
                      ports: list(
                        object({ name: string(), protocol: string('Default: TCP.'), port: required(int32()) }),
                        'Ports that the guest serves, so that Services can name them. Others are open all the same.',
                      ),
                    }),
                  ),
                ),
              }),
            ),
          ),
        }),
      ),
    ),
    hostname: string('Name the guest gets by DHCP. Default: the name of the virtual machine.'),
    nodeSelector: map(string()),
    affinity,
    tolerations: list(toleration),
    topologySpreadConstraints: listMap(topologySpreadConstraint, ['topologyKey', 'whenUnsatisfiable']),
    schedulerName: string('Who chooses the node. Default: default-scheduler.'),
    networks: list(open(object({ name: required(string()) }))),
    volumes: listMap(volume, ['name']),
    readinessProbe: probe,
    livenessProbe: probe,
    terminationGracePeriodSeconds: int64('Seconds between asking the guest to power off and ending it. Default: 30.'),
  }),
);
export type InstanceSpec = TypeOf<typeof instanceSpec>;
