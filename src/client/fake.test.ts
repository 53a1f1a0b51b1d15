import { clientContract } from './contract.ts';
import { fakeClient } from './fake.ts';

clientContract('the fake client', () => ({ client: fakeClient(), close: () => {} }));
