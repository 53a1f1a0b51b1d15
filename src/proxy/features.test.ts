import { featureMatrix } from './testing/features/matrix.ts';

// At the same time, the fixture of each in a world of its own: most of the time of each is spent waiting.
featureMatrix('nftables');
featureMatrix('iptables nft');
featureMatrix('iptables legacy');
