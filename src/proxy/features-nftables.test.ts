import { skipWithoutNft } from '../host/testing/in-namespace.ts';
import { featureMatrix } from './testing/features/matrix.ts';

featureMatrix('nftables', skipWithoutNft());
