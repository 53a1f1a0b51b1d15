/** Holds a snapshot until it is killed: `reader.fixture.ts DIR`. */
import { openLmdbSnapshot } from './snapshot.ts';

const [dir = ''] = process.argv.slice(2);
const snapshot = await openLmdbSnapshot({ dir, alone: false });
setInterval(() => snapshot.revision, 60_000);
process.stdout.write('reading\n');
