/** A virtual machine for tests that boot one. */

/** Of the demo image, by the name `guest`; it answers HTTP on port 9376 once it is ready. */
export const GUEST = `
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: { name: guest }
spec:
  runStrategy: Always
  template:
    spec:
      domain:
        memory: { guest: 128Mi }
        firmware:
          kernelBoot:
            kernelArgs: console=ttyS0 quiet
            container: { image: postern.dev/demo:latest, kernelPath: /boot/vmlinuz, initrdPath: /boot/initrd }
        devices: { interfaces: [{ name: default, masquerade: {} }] }
      networks: [{ name: default, pod: {} }]
      readinessProbe: { httpGet: { path: /, port: 9376 } }`;
