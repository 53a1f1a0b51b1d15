import { contractOn } from './contract.fixture.ts';

contractOn('etcd of three members', 3, 0.2);
