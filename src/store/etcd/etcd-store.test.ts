import { contractOn } from './contract.fixture.ts';

contractOn('etcd of one member', 1, 0.2);
