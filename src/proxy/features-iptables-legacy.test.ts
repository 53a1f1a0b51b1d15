import { featureMatrix } from './testing/features/matrix.ts';

featureMatrix('iptables legacy');
