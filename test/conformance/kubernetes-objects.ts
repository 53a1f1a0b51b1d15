/** What is made in a Kubernetes of tests, in place of what kubelets would report. */
import { MACHINE } from '../e2e/machine.ts';

/** Where the pod answers that there is no kubelet for. */
export const POD_ADDRESS = '10.244.1.5';
export const ADDRESS = '192.0.2.100';

export const NODE = `
apiVersion: v1
kind: Node
metadata: { name: node1 }
spec: { podCIDRs: [10.244.1.0/24], podCIDR: 10.244.1.0/24 }`;
export const NODE_STATUS = {
  status: {
    addresses: [{ type: 'InternalIP', address: MACHINE }],
    conditions: [
      { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: new Date().toISOString() },
    ],
  },
};
export const WEB = `
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec: { nodeName: node1, containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.80, selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }`;
export const LATE = `
apiVersion: v1
kind: Service
metadata: { name: late }
spec: { type: LoadBalancer, clusterIP: 10.96.0.81, selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }`;
export const POD_STATUS = {
  status: {
    ...{ phase: 'Running', podIP: POD_ADDRESS, podIPs: [{ ip: POD_ADDRESS }] },
    conditions: [{ type: 'Ready', status: 'True' }],
  },
};
export const POOL = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: lan, namespace: metallb-system }
spec: { addresses: [${ADDRESS}-192.0.2.109] }
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: { name: lan, namespace: metallb-system }`;
