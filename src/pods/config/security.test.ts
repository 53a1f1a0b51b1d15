import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerSecurityContext, PodSecurityContext } from '../../api/core/v1/pod-spec.ts';
import type { ContainerSecurity, ImageInfo } from '../cri/cri.ts';
import { isProblem } from './problems.ts';
import { containerSecurity, namespaces, sandboxSecurity } from './security.ts';
import { forbiddenSysctl, sysctlsOf } from './sysctls.ts';
import { container, image, POD_UID, pod } from './testing.ts';

function result(ofPod: PodSecurityContext, own: ContainerSecurityContext, of: Partial<ImageInfo> = {}) {
  const main = container({ securityContext: own });
  return containerSecurity(pod({ containers: [main], securityContext: ofPod }), main, image(of), '/state/seccomp');
}

function allowed(...args: Parameters<typeof result>): ContainerSecurity {
  const security = result(...args);
  assert.ok(!isProblem(security), isProblem(security) ? security.message : '');
  return security;
}

function refused(...args: Parameters<typeof result>): string {
  const security = result(...args);
  assert.ok(isProblem(security));
  assert.equal(security.reason, 'CreateContainerConfigError');
  return security.message;
}

test('a container’s own context counts more than its pod’s, field by field', () => {
  const security = allowed({ runAsUser: 1000, runAsGroup: 1000 }, { runAsUser: 2000 });
  assert.equal(security.runAsUser, 2000);
  assert.equal(security.runAsGroup, 1000);
});

test('the group of volumes is among the supplemental groups of containers and sandbox', () => {
  const ofPod = { fsGroup: 3000, supplementalGroups: [4000, 3000] };
  assert.deepEqual(allowed(ofPod, {}).supplementalGroups, [3000, 4000]);
  assert.deepEqual(sandboxSecurity(pod({ securityContext: ofPod })).supplementalGroups, [3000, 4000]);
});

test('without a user the image’s is taken, by number or name', () => {
  assert.equal(allowed({}, {}, { uid: 101 }).runAsUser, 101);
  assert.equal(allowed({}, {}, { username: 'nginx' }).runAsUsername, 'nginx');
  assert.equal(allowed({}, {}).runAsUser, 0);
  // Runtimes refuse a group that has no user.
  assert.equal(sandboxSecurity(pod({ securityContext: { runAsGroup: 7 } })).runAsGroup, undefined);
  const own = allowed({}, { runAsUser: 5 }, { username: 'nginx' });
  assert.equal(own.runAsUser, 5);
  assert.equal(own.runAsUsername, undefined);
});

test('who is not to be root is not started as root, nor as somebody unknown', () => {
  const where = `(pod: "web_shop(${POD_UID})", container: main)`;
  const nonRoot = { runAsNonRoot: true };
  assert.equal(refused(nonRoot, { runAsUser: 0 }), `container's runAsUser breaks non-root policy ${where}`);
  assert.equal(refused({}, nonRoot), `container has runAsNonRoot and image will run as root ${where}`);
  assert.equal(refused({}, nonRoot, { uid: 0 }), `container has runAsNonRoot and image will run as root ${where}`);
  assert.equal(
    refused(nonRoot, {}, { username: 'nginx' }),
    `container has runAsNonRoot and image has non-numeric user (nginx), cannot verify user is non-root ${where}`,
  );
  allowed(nonRoot, {}, { uid: 101 });
  allowed(nonRoot, { runAsUser: 7 });
  allowed(nonRoot, { runAsNonRoot: false });
});

test('privileges are as the container says, and few by default', () => {
  const plain = allowed({}, {});
  assert.equal(plain.privileged, false);
  assert.equal(plain.noNewPrivs, false);
  assert.equal(plain.readonlyRootfs, false);
  assert.equal(plain.capabilities, undefined);
  assert.ok(plain.maskedPaths?.includes('/proc/kcore'));
  assert.ok(plain.readonlyPaths?.includes('/proc/sys'));
  const capabilities = { add: ['NET_ADMIN'], drop: ['ALL'] };
  const own = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities, procMount: 'Unmasked' };
  const set = allowed({}, own);
  assert.equal(set.noNewPrivs, true);
  assert.equal(set.readonlyRootfs, true);
  assert.deepEqual(set.capabilities, capabilities);
  assert.deepEqual(set.maskedPaths, []);
  const whole = pod({ containers: [container({ securityContext: { privileged: true } })] });
  assert.equal(sandboxSecurity(whole).privileged, true);
});

test('profiles are the container’s, else the pod’s, and stay in their folder', () => {
  const runtime = { type: 'RuntimeDefault' };
  assert.deepEqual(allowed({}, {}).seccomp, { profileType: 'Unconfined' });
  assert.deepEqual(allowed({ seccompProfile: runtime }, {}).seccomp, { profileType: 'RuntimeDefault' });
  assert.deepEqual(allowed({ seccompProfile: runtime }, { privileged: true }).seccomp, { profileType: 'Unconfined' });
  const local = (localhostProfile: string) => ({ seccompProfile: { type: 'Localhost', localhostProfile } });
  assert.equal(allowed({}, local('a/b.json')).seccomp?.localhostRef, '/state/seccomp/a/b.json');
  for (const path of ['../x', '/etc/x', 'a/../../x', ''])
    assert.match(refused({}, local(path)), /beneath \/state\/seccomp/);
  const appArmorProfile = { type: 'Localhost', localhostProfile: 'mine' };
  assert.deepEqual(allowed({ appArmorProfile }, {}).apparmor, { profileType: 'Localhost', localhostRef: 'mine' });
  assert.equal(allowed({}, {}).apparmor, undefined);
  const seLinuxOptions = { level: 's0:c1' };
  assert.deepEqual(allowed({ seLinuxOptions }, {}).selinux, { user: '', role: '', type: '', level: 's0:c1' });
});

test('namespaces are the pod’s own unless it wants the node’s', () => {
  assert.deepEqual(namespaces(pod()), { network: 'POD', pid: 'CONTAINER', ipc: 'POD' });
  assert.deepEqual(namespaces(pod({ shareProcessNamespace: true })).pid, 'POD');
  assert.deepEqual(namespaces(pod({ hostNetwork: true, hostPID: true, hostIPC: true })), {
    network: 'NODE',
    pid: 'NODE',
    ipc: 'NODE',
  });
});

test('parameters of the kernel are set where they are the pod’s own and safe', () => {
  const withSysctl = (name: string, more = {}) =>
    pod({ securityContext: { sysctls: [{ name, value: '1' }] }, ...more });
  const unprivileged = 'net.ipv4.ip_unprivileged_port_start';
  assert.equal(forbiddenSysctl(withSysctl(unprivileged)), undefined);
  assert.deepEqual(sysctlsOf(withSysctl('net/ipv4/ip_unprivileged_port_start')), { [unprivileged]: '1' });
  assert.equal(forbiddenSysctl(withSysctl('kernel.msgmax')), 'forbidden sysctl: "kernel.msgmax" not allowlisted');
  assert.equal(
    forbiddenSysctl(withSysctl(unprivileged, { hostNetwork: true })),
    `forbidden sysctl: "${unprivileged}" not allowed with host net enabled`,
  );
});
