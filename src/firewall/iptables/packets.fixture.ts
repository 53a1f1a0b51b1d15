// Real packets through a host that drops by default. Runs alone in namespaces: see iptables-firewall.test.ts.
import { packetContract } from '../testing/packet-contract.ts';
import { administrate, openFirewall, VARIANT } from './testing.ts';

packetContract(`iptables, variant ${VARIANT}`, { setUp: async () => administrate(), open: openFirewall });
