/** The door and the log alone, without a projection: what is left of ingest when nothing reads the log. Prints its port. */
import '../ops/threads.ts';
import { openDoor } from '../test/door.ts';

const door = await openDoor();
console.log(door.port);
