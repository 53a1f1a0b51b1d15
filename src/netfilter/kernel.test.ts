import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../host/testing/in-namespace.ts';
import { countRules } from './kernel.ts';

test('the kernel keeps the contract', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('kernel.fixture.ts', import.meta.url));
});

test('rules are counted per chain, and neither hooks nor elements among them', () => {
  const listing = `table ip6 demo {
	set seen {
		type ipv6_addr
		elements = { fd00::1,
			     fd00::2 }
	}

	chain empty {
	}

	chain entry {
		type nat hook prerouting priority dstnat; policy accept;
		meta l4proto tcp reject with tcp reset
		jump empty
	}
}
`;
  assert.deepEqual(countRules(listing), new Map(Object.entries({ empty: 0, entry: 2 })));
});
