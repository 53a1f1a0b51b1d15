import { systemClock } from '../../host/clock.ts';
import { runtimeContract } from './contract.ts';
import { FakeRuntime } from './fake.ts';

const runtime = new FakeRuntime({ clock: systemClock });
runtimeContract('the fake runtime', () => ({ runtime, logDirectory: '/nowhere' }), 0.01);
