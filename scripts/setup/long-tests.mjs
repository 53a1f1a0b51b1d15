/**
 * Test files that take longest, longest first: they are begun before all others, so that in the end no processor is idle while
 * one of them goes on. `npm test` says what took long; the order need not be exact.
 */
export const LONGEST = [
  'test/e2e/pods.test.ts',
  'test/e2e/l2.test.ts',
  // While the labs of the one before it come up, which would disturb the others more.
  'test/e2e/l2-alone.test.ts',
  'test/e2e/firewalld.test.ts',
  'test/e2e/up-killed.test.ts',
  'test/e2e/deploy-rights.test.ts',
  'test/e2e/join.test.ts',
  'test/e2e/lab-ha.test.ts',
  'test/e2e/walkthrough.test.ts',
  'test/e2e/interrupted.test.ts',
  'test/e2e/store-ops.test.ts',
  'src/network/between-nodes.test.ts',
  'src/firewall/firewalld/firewalld.test.ts',
  'src/proxy/features.test.ts',
  'src/lab/lab.test.ts',
  'test/conformance/kubectl/services.test.ts',
  'src/apiserver/kubectl.test.ts',
  'test/conformance/kubectl/workloads.test.ts',
  'test/conformance/histories/histories.test.ts',
  'src/firewall/firewalld/pods.test.ts',
  'src/firewall/iptables/iptables-firewall.test.ts',
  'src/apiserver/allocation/crash.test.ts',
  'test/conformance/kubectl/streams.test.ts',
  'test/conformance/metallb/examples.test.ts',
  'src/store/etcd/security.test.ts',
  'src/cli/commands/completion.test.ts',
  'src/l2/handover/packets.test.ts',
  'src/l2/namespaces.test.ts',
  'src/vm/guests.test.ts',
  'src/proxy/nftables/sticky.test.ts',
  'src/store/lmdb/crash.test.ts',
  'src/host/memory.test.ts',
  'src/cli/commands/firewall.test.ts',
  'src/pods/cni/cni.test.ts',
  'src/store/etcd/failover.test.ts',
  'src/l2/membership/simulation.test.ts',
  'src/apiserver/http/yaml-reader.test.ts',
  'src/l2/membership/simulation-hostile.test.ts',
  'src/controllers/cloud/oci/load-balancer/life.test.ts',
  'src/controllers/cloud/oci/security/sdk.test.ts',
  'src/l2/membership/simulation-cuts.test.ts',
];

/** Files in the order in which they are best begun. */
export function longestFirst(files) {
  const long = LONGEST.filter((file) => files.includes(file));
  return [...long, ...files.filter((file) => !long.includes(file))];
}
