import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { inNamespace, skipUnless, skipWithoutNft } from '../../host/testing/in-namespace.ts';

test('the kernel takes the tables of every way to know a node’s pods', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('localities.fixture.ts', import.meta.url));
});

const skip = existsSync('/proc/sys/net/bridge')
  ? skipUnless(['sh', '-c', 'mount -t tmpfs tmpfs /run && ip netns add t && nft list ruleset'])
  : 'needs bridge netfilter';
test('behind bridge netfilter, pods that are known by their bridge keep their address', { skip }, () => {
  inNamespace(new URL('bridged.fixture.ts', import.meta.url));
});
